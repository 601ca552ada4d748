"""A request keeps its id: in the answer, in the log, and in the jobs that it leaves behind."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session

from tests.faults.running import a_pdf

Headers = dict[str, str]


def test_an_id_of_the_client_is_kept_and_an_odd_one_is_replaced(client: TestClient, admin: Headers):
    assert (
        client.get("/v1/documents", headers=admin | {"X-Request-ID": "order-4711"}).headers["x-request-id"]
        == "order-4711"
    )
    for odd in ("short", "with spaces in it", "x" * 65, 'quote"quote"', "", None):
        answer = client.get("/v1/documents", headers=admin | ({} if odd is None else {"X-Request-ID": odd}))
        assert len(answer.headers["x-request-id"]) == 32
    assert "x-request-id" not in client.get("/healthz").headers


def test_an_upload_leaves_its_id_with_its_first_job_and_its_line_says_no_value(
    client: TestClient, admin: Headers, session: Session, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.INFO):
        sent = client.post(
            "/v1/documents",
            headers=admin | {"X-Request-ID": "upload-0001"},
            files={"file": ("of-a-customer.pdf", a_pdf("Total 17.25"))},
            data={"external_id": "secret-number"},
        )
    assert sent.status_code == 202
    (args,) = session.connection().exec_driver_sql("SELECT args FROM procrastinate_jobs").scalars().all()
    assert args["origin"]["request_id"] == "upload-0001"
    assert "POST /v1/documents: 202 in" in caplog.text
    assert not [said for said in ("17.25", "of-a-customer", "secret-number") if said in caplog.text]
