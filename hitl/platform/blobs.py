"""The bytes of documents and pages, by content: a folder by default, S3, Google Cloud or Azure by URL.

A key is workspace / SHA-256 of the bytes. The same bytes written twice are one blob, so writing is harmless twice; a
blob is written before the row that names it, so a crash leaves at most a blob that nobody names.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import obstore
from obstore.store import from_url
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, func, select

from hitl.settings import settings
from models.ids import new_id
from models.tables import Blob, Document

if TYPE_CHECKING:
    from obstore.store import RetryConfig


REPEATS: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}  # jobs and clients come again


class BlobMissing(Exception):
    """No blob has this key: it was erased, or the blob store is not the one that the database belongs to."""


class BlobStore(Protocol):
    """What a place for blobs can do."""

    def put(self, workspace_id: str, data: bytes) -> str:
        """Store `data` and return its key."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes of `key`. Raises BlobMissing."""
        ...

    def delete(self, key: str) -> None:
        """Forget `key`; nothing happens if it is not there."""
        ...


def key_of(workspace_id: str, data: bytes) -> str:
    """The key under which `data` is stored."""
    return f"{workspace_id}/{hashlib.sha256(data).hexdigest()}"


class FolderBlobs:
    """Blobs as files. A blob is on the disk, whole, before its name exists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def _path(self, key: str) -> Path:
        workspace_id, _, digest = key.partition("/")
        path = self.folder / workspace_id / digest[:2] / digest
        if not digest or not path.resolve().is_relative_to(self.folder):
            raise BlobMissing(f"{key!r} is not the key of a blob")
        return path

    def put(self, workspace_id: str, data: bytes) -> str:
        key = key_of(workspace_id, data)
        path = self._path(key)
        if path.exists():
            return key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return key

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise BlobMissing(f"The blob {key} is missing in {self.folder}") from error

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RemoteBlobs:
    """Blobs in an object store; credentials come from the store's usual environment variables."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def put(self, workspace_id: str, data: bytes) -> str:
        key = key_of(workspace_id, data)
        obstore.put(self.store, key, data)
        return key

    def get(self, key: str) -> bytes:
        try:
            return bytes(obstore.get(self.store, key).bytes())
        except FileNotFoundError as error:
            raise BlobMissing(f"The blob {key} is missing") from error

    def delete(self, key: str) -> None:
        try:
            obstore.delete(self.store, key)
        except FileNotFoundError:
            return


def blobs() -> BlobStore:
    """The place where this installation keeps its blobs."""
    return _open(settings().blob_url or str(settings().data_dir / "blobs"))


@lru_cache(maxsize=4)
def _open(url: str) -> BlobStore:
    if "://" not in url or url.startswith("file://"):
        return FolderBlobs(Path(url.removeprefix("file://")))
    return RemoteBlobs(from_url(url, retry_config=REPEATS))


def keep(session: Session, document: Document, data: bytes, now: datetime) -> str:
    """Store bytes that `document` needs, note it in its transaction, and return the key."""
    key = key_of(document.workspace_id, data)
    need(session, document, key, len(data), now)
    blobs().put(document.workspace_id, data)
    return key


def need(session: Session, document: Document, key: str, size: int, now: datetime) -> None:
    """Note that `document` needs a blob, which is stored or will be before the transaction ends.

    The shared lock holds back `drop_unused` for this key until then.
    """
    session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:key, 11))"), {"key": key})
    note = insert(Blob).values(
        id=new_id("blb"),
        workspace_id=document.workspace_id,
        document_id=document.id,
        key=key,
        bytes=size,
        created_at=now,
    )
    session.execute(note.on_conflict_do_nothing(index_elements=["document_id", "key"]))


def stored(session: Session, workspace_id: str) -> tuple[int, int]:
    """How many blobs a workspace has, and their bytes together."""
    sums = select(func.count(), func.coalesce(func.sum(Blob.bytes), 0)).where(Blob.workspace_id == workspace_id)
    count, size = session.exec(sums).one()
    return count, int(size)


def drop_unused(session: Session, keys: Iterable[str]) -> int:
    """Delete those of `keys` that no document names any more. Harmless twice; returns how many were deleted."""
    dropped = 0
    for key in keys:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 11))"), {"key": key})
        if session.exec(select(Blob.id).where(Blob.key == key).limit(1)).first() is None:
            blobs().delete(key)
            dropped += 1
    return dropped
