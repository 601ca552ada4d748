"""Two web processes, three workers, an S3 server and a proxy over one database: from upload to release, and down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store
from sqlalchemy import text
from sqlmodel import Session

from hitl.people import keys
from hitl.people.keys import Scope
from hitl.workspace.workspaces import ensure_default_workspace
from models.states import Role
from tests import factories
from tests.deploy.collector import Collector, collector
from tests.deploy.running import Topology, answers, topology
from tests.faults.running import a_pdf
from tests.flow.running import Listener, listener

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed"),
]

PEOPLE = ("ann", "bob", "cid")
TYPE = {"name": "note", "label": "Note", "fields": [{"name": "total", "kind": "money", "label": "Total"}]}
COUNT = 4


def total(number: int) -> str:
    return f"{100 + number}.50"


def a_client(session: Session, url: str) -> httpx.Client:
    """A key of the default workspace, and three people in it."""
    now = datetime.now(UTC)
    workspace = ensure_default_workspace(session, now)
    for login in PEOPLE:
        factories.create_user(session, workspace, Role.VALIDATOR, login=login)
    _, secret = keys.add_key(session, workspace.id, "test", [Scope.ADMIN], actor="test", now=now)
    session.commit()
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=30)


def upload(client: httpx.Client, number: int) -> str:
    page = a_pdf(f"Total {total(number)} EUR")
    files, named = {"file": ("note.pdf", page)}, {"X-Request-ID": f"upload-{number:04}"}
    sent = client.post("/v1/documents", files=files, data={"document_type": "note"}, headers=named)
    assert sent.status_code == 202, sent.text
    return str(sent.json()["id"])


def states(client: httpx.Client, ids: list[str]) -> list[str]:
    return [str(client.get(f"/v1/documents/{one}").json()["state"]) for one in ids]


def key_all(client: httpx.Client, truths: dict[str, str]) -> int:
    """Everybody answers what they are handed. Returns how many answers were taken."""
    taken = 0
    for person in PEOPLE:
        tasks = client.get("/v1/tasks/next", params={"person": person, "count": 20}).json()["tasks"]
        said: list[dict[str, Any]] = [
            {"task_id": one["id"], "token": one["token"], "value": truths[one["document_id"]]} for one in tasks
        ]
        if said:
            body = {"person": person, "answers": said}
            answer = client.post("/v1/answers", json=body, headers={"Idempotency-Key": f"{person}-{time.monotonic()}"})
            assert [one["status"] for one in answer.json()["results"]] == [201] * len(said), answer.text
            taken += len(said)
    return taken


def blobs(site: Topology) -> int:
    store = S3Store(
        "countersign",
        endpoint=site.store,
        region="us-east-1",
        access_key_id=site.environment["AWS_ACCESS_KEY_ID"],
        secret_access_key=site.environment["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )
    return sum(len(page) for page in obstore.list(store, prefix="blobs/"))


def jobs(session: Session, status: str) -> int:
    session.rollback()
    count = "SELECT count(*) FROM procrastinate_jobs WHERE status::text = :status AND NOT args ? 'timestamp'"
    return int(session.execute(text(count), {"status": status}).scalar_one())


def test_the_whole_topology_from_upload_to_release_and_down_again(session: Session, tmp_path: Path):
    with topology(tmp_path) as site, listener() as heard, collector() as traces, ExitStack() as together:
        site.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = traces.url
        site.objects()
        webs = [site.web(1), site.web(2)]
        site.proxy(webs)
        site.wait_until(lambda: answers(f"{site.store}/healthz"), 60, "the S3 server answers")
        for web in webs:
            site.wait_until(lambda web=web: answers(f"{web.url}/readyz"), 90, "ready without a worker")
        client = together.enter_context(a_client(session, site.url))
        ids = intake(site, client, heard)
        workers = [site.worker(number) for number in (1, 2, 3)]
        site.wait_until(lambda: all(worker.alive.exists() for worker in workers), 90, "workers say that they live")
        site.wait_until(lambda: jobs(session, "doing") > 0, 90, "work has begun")
        assert workers[0].stop() == 0  # in the midst of it: what it had in hand is done, or goes back
        site.wait_until(lambda: set(states(client, ids)) == {"in_review"}, 180, "all is read")
        truths = {one: total(number) for number, one in enumerate(ids)}
        assert key_all(client, truths) > 0
        assert webs[0].stop() == -signal.SIGTERM  # it ends in order; the other one takes over, and nobody notices
        site.wait_until(lambda: key_all(client, truths) == 0, 60, "nobody is asked any more")
        site.wait_until(lambda: set(states(client, ids)) == {"released"}, 30, "all are released")
        site.wait_until(lambda: heard.released() == set(ids), 60, "each release is told")
        for number, one in enumerate(ids):
            assert client.get(f"/v1/documents/{one}").json()["fields"]["total"]["value"] == total(number)
        assert blobs(site) >= 2 * COUNT  # the file and the drawn page of each
        assert not (tmp_path / "data" / "blobs").exists()
        for worker in workers[1:]:
            assert worker.stop() == 0
        assert jobs(session, "doing") == 0
        assert jobs(session, "failed") == 0
        check_logs(site, ids)
        check_traces(site, traces)


def check_logs(site: Topology, ids: list[str]) -> None:
    """Each document can be followed from the upload to the webhook by the ids in the lines, which hold no value."""
    said = "\n".join(one.log.read_text() for one in site.processes if one.name.startswith(("web", "worker")))
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    for number, one in enumerate(ids):
        about = [line for line in lines if line.get("document_id") == one]
        of_upload = [line for line in about if line.get("request_id") == f"upload-{number:04}"]
        done = {line["job"] for line in of_upload if line["message"].endswith("done")}
        assert done >= {"render", "read_page", "recognise"}
        assert all("job_id" in line for line in of_upload if "job" in line)
        assert any(line["message"].startswith("told document.released") for line in about)
        assert total(number) not in said
    assert "note.pdf" not in said


def check_traces(site: Topology, traces: Collector) -> None:
    """One trace from the request of an upload to its last job; and what follows an answer ends at the webhook."""
    of_uploads = [names for names in traces.names.values() if "POST /v1/documents" in names]
    assert len(of_uploads) == COUNT
    assert any({"render", "read_page", "recognise", "ask"} <= set(names) for names in of_uploads)
    told = [names for names in traces.names.values() if "POST /v1/answers" in names and "deliver_webhook" in names]
    assert told
    assert all({"take_answer", "release_if_ready"} <= set(names) for names in told)
    assert not [number for number in range(COUNT) if total(number) in traces.said]


def intake(site: Topology, client: httpx.Client, heard: Listener) -> list[str]:
    """A type, a webhook and the documents; before there is a worker."""
    assert client.post("/v1/document-types", json=TYPE).status_code < 300
    hook = {"url": heard.url, "events": ["document.released"]}
    made = client.post("/v1/webhooks", json=hook)
    assert made.status_code == 201, made.text
    heard.secret = made.json()["secret"]
    heard.failed_once = True
    return [upload(client, number) for number in range(COUNT)]


def test_what_compose_sets_is_what_the_test_runs_with(tmp_path: Path):
    import yaml

    loaded = yaml.safe_load((Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml").read_text())
    with topology(tmp_path) as site:
        missing = set(loaded["x-countersign"]["environment"]) - set(site.environment) - set(os.environ)
    assert missing <= {"COUNTERSIGN_DATABASE_URL", "AWS_ENDPOINT", "COUNTERSIGN_PUBLIC_URL"}  # set by fixtures
