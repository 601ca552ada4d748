"""Documents over the API: upload, look, list, pages, history and what a client may do."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import func
from sqlmodel import Session, select

from fixtures import einvoices
from hitl.platform.blobs import blobs
from models.states import DocumentState
from models.tables import Document, IdempotencyKey, Workspace
from tests import factories

Headers = dict[str, str]


def png(text: str = "TOTAL 12.50") -> bytes:
    image = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(image).text((40, 40), text, fill="black")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def send(client: TestClient, headers: Headers, data: bytes | None = None, key: str | None = None, **form: str):
    named = headers | ({"Idempotency-Key": key} if key else {})
    return client.post("/v1/documents", headers=named, files={"file": ("a.png", data or png())}, data=form)


def test_an_upload_is_accepted_and_its_address_told(client: TestClient, admin: Headers):
    answer = send(client, admin, external_id="order 7", priority="5", due_at="2026-12-01T10:00:00Z")
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/documents/{body['id']}"
    assert (body["state"], body["external_id"], body["priority"]) == ("received", "order 7", 5)
    shown = client.get(answer.headers["location"], headers=admin).json()
    assert shown["id"] == body["id"]
    assert shown["fields"] == {}
    assert shown["due_at"] == "2026-12-01T10:00:00Z"


def test_the_same_bytes_and_external_id_are_the_same_document(client: TestClient, admin: Headers):
    first, second = send(client, admin, external_id="x"), send(client, admin, external_id="x")
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]


def test_the_same_idempotency_key_gets_the_same_answer(client: TestClient, admin: Headers, session: Session):
    first, second = send(client, admin, key="k1"), send(client, admin, key="k1")
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert second.headers["idempotent-replayed"] == "true"
    assert session.exec(select(func.count()).select_from(Document)).one() == 1


def test_the_same_idempotency_key_with_another_request_is_refused(client: TestClient, admin: Headers):
    send(client, admin, key="k1")
    answer = send(client, admin, png("other"), key="k1")
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"


def test_a_refused_upload_does_not_use_up_its_key(client: TestClient, admin: Headers, session: Session):
    assert send(client, admin, b"no document at all", key="k1").status_code == 422
    assert session.exec(select(IdempotencyKey)).all() == []
    assert send(client, admin, key="k1").status_code == 202


def test_keys_of_two_workspaces_do_not_meet(client: TestClient, admin: Headers, session: Session, make_key):
    other = make_key(factories.create_workspace(session))
    ids = {send(client, headers, key="k1").json()["id"] for headers in (admin, other)}
    assert len(ids) == 2


def test_racing_uploads_with_one_key_make_one_document(client: TestClient, admin: Headers, session: Session):
    racers, line = 6, threading.Barrier(6)

    def race(_: int) -> tuple[int, str]:
        line.wait()
        answer = send(client, admin, key="race")
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(racers) as pool:
        answers = set(pool.map(race, range(racers)))
    assert len(answers) == 1
    assert session.exec(select(func.count()).select_from(Document)).one() == 1


def test_racing_uploads_without_key_and_one_external_id_make_one_document(client: TestClient, admin: Headers):
    line = threading.Barrier(4)

    def race(_: int) -> str:
        line.wait()
        return str(send(client, admin, external_id="same").json()["id"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(race, range(4)))) == 1


def test_bad_bytes_are_refused_with_a_next_step(client: TestClient, admin: Headers):
    bad = [(b"", "empty_file"), (b"hello, no document", "not_a_document"), (png()[:200], "truncated")]
    for data, code in bad:
        answer = client.post("/v1/documents", headers=admin, files={"file": ("a.png", data)})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert answer.json()["next_step"]


def test_a_wrong_form_field_is_named(client: TestClient, admin: Headers):
    wrong = [
        {"priority": "soon"},
        {"priority": "1000"},
        {"due_at": "2026-12-01T10:00:00"},
        {"external_id": "x" * 201},
        {"colour": "red"},
    ]
    for form in wrong:
        answer = send(client, admin, **form)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"] == next(iter(form))


def test_an_unknown_type_is_refused(client: TestClient, admin: Headers, session: Session):
    answer = send(client, admin, document_type="unheard_of")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_document_type")
    assert session.exec(select(Document)).all() == []


def test_an_upload_without_file_is_told(client: TestClient, admin: Headers):
    answer = client.post("/v1/documents", headers=admin, data={"priority": "1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "file_missing")


def test_a_list_is_walked_by_cursor_without_gap_or_repeat(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(7):  # three pairs of the same moment
        factories.create_document(session, tenant, created_at=begin + timedelta(seconds=number // 2))
    session.commit()
    seen, cursor = [], None
    while True:
        page = client.get("/v1/documents", headers=admin, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        seen += [document["id"] for document in page.json()["documents"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
    times = [session.get_one(Document, identifier).created_at for identifier in seen]
    assert times == sorted(times, reverse=True)


def test_a_list_is_filtered(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    failed = factories.create_document(session, tenant, state=DocumentState.FAILED.value, external_id="e1")
    factories.create_document(session, tenant, document_type="nda")
    session.commit()

    def ids(**query: str) -> list[str]:
        return [row["id"] for row in client.get("/v1/documents", headers=admin, params=query).json()["documents"]]

    assert ids(state="failed") == ids(external_id="e1") == ids(document_type="receipt") == [failed.id]


def test_a_foreign_cursor_is_refused(client: TestClient, admin: Headers):
    for cursor in ("rubbish", "bm9wZQ", "WzEsMl0", "WyIyMDI2LTAxLTAxIiwgImEiXQ"):
        answer = client.get("/v1/documents", headers=admin, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


def test_a_page_is_served_once_and_each_look_is_written_down(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    document = factories.create_document(session, tenant)
    factories.create_page(session, document, image_key=blobs().put(tenant.id, png()))
    session.commit()
    address = f"/v1/documents/{document.id}/pages/1.png"
    answer = client.get(address, headers=admin)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, png(), "image/png")
    again = client.get(address, headers=admin | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"/v1/documents/{document.id}/pages/2.png", headers=admin).status_code == 404
    history = client.get(f"/v1/documents/{document.id}/events", headers=admin).json()
    assert [event["action"] for event in history["events"]] == ["page.shown"]
    assert history["intact"] is True


def test_fields_are_shown_with_the_readings_of_the_machine(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace
):
    document = factories.create_document(session, tenant)
    factories.create_reading(session, document, "total", "12.50")
    session.commit()
    field = client.get(f"/v1/documents/{document.id}", headers=admin).json()["fields"]["total"]
    assert (field["value"], field["page"], field["state"]) == ("12.50", 1, "found")
    assert field["box"] == [0.1, 0.1, 0.3, 0.15]
    assert 0 <= field["confidence"] <= 1


def test_erasing_leaves_a_tombstone(client: TestClient, admin: Headers):
    sent = send(client, admin).json()
    assert client.delete(f"/v1/documents/{sent['id']}", headers=admin).status_code == 204
    assert client.get(f"/v1/documents/{sent['id']}", headers=admin).json()["state"] == "erased"
    assert client.delete(f"/v1/documents/{sent['id']}", headers=admin).status_code == 204


def test_work_is_cancelled_once(client: TestClient, admin: Headers):
    address = f"/v1/documents/{send(client, admin).json()['id']}/cancel"
    assert client.post(address, headers=admin).json()["state"] == "cancelled"
    again = client.post(address, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "not_possible_now")


def test_a_failed_document_is_retried(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    document = factories.create_document(session, tenant, state=DocumentState.FAILED.value)
    session.commit()
    answer = client.post(f"/v1/documents/{document.id}/retry", headers=admin)
    assert (answer.status_code, answer.json()["state"]) == (202, "received")


def test_a_document_is_read_again(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    document = factories.create_document(session, tenant)
    session.commit()
    answer = client.post(f"/v1/documents/{document.id}/reprocess", headers=admin)
    assert (answer.status_code, answer.json()["state"]) == (202, "rendered")


@pytest.mark.parametrize(
    ("change", "state", "body"),
    [("reprocess", "released", None), ("cancel", "in_review", None), ("type", "read", {"document_type": "nda"})],
)
def test_a_change_under_one_key_happens_once(
    client: TestClient, admin: Headers, session: Session, tenant: Workspace, change: str, state: str, body: object
):
    document = factories.create_document(session, tenant, state=state)
    session.commit()
    address, keyed = f"/v1/documents/{document.id}/{change}", admin | {"Idempotency-Key": "k1"}
    first, again = (client.post(address, headers=keyed, json=body) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    events = client.get(f"/v1/documents/{document.id}/events", headers=admin).json()["events"]
    assert len({event["action"] for event in events}) == len(events)
    other = client.post(f"/v1/documents/{document.id}/retry", headers=keyed)
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(("password", "status"), [("secret", 422), ("", 202)])
def test_a_pdf_that_needs_a_password_is_refused_at_once(client: TestClient, admin: Headers, password: str, status: int):
    page = io.BytesIO()
    lock = StandardEncryption(password, ownerPassword="owner", strength=128)
    canvas = Canvas(page, encrypt=lock)
    canvas.drawString(72, 720, "TOTAL 12.50")
    canvas.save()
    answer = send(client, admin, page.getvalue())
    assert answer.status_code == status, answer.text
    assert password == "" or answer.json()["code"] == "encrypted"


def test_a_document_is_retyped(client: TestClient, admin: Headers, session: Session, tenant: Workspace):
    document = factories.create_document(session, tenant)
    session.commit()
    address = f"/v1/documents/{document.id}/type"
    assert client.post(address, headers=admin, json={"document_type": "nda"}).status_code == 202
    wrong = client.post(address, headers=admin, json={"document_type": "unheard_of"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "no_such_document_type")


def test_a_correction_amends_the_release_once(client: TestClient, admin: Headers, released: Document):
    address = f"/v1/documents/{released.id}/corrections"
    correction = {"field": "total", "value": "13.50", "note": "the 2 is a 3"}
    first = client.post(address, headers=admin | {"Idempotency-Key": "c"}, json=correction)
    second = client.post(address, headers=admin | {"Idempotency-Key": "c"}, json=correction)
    assert first.status_code == second.status_code == 201, first.text
    assert first.json() == second.json()
    shown = client.get(f"/v1/documents/{released.id}", headers=admin).json()
    assert (shown["state"], shown["fields"]["total"]["value"]) == ("amended", "13.50")
    assert [release["reason"] for release in shown["releases"]] == ["correction"]


def test_a_wrong_correction_is_refused(client: TestClient, admin: Headers, released: Document):
    wrong: list[tuple[dict[str, str], str]] = [
        ({"field": "colour", "value": "red"}, "no_such_field"),
        ({"field": "total", "value": "twelve"}, "value_not_valid"),
        ({"field": "total", "state": "not_found"}, "not_valid"),
        ({"value": "12"}, "not_valid"),
    ]
    for body, code in wrong:
        answer = client.post(f"/v1/documents/{released.id}/corrections", headers=admin, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


def test_nothing_is_corrected_before_the_release(client: TestClient, admin: Headers):
    sent = send(client, admin).json()
    answer = client.post(
        f"/v1/documents/{sent['id']}/corrections", headers=admin, json={"field": "total", "value": "1"}
    )
    assert answer.status_code in {409, 422}


def test_no_secret_and_no_value_is_in_the_history(client: TestClient, admin: Headers, released: Document):
    client.post(f"/v1/documents/{released.id}/corrections", headers=admin, json={"field": "total", "value": "98765.43"})
    history = client.get(f"/v1/documents/{released.id}/events", headers=admin)
    assert "98765" not in json.dumps(history.json())


BILL = {
    "number": "A1", "issue_date": "2025-03-04", "due_date": "2025-04-03", "seller": "Molen Foods BV",
    "buyer": "Kade & Zonen", "currency": "EUR", "net": "10.50", "tax": "2.00", "total": "12.50",
    "iban": "DE89370400440532013000", "line_items": [],
}  # fmt: skip


def test_an_e_invoice_comes_alone_or_beside_its_document(client: TestClient, admin: Headers):
    xml = einvoices.ubl(BILL)
    alone = client.post("/v1/documents", files={"file": ("bill.xml", xml)}, headers=admin)
    assert alone.status_code == 202, alone.text
    assert alone.json()["made_from_data"]
    both = {"file": ("bill.png", png()), "beside": ("bill.xml", xml)}
    answer = client.post("/v1/documents", files=both, headers=admin)
    assert answer.status_code == 202, answer.text
    assert not answer.json()["made_from_data"]
    wrong = both | {"beside": ("bill.png", png())}
    assert client.post("/v1/documents", files=wrong, headers=admin).json()["code"] == "not_a_document"
    given = {"external_id": "7"}
    assert (
        client.post("/v1/documents", files=both | {"beside": ("b", xml)}, data=given, headers=admin).status_code == 202
    )
    other = both | {"beside": ("b", xml.replace(b"A1", b"A2"))}
    late = client.post("/v1/documents", files=other, data=given, headers=admin)
    assert (late.status_code, late.json()["code"]) == (409, "here_without_it")


def test_a_probable_second_copy_is_answered_for(client: TestClient, admin: Headers, session: Session):
    first, *others = (send(client, admin, png(name)).json()["id"] for name in ("one", "two", "three"))
    not_held = client.post(f"/v1/documents/{first}/repeat", json={"copy_of_it": True}, headers=admin)
    assert (not_held.status_code, not_held.json()["code"]) == (409, "not_possible_now")
    for document_id, is_copy, state in zip(others, (True, False), ("cancelled", "received"), strict=True):
        document = session.get_one(Document, document_id)
        document.repeat_of, document.held_reason = first, "repeat_of"
        session.add(document)
        session.commit()
        said = client.post(f"/v1/documents/{document_id}/repeat", json={"copy_of_it": is_copy}, headers=admin)
        assert (said.status_code, said.json()["state"]) == (200, state), said.text
        shown = client.get(f"/v1/documents/{document_id}", headers=admin).json()
        assert shown["repeat_of"] == first
        assert (shown["held_reason"] is None) is not is_copy
