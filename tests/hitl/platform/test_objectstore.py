"""Blobs in an object store, with the settings that the manual names, against a little server that speaks S3."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hitl.platform import blobs
from hitl.settings import settings

MANUAL = Path(__file__).resolve().parents[3] / "api" / "help" / "deployment.md"


@dataclass
class Bucket:
    """What a bucket holds, and whose signatures the requests carried."""

    objects: dict[str, bytes] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)
    url: str = ""


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    kept = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: bytes = b"") -> None:
            kept.signed.add(self.headers.get("Authorization", "").partition(",")[0])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Mon, 02 Mar 2026 09:00:00 GMT")
            self.end_headers()
            self.wfile.write(body)

        def do_PUT(self) -> None:
            kept.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(200)

        def do_GET(self) -> None:
            if self.path in kept.objects:
                self.answer(200, kept.objects[self.path])
            else:
                self.answer(404)

        def do_POST(self) -> None:
            """Several are deleted by one request that lists them."""
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            names = re.findall(r"<Key>(.*?)</Key>", asked)
            for name in names:
                kept.objects.pop(f"/scans/{name}", None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
            self.answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

        def log_message(self, *_: object) -> None:
            """Silent: what is kept is what counts."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[blobs.BlobStore]:
    named = {
        "COUNTERSIGN_BLOB_URL": "s3://scans/countersign",
        "AWS_ACCESS_KEY_ID": "the-key",
        "AWS_SECRET_ACCESS_KEY": "the-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT": bucket.url,
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert not [name for name in named if name not in MANUAL.read_text(encoding="utf-8")]
    settings.cache_clear()
    blobs._open.cache_clear()
    yield blobs.blobs()
    settings.cache_clear()
    blobs._open.cache_clear()


def test_objects_go_below_the_prefix_under_the_signature_of_the_environment(store: blobs.BlobStore, bucket: Bucket):
    key = store.put("ws", b"a scan")
    assert bucket.objects == {f"/scans/countersign/{key}": b"a scan"}
    assert store.get(key) == b"a scan"
    (signed,) = bucket.signed
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=the-key/")
    assert "/eu-central-1/s3/" in signed


def test_an_object_that_is_gone_is_missing_and_deleting_it_again_is_harmless(store: blobs.BlobStore, bucket: Bucket):
    key = store.put("ws", b"a scan")
    store.delete(key)
    store.delete(key)
    assert bucket.objects == {}
    with pytest.raises(blobs.BlobMissing, match=key):
        store.get(key)
