"""The contract that /openapi.json states, held against the running application and by a client made from it."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlmodel import Session

from api.app import create_app
from models.tables import Document, Task
from tests.api.test_documents import png

EXAMPLES = int(os.environ.get("COUNTERSIGN_EXAMPLES", "3"))
# Refused for what they say about the world and not for their form: no schema can know these.
BY_MEANING = {
    "documents_upload": "bytes that are no document",
    "document_types_add_type": "checks of fields that are not there",
    "document_types_replace_type": "checks of fields that are not there",
    "documents_list_documents": "a cursor that is none of ours",
    "documents_correct": "a field that the document's type does not have",
    "keys_add_key": "an end before 1970",
    "people_invite_person": "a login of blanks",
    "tasks_answer": "found, and no value",
    "tasks_answer_many": "found, and no value; or no key at all",
    "webhooks_add_webhook": "a name that leads nowhere",
    "webhooks_change_webhook": "a name that leads nowhere",
}
CONTRACT = schemathesis.openapi.from_asgi("/openapi.json", create_app())
OPERATIONS = {one.ok().definition.raw["operationId"]: one.ok() for one in CONTRACT.get_all_operations()}


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"health_readyz"}))  # 503 is what it is there to say
def test_answers_are_as_the_contract_says(
    name: str, database: str, admin: dict[str, str], things: dict[str, str]
) -> None:
    """Valid and invalid requests made from the contract, half of them about things that are there."""
    operation = OPERATIONS[name]

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        case.path_parameters |= {name: value for name, value in things.items() if name in case.path_parameters}
        if "wait" in (case.query or {}):
            case.query["wait"] = 0  # a minute each otherwise
        excluded = [positive_data_acceptance] if name in BY_MEANING else []
        case.call_and_validate(headers=admin, excluded_checks=excluded)

    run()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A client that openapi-python-client made from the contract: its modules by name."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(create_app().openapi()))
    (folder / "config.yml").write_text("post_hooks: []\n")
    options = ["--path", "openapi.json", "--config", "config.yml", "--meta", "none", "--output-path", "made_client"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    assert "Error" not in done.stdout, done.stdout
    sys.path.insert(0, str(folder))
    try:
        names = {name: importlib.import_module(f"made_client.{name}") for name in ("client", "models", "types")}
        calls = {
            name: importlib.import_module(f"made_client.api.{group}.{name}")
            for group, name in [
                ("documents", "documents_upload"), ("documents", "documents_list_documents"),
                ("documents", "documents_show_document"), ("documents", "documents_correct"),
                ("tasks", "tasks_next_tasks"), ("tasks", "tasks_answer"),
                ("webhooks", "webhooks_list_deliveries"), ("webhooks", "webhooks_replay"),
            ]
        }  # fmt: skip
    finally:
        sys.path.remove(str(folder))
    return SimpleNamespace(**names, **calls)


def test_a_generated_client_uploads_reads_answers_corrects_and_replays(
    generated: SimpleNamespace, admin: dict[str, str], things: dict[str, str], released: Document, session: Session
) -> None:
    models = generated.models
    transport = {"transport": httpx.ASGITransport(create_app())}
    token = admin["Authorization"].removeprefix("Bearer ")
    client = generated.client.AuthenticatedClient("http://test", token, httpx_args=transport)

    def call(name: str, *path: str, **given: Any) -> Any:
        answer = asyncio.run(getattr(generated, name).asyncio_detailed(*path, client=client, **given))
        client._async_client = None  # its connections belong to the loop that has ended
        assert 200 <= answer.status_code < 300, answer.content
        return answer.parsed

    file = generated.types.File(io.BytesIO(png()), "a.png", "image/png")
    sent = call("documents_upload", body=models.DocumentsUploadBody(file=file, external_id="order 7"))
    assert call("documents_show_document", sent.id).external_id == "order 7"
    assert sent.id in {one.id for one in call("documents_list_documents", limit=2).documents}
    assert call("documents_show_document", released.id).fields["total"].value == "12.50"

    wrong = models.CorrectionInput(field="total", value="13.50")
    assert call("documents_correct", released.id, body=wrong).fields["total"].value == "13.50"

    task = session.get_one(Task, things["task_id"])
    given = models.AnswerInput(person="ann", token="t", value="12.50", idempotency_key="1")
    task.lease_until = datetime.now(UTC) + timedelta(minutes=5)
    session.commit()
    assert call("tasks_answer", task.id, body=given).task_id == task.id
    assert call("tasks_next_tasks", person="ann").tasks == []

    deliveries = call("webhooks_list_deliveries", things["webhook_id"]).deliveries
    assert call("webhooks_replay", things["webhook_id"], deliveries[0].id).id == deliveries[0].id
