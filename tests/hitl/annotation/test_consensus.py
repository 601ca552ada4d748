"""Verdicts in their less usual ways: verify mode with seeded values, text from OCR, document types, repeated fields."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session, select, text

from hitl.annotation.tasks import hand_out
from hitl.people.skills import catch_rate_of
from hitl.workspace.policy import AuditRates, FieldPolicy
from models.doctype import DocumentType, FieldSpec, KeyingMode, Kind
from models.states import DocumentState
from models.tables import (
    Answer,
    Document,
    Example,
    FieldReading,
    Observation,
    Release,
    Skill,
    Task,
    User,
    Verdict,
    Workspace,
)
from tests.factories import NOW, a_type, create_type
from tests.hitl.crowd import answer, create_people, create_read_document, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


@pytest.fixture
def people(session: Session, workspace: Workspace) -> list[User]:
    set_policy(session, workspace)
    return create_people(session, workspace, 3)


def take(session: Session, person: User, field: str = "total") -> Task:
    return hand_out(session, person, now=NOW, field=field)[0]


def verifying(session: Session, workspace: Workspace, seed_rate: float = 0.0, **readings: Any) -> Document:
    set_policy(session, workspace, fields={"total": FieldPolicy(mode=KeyingMode.VERIFY)}, seed_rate=seed_rate)
    document = create_read_document(session, workspace, readings or {"total": ("12.50", 0.9)})
    start(session, document)
    return document


def test_verify_mode_shows_the_value_and_a_confirmation_settles(
    session: Session, workspace: Workspace, people: list[User]
):
    document = verifying(session, workspace)
    task = take(session, people[0])
    assert (task.mode, task.shown_value, task.seeded) == ("verify", "12.50", False)
    answer(session, people[0], task, "12.50", source="confirmed")
    total = verdict(session, document, "total")
    assert total.state == "agreed"
    assert total.posterior < 0.99  # and says honestly that a glance is worth less than a blind entry


def test_who_mends_a_shown_value_is_followed_by_a_blind_keyer(
    session: Session, workspace: Workspace, people: list[User]
):
    document = verifying(session, workspace)
    answer(session, people[0], take(session, people[0]), "72.50")
    second = take(session, people[1])
    assert (second.mode, second.shown_value) == ("blind", None)
    answer(session, people[1], second, "72.50")
    assert verdict(session, document, "total").value == "72.50"


def test_seeded_wrong_values_measure_who_catches_them(session: Session, workspace: Workspace, people: list[User]):
    create_read_document(session, workspace, {"total": ("99.00", 0.9)})
    document = verifying(session, workspace, seed_rate=0.5)
    for _ in range(50):
        if session.exec(select(Task).where(Task.seeded)).first():
            break
        create_read_document(session, workspace, {"total": ("99.00", 0.9)})  # among the newest there is another value
        document = verifying(session, workspace, seed_rate=0.5)
    task = session.exec(select(Task).where(Task.seeded)).one()
    document = session.get_one(Document, task.document_id)
    assert task.shown_value != "12.50"
    for lured in hand_out(session, people[0], now=NOW, count=60, field="total"):
        if lured.id == task.id:
            answer(session, people[0], lured, lured.shown_value, source="confirmed")
    skill = session.exec(select(Skill)).one()
    assert (skill.seeded_shown, skill.seeded_caught) == (1, 0)
    total = verdict(session, document, "total")
    assert total.state == "pending"  # their confirmation says nothing of the document
    following = take(session, people[1])
    while following.document_id != document.id:
        following = take(session, people[1])
    assert following.mode == "blind"
    policy = set_policy(session, workspace)
    assert catch_rate_of(session, [people[0].id], "money", policy) == pytest.approx(20 * 0.75 / 21)


def test_text_taken_from_ocr_is_no_second_source(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace)
    start(session, document)
    answer(session, people[0], take(session, people[0]), "12.50", source="ocr")
    assert verdict(session, document, "total").state == "pending"
    answer(session, people[1], take(session, people[1]), "12.50")
    assert verdict(session, document, "total").state == "agreed"


def test_the_cap_ends_the_asking(session: Session, workspace: Workspace):
    set_policy(session, workspace, cap=3)
    people = create_people(session, workspace, 6)
    document = create_read_document(session, workspace)
    start(session, document)
    for number, person in enumerate(people[:3]):
        answer(session, person, take(session, person), f"{number + 1}.00")
    assert verdict(session, document, "total").state == "contested"
    assert hand_out(session, people[3], now=NOW, field="total") == []


def test_a_repeated_field_is_one_decision_whatever_the_order(
    session: Session, workspace: Workspace, people: list[User]
):
    spec = DocumentType(name="deal", label="Deal", fields=(FieldSpec(name="party", kind=Kind.NAME, repeated=True),))
    set_policy(session, workspace, "deal")
    document = create_read_document(session, workspace, {"party": (["Foo Inc.", "Bar LLC"], 0.9)}, spec)
    start(session, document)
    answer(session, people[0], take(session, people[0], "party"), ["BAR LLC", "Foo Inc"])
    assert document.state == "released"
    assert verdict(session, document, "party").value == ["BAR LLC", "Foo Inc"]  # as the person spelled it


def test_an_unsure_type_goes_to_people_and_is_read_again(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(
        session, workspace, state=DocumentState.AWAITING_TYPE.value, document_type_confidence=0.6
    )
    start(session, document)
    task = take(session, people[0], "document_type")
    assert (task.kind, task.whole_page) == ("choice", True)
    answer(session, people[0], task, "receipt")
    if verdict(session, document, "document_type").state == "pending":
        answer(session, people[1], take(session, people[1], "document_type"), "receipt")
    assert document.requested_type == "receipt"
    assert session.exec(select(FieldReading).where(FieldReading.document_id == document.id)).all() == []
    jobs = session.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'recognise'")).scalars().all()
    assert jobs == [{"document_id": document.id}]


def test_an_unknown_type_takes_two_people(session: Session, workspace: Workspace, people: list[User]):
    create_type(session, workspace)
    document = create_read_document(session, workspace, state=DocumentState.AWAITING_TYPE.value)
    document.document_type = "unknown"
    document.type_version_id = None
    tasks = start(session, document)
    assert len(tasks) == 2
    answer(session, people[0], take(session, people[0], "document_type"), "receipt")
    assert verdict(session, document, "document_type").state == "pending"
    answer(session, people[1], take(session, people[1], "document_type"), "receipt")
    assert document.requested_type == "receipt"


def test_a_type_that_the_client_gave_is_not_questioned(session: Session, workspace: Workspace, people: list[User]):
    document = create_read_document(session, workspace, requested_type="receipt", document_type_confidence=0.1)
    start(session, document)
    said = verdict(session, document, "document_type")
    assert (said.state, said.decided_by) == ("agreed", "client")
    work_off(session, people[0], TRUTH)
    assert document.state == "released"
    assert session.exec(select(Verdict).where(Verdict.state != "final")).all() == []
    assert len(session.exec(select(Answer)).all()) == 3


def release_of(session: Session, document: Document) -> Release:
    return session.exec(select(Release).where(Release.document_id == document.id)).one()


def test_what_a_person_typed_is_released_and_learnt_as_they_spelled_it(
    session: Session, workspace: Workspace, people: list[User]
):
    document = create_read_document(session, workspace, {"vendor": ("JalanPelabur", 0.9)}, a_type(vendor=Kind.NAME))
    start(session, document)
    answer(session, people[0], take(session, people[0], "vendor"), "JALAN PELABUR")
    assert verdict(session, document, "vendor").value == "JALAN PELABUR"
    entry = release_of(session, document).payload["fields"]["vendor"]
    assert (entry["value"], entry["text"]) == ("JALAN PELABUR", "JALAN PELABUR")
    assert entry["provenance"]["machine"]["value"] == "JalanPelabur"
    assert session.exec(select(Example)).one().value == "JALAN PELABUR"


def test_a_check_before_the_release_spells_what_the_machine_released(
    session: Session, workspace: Workspace, people: list[User]
):
    everything = {"threshold_mode": "fixed", "fixed_threshold": 0.5, "hold_for_audit": True}
    set_policy(session, workspace, audit_rate=AuditRates(accept=1.0, review=1.0), **everything)
    document = create_read_document(session, workspace, {"vendor": ("JalanPelabur", 0.9)}, a_type(vendor=Kind.NAME))
    start(session, document)
    for person, spelled in zip(people[:2], ("Jalan Pelabur", "JALAN PELABUR"), strict=True):
        answer(session, person, take(session, person, "vendor"), spelled)
    vendor = verdict(session, document, "vendor")
    assert (vendor.value, vendor.first_value, vendor.decided_by) == ("JALAN PELABUR", "JalanPelabur", "machine")
    assert session.exec(select(Observation)).one().machine_wrong is False
    assert session.exec(select(Example)).one().value == "JALAN PELABUR"


def test_the_items_of_a_list_keep_their_places_and_take_the_spelling(
    session: Session, workspace: Workspace, people: list[User]
):
    field = FieldSpec(name="names", kind=Kind.NAME, repeated=True)
    spec = DocumentType(name="receipt", label="Receipt", fields=(field,))
    document = create_read_document(session, workspace, {"names": (["AnnLee", "BEN OH"], 0.9)}, spec)
    reading = session.exec(select(FieldReading)).one()
    boxes = ([0.1, 0.1, 0.2, 0.2], [0.1, 0.3, 0.2, 0.4])
    reading.items = [{"value": v, "text": v, "box": b} for v, b in zip(reading.value, boxes, strict=True)]
    start(session, document)
    answer(session, people[0], take(session, people[0], "names"), ["BEN OH", "Ann Lee"])
    items = release_of(session, document).payload["fields"]["names"]["items"]
    assert [(item["value"], item["box"]) for item in items] == [("Ann Lee", boxes[0]), ("BEN OH", boxes[1])]
