"""Observations and certificates on a real database: from audits to a threshold, and what suspends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlmodel import Session, col, select

from hitl.certificate import certify
from hitl.certificate.bound import upper_bound
from hitl.certificate.certify import refresh
from hitl.certificate.eprocess import Decision, largest_loss
from hitl.certificate.observations import largest, machine_errs, request_certifying, write_observations
from hitl.certificate.replay import Unit, replay
from hitl.certificate.thresholds import certificates, pick_threshold
from hitl.intake.recognition import Work
from hitl.learning import rescore
from hitl.platform.jobs import enqueue_once
from hitl.release.documents import erase
from hitl.routing.route import current_policy
from hitl.settings import settings
from hitl.workspace.deployment import promote
from hitl.workspace.policy import ANY_TYPE, AuditRates, Policy, save_policy
from models.states import DocumentState, Fold, ModelState, Role, Route, VerdictState
from models.tables import Audit, Certificate, Document, ModelVersion, Observation, Task, Verdict, Workspace
from models.values import Reading, Recognition, ValueState
from tests.factories import NOW, a_type, create_audit, create_document, create_model, create_reading, create_type
from tests.factories import create_verdict as a_verdict
from tests.hitl.crowd import create_people, create_read_document, review_all, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50", "document_type": "receipt"}
RATES = AuditRates(accept=0.2, review=0.1, fresh=0.0)


def certified_policy(session: Session, workspace: Workspace, **changes: Any) -> None:
    set_policy(session, workspace, audit_rate=RATES, **changes)
    save_policy(session, workspace.id, ANY_TYPE, Policy(audit_rate=RATES), actor="test", now=NOW)


def released(
    session: Session,
    workspace: Workspace,
    model_id: str,
    count: int,
    *,
    wrong: int = 0,
    start_at: int = 0,
    is_read: bool = True,
) -> list[Document]:
    """Documents of the certify fold as the warm-up leaves them: released, every field audited with probability 1."""
    policy_id = current_policy(session, workspace.id, "receipt", now=NOW)[0].id
    made = []
    for i in range(count):
        at = NOW + timedelta(minutes=start_at + i)
        document = create_document(
            session, workspace, fold=Fold.CERTIFY.value, state=DocumentState.RELEASED.value, created_at=at,
            policy_version_id=policy_id, model_version_id=model_id,
        )  # fmt: skip
        common = {"state": VerdictState.FINAL.value, "audit_probability": 1.0, "created_at": at, "decided_at": at}
        kind = {"field": "document_type", "first_value_state": "found", "first_value": "receipt"}
        a_verdict(session, document, **kind, **common)
        reading = create_reading(session, document, confidence=0.9995, model_version_id=model_id) if is_read else None
        said = {"value_state": "found", "value": "12.50", "first_value_state": "found", "first_value": "12.50"}
        row = a_verdict(session, document, "total", reading, **said, **common, decided_by="people")
        gold = "99.00" if i < wrong else "12.50"
        create_audit(session, row, state="final", gold_state="found", gold=gold, probability=1.0)
        write_observations(session, document, now=at)
        made.append(document)
    return made


def threshold(session: Session, workspace: Workspace, model_id: str) -> tuple[float | None, str]:
    row, policy = current_policy(session, workspace.id, "receipt", now=NOW)
    return pick_threshold("total", policy, certificates(session, workspace.id, "receipt", row, model_id))


@pytest.fixture
def model_id(session: Session, workspace: Workspace) -> str:
    """A workspace at a target of 5 %, with one model and the type receipt of one field."""
    certified_policy(session, workspace, error_target=0.05)
    from models.doctype import Kind

    create_type(session, workspace, a_type("receipt", total=Kind.MONEY))
    return create_model(session).id


def test_warming_up_everything_is_audited_and_one_field_has_a_second_keyer(session: Session, workspace: Workspace):
    create_model(session)
    certified_policy(session, workspace)
    people = create_people(session, workspace)
    document = create_read_document(session, workspace, fold=Fold.CERTIFY.value)
    tasks = start(session, document)
    fields = [t for t in tasks if t.field != "document_type"]
    assert len(fields) == 3
    assert {t.purpose for t in tasks} == {"audit"}
    assert {row.audit_probability for row in session.exec(select(Verdict)).all()} == {1.0}
    work_off(session, people[0], TRUTH)
    assert document.state == DocumentState.RELEASED  # machine and first blind person agree
    assert sorted(a.state for a in session.exec(select(Audit)).all()) == ["final", "final", "pending", "pending"]
    assert session.exec(select(Observation)).all() == []
    assert work_off(session, people[1], TRUTH, now=NOW + timedelta(minutes=1)) == 2  # one field, and the type
    assert work_off(session, people[2], TRUTH) == 0
    rows = session.exec(select(Observation)).all()
    assert [(o.source, o.machine_wrong, o.released_wrong, o.fields) for o in rows] == [("audit", False, False, 3)]
    assert rows[0].probability == pytest.approx(1 / 3)
    assert {(o.least_probability, o.acceptable) for o in rows} == {(1.0, True)}
    enqueue_once(session)  # as a commit does
    jobs = session.execute(text("SELECT task_name, args FROM procrastinate_jobs WHERE task_name = 'certify'")).all()
    assert [job.args for job in jobs] == [{"workspace_id": workspace.id, "document_type": "receipt"}]


def test_documents_that_certify_nothing_are_audited_less(session: Session, workspace: Workspace):
    create_model(session)
    certified_policy(session, workspace)
    create_people(session, workspace)
    document = create_read_document(session, workspace)
    start(session, document)
    assert {row.audit_probability for row in session.exec(select(Verdict)).all()} == {RATES.elsewhere} == {0.02}


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.2, 0.1)])
def test_what_was_drawn_seldom_is_dear_evidence_if_it_certifies_after_all(rates: tuple[float, float]):
    policy = Policy(audit_rate=AuditRates(accept=rates[0], review=rates[1]))
    seldom = policy.audit_probability(Route.ACCEPT, certifying=False)
    assert seldom == 0.02
    assert largest(policy, policy, [(0.8, seldom)] * 4, None) >= largest_loss(4, 0.08, 0.02)
    assert largest(policy, policy, [(0.8, 0.1)] * 4, seldom) == 1 / seldom
    assert policy.audit_probability(Route.ACCEPT, at_least=0.3, certifying=False) == 0.3
    fixed = policy.model_copy(update={"threshold_mode": "fixed"})
    assert fixed.audit_probability(Route.ACCEPT, certifying=False) == rates[0]


@pytest.mark.parametrize(("fold", "rates"), [(Fold.CERTIFY, (0.1, 3 / 12)), (Fold.TRAIN, (0.02, 0.02))])
def test_types_are_checked_so_often_that_they_do_not_make_evidence_dear(
    session: Session, workspace: Workspace, fold: Fold, rates: tuple[float, float]
):
    set_policy(session, workspace, audit_rate=AuditRates(accept=0.1, review=0.1, fresh=0.0))
    save_policy(session, workspace.id, ANY_TYPE, Policy(audit_rate=AuditRates(accept=0.1, review=0.1)), actor="test",
                now=NOW)  # fmt: skip
    model = create_model(session)
    document = create_read_document(session, workspace, fold=fold.value, model_version_id=model.id)
    version, policy = current_policy(session, workspace.id, "receipt", now=NOW)
    session.add(Certificate(
        workspace_id=workspace.id, document_type="receipt", pool="*", target=0.05, delta=0.05, threshold=0.8,
        model_version_id=model.id, policy_version_id=version.id, updated_at=NOW,
    ))  # fmt: skip
    start(session, document)
    total, of_type = verdict(session, document, "total"), verdict(session, document, "document_type")
    assert (total.audit_probability, of_type.audit_probability) == pytest.approx(rates)
    drawn = [(0.8, 0.1)] * 3
    type_policy = current_policy(session, workspace.id, ANY_TYPE, now=NOW)[1]
    dear = largest(policy, type_policy, drawn, 0.1) / largest(policy, type_policy, drawn, None)
    assert (largest(policy, type_policy, drawn, 0.25), dear) == (largest(policy, type_policy, drawn, None), 2.5)


def test_one_person_alone_is_not_asked_for_two_keyers(session: Session, workspace: Workspace):
    create_model(session)
    certified_policy(session, workspace)
    create_people(session, workspace, 1)
    document = create_read_document(session, workspace, fold=Fold.CERTIFY.value)
    start(session, document)
    assert verdict(session, document, "total").audit_probability == 0.1


def test_two_blind_people_against_the_machine_decide_at_once(session: Session, workspace: Workspace):
    create_model(session)
    certified_policy(session, workspace)
    people = create_people(session, workspace, 4)
    document = create_read_document(session, workspace, {"total": ("12.50", 0.9)}, fold=Fold.CERTIFY.value)
    start(session, document)
    truth = TRUTH | {"total": "72.50"}
    for minute, person in enumerate(people):
        work_off(session, person, truth, now=NOW + timedelta(minutes=minute))
    answers = session.exec(select(Task).where(Task.field == "total", Task.state == "answered")).all()
    assert len(answers) == 2
    assert verdict(session, document, "total").value == "72.50"
    rows = session.exec(select(Observation).where(Observation.field == "total")).all()
    assert {(o.source, o.machine_wrong, o.released_wrong, o.probability) for o in rows} == {
        ("audit", True, False, 1.0),
        ("review", True, False, 1.0),
    }
    assert session.exec(select(Observation.acceptable).where(Observation.field == "vendor")).first() is False


def test_an_adjudicated_audit_decides_the_field_that_waited_for_it(session: Session, workspace: Workspace):
    create_model(session)
    certified_policy(session, workspace)
    people = create_people(session, workspace)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    document = create_read_document(session, workspace, {"total": ("12.50", 0.9)}, fold=Fold.CERTIFY.value)
    start(session, document)
    work_off(session, people[0], TRUTH | {"total": "72.50"})
    work_off(session, people[1], TRUTH | {"total": "77.50"}, now=NOW + timedelta(minutes=1))
    assert verdict(session, document, "total").state == "pending"
    review_all(session, reviewer, TRUTH | {"total": "72.50"}, now=NOW + timedelta(minutes=2))
    row = verdict(session, document, "total")
    assert (row.value, row.decided_by) == ("72.50", f"reviewer:{reviewer.id}")
    assert document.state == DocumentState.RELEASED


def test_not_found_is_right_where_nothing_is():
    assert not machine_errs("money", ("not_found", None), ("absent", None))
    assert machine_errs("money", ("not_found", None), ("found", "1.00"))
    assert machine_errs("money", ("found", "1.00"), ("absent", None))
    assert not machine_errs("money", ("found", "1.0"), ("found", "1.00"))


def test_clean_labels_certify_and_then_the_machine_is_believed(session: Session, workspace: Workspace, model_id: str):
    released(session, workspace, model_id, 40)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert row.threshold is None
    assert row.documents == 40
    needed = row.audits_needed
    assert needed is not None
    assert threshold(session, workspace, model_id) == (None, "warm-up")
    released(session, workspace, model_id, needed, start_at=100)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert row.audits_needed == 0
    assert threshold(session, workspace, model_id) == (row.threshold, "certificate")
    assert row.threshold is not None
    assert row.threshold < 0.9995
    assert row.report["machine_target"] == pytest.approx(0.045)
    assert 0 < row.report["human"]["bound"] < 1
    assert row.report["drift"]["alarms"] == []


def test_what_is_not_known_yet_counts_as_wrong(session: Session, workspace: Workspace, model_id: str):
    documents = released(session, workspace, model_id, 3)
    pending = session.exec(select(Audit).where(Audit.document_id == documents[1].id)).one()
    pending.state = VerdictState.PENDING.value
    session.add(pending)
    session.delete(session.exec(select(Observation).where(Observation.document_id == documents[1].id)).one())
    session.flush()
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert row.documents == 3
    assert row.report["released_error"] == pytest.approx(1 / 3)


def test_only_a_model_that_might_have_been_certified_has_used_its_share(
    session: Session, workspace: Workspace, model_id: str
):
    released(session, workspace, model_id, 20)
    assert "first" not in refresh(session, workspace.id, "receipt", now=NOW)[0].report
    second = create_model(session, workspace, state=ModelState.PASSED.value)
    promote(session, second, actor="test", now=NOW)
    released(session, workspace, second.id, 170, start_at=500)
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].report["first"] == 1
    promote(session, create_model(session, workspace, state=ModelState.PASSED.value), actor="test", now=NOW)
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].report["first"] == 2


def test_the_silence_of_a_model_that_has_not_learnt_the_type_certifies_nothing(
    session: Session, workspace: Workspace, model_id: str
):
    released(session, workspace, model_id, 170, is_read=False)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert (row.threshold, row.documents, "first" in row.report) == (None, 0, False)
    released(session, workspace, model_id, 20, start_at=500)
    released(session, workspace, model_id, 3, start_at=900, is_read=False)
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].documents == 23
    assert threshold(session, workspace, model_id) == (None, "warm-up")


def test_documents_that_came_after_a_model_certify_it_whatever_their_fold_unless_the_settings_say_no(
    session: Session, workspace: Workspace, model_id: str, monkeypatch: pytest.MonkeyPatch
):
    trained = session.get_one(ModelVersion, model_id).created_at
    for minutes, group in ((-5, "p-old"), (5, "p-old"), (6, "p-new"), (-4, "p-other")):
        document = released(session, workspace, model_id, 1, start_at=1000)[0]
        document.fold, document.group_id = Fold.TRAIN.value, group
        document.created_at = trained + timedelta(minutes=minutes)
        session.add(document)
    session.flush()
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].documents == 1  # p-new; the model may know p-old
    monkeypatch.setenv("COUNTERSIGN_CERTIFY_NEWER", "false")
    settings.cache_clear()
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].documents == 0


@pytest.mark.parametrize(("fold", "looks"), [(Fold.CERTIFY, 1), (Fold.TRAIN, 0), (Fold.SELECT, 0)])
def test_only_new_evidence_has_certificates_looked_at_again(
    session: Session, workspace: Workspace, model_id: str, fold: Fold, looks: int
):
    document = released(session, workspace, model_id, 1)[0]
    document.fold = fold.value
    enqueue_once(session)
    session.execute(text("DELETE FROM procrastinate_jobs"))
    request_certifying(session, document, "receipt", now=NOW)
    enqueue_once(session)
    assert session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == looks


def test_copies_of_one_picture_are_one_document(session: Session, workspace: Workspace, model_id: str):
    for document in released(session, workspace, model_id, 5, wrong=1):
        document.group_id = "p-1"
        session.add(document)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert (row.documents, row.report["released_error"]) == (1, 1.0)


def test_erased_documents_go_on_counting(session: Session, workspace: Workspace, model_id: str):
    documents = released(session, workspace, model_id, 5, wrong=1)
    before = refresh(session, workspace.id, "receipt", now=NOW)[0].report["released_error"]
    erase(session, documents[0], actor="test", now=NOW)
    erase(session, documents[3], actor="test", now=NOW)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert row.documents == 5
    assert row.report["released_error"] == before == pytest.approx(0.2)


def test_a_wrong_type_makes_all_fields_wrong(session: Session, workspace: Workspace, model_id: str):
    document = released(session, workspace, model_id, 1)[0]
    of_type = verdict(session, document, "document_type")
    audit = create_audit(session, of_type, state="final", gold_state="found", gold="invoice", probability=0.5)
    write_observations(session, document, now=NOW)
    row = session.exec(select(Observation)).one()
    assert (row.machine_wrong, row.released_wrong, row.probability) == (True, True, audit.probability)


def test_a_wrong_type_is_held_against_the_next_model_too(session: Session, workspace: Workspace, model_id: str):
    documents = released(session, workspace, model_id, 4)
    of_type = verdict(session, documents[0], "document_type")
    create_audit(session, of_type, state="final", gold_state="found", gold="invoice", probability=1.0)
    right = verdict(session, documents[1], "document_type")
    create_audit(session, right, state="final", gold_state="found", gold="receipt", probability=1.0)
    write_observations(session, documents[0], now=NOW)
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].report["released_error"] == pytest.approx(0.25)
    promote(session, create_model(session, workspace, state=ModelState.PASSED.value), actor="test", now=NOW)
    session.execute(text("DELETE FROM audit WHERE gold = '\"12.50\"'"))  # of the fields nothing is known any more
    assert refresh(session, workspace.id, "receipt", now=NOW)[0].report["released_error"] == pytest.approx(0.25)


def test_what_people_settle_between_themselves_is_no_sign_of_drift(
    session: Session, workspace: Workspace, model_id: str
):
    released(session, workspace, model_id, 150)
    settled = {"source": "review", "machine_wrong": True, "probability": 1.0}
    session.execute(
        update(Observation).where(col(Observation.created_at) > NOW + timedelta(minutes=90)).values(settled)
    )
    report = refresh(session, workspace.id, "receipt", now=NOW)[0].report
    assert (report["audit_raised"], report["drift"]["labelled"]) == (False, 91)


def test_where_there_is_much_one_look_waits_for_more(session: Session, workspace: Workspace, model_id: str):
    document = released(session, workspace, model_id, 1)[0]
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    waits = []
    for known in (10, 5_000):
        row.documents = known
        session.add(row)
        enqueue_once(session)
        session.execute(text("DELETE FROM procrastinate_jobs"))
        request_certifying(session, document, "receipt", now=NOW)
        enqueue_once(session)
        waits.append(session.execute(text("SELECT scheduled_at FROM procrastinate_jobs")).scalar_one())
    assert waits == [None, NOW + timedelta(seconds=5)]


def test_policies_that_promise_the_same_share_their_labels(session: Session, workspace: Workspace, model_id: str):
    released(session, workspace, model_id, 6)
    first = refresh(session, workspace.id, "receipt", now=NOW)[0]
    certified_policy(session, workspace, error_target=0.05, cap=3)
    second = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert (second.id != first.id, second.documents, "first" in second.report) == (True, 6, False)
    certified_policy(session, workspace, error_target=0.02)
    third = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert third.documents == 0


def test_another_model_starts_from_the_labels_there_are(session: Session, workspace: Workspace, model_id: str):
    documents = released(session, workspace, model_id, 4)
    refresh(session, workspace.id, "receipt", now=NOW)
    new = create_model(session, workspace, state=ModelState.PASSED.value)
    promote(session, new, actor="test", now=NOW)
    enqueue_once(session)
    job = session.execute(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'recertify'")).one()
    assert job.args == {"workspace_id": workspace.id}
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert (row.model_version_id, "first" in row.report, row.report["released_error"]) == (new.id, False, 1.0)
    ids = rescore.waiting(session, new, workspace.id)
    assert sorted(ids) == sorted(d.id for d in documents)
    assert rescore.waiting(session, new, workspace.id, after=ids[-1]) == []
    for document in documents:
        document.type_version_id = session.execute(text("SELECT id FROM document_type_version")).scalar_one()
        session.add(document)
        said = "99.00" if document is documents[0] else "12.50"
        reading = Reading("total", ValueState.FOUND, said, said, 0.97)
        result = Recognition("receipt", 1.0, (reading,), "v2")
        work = Work(None, new.id, {}, {}, "receipt", [], {})  # type: ignore[arg-type]  # only its model is stored
        assert rescore.store(session, document.id, result, work, now=NOW) == 1
        assert rescore.store(session, document.id, result, work, now=NOW) == 1
    rows = session.exec(select(Observation).where(Observation.model_version_id == new.id)).all()
    assert [(r.score, r.probability, r.acceptable) for r in rows] == [(0.97, 1.0, True)] * 4
    assert sum(r.machine_wrong for r in rows) == 1
    refresh(session, workspace.id, "receipt", now=NOW)
    row = session.exec(select(Certificate).where(Certificate.model_version_id == new.id)).one()
    assert row.report["curve"][0][2] == pytest.approx(0.25)


def unit(wrong: bool = False, score: float = 0.99) -> Unit:
    decisions = (Decision(score, wrong, 1.0), Decision(score, False, 1.0))
    return Unit(NOW, "", decisions, decisions, 0.0, 1.0, (wrong, False))


def test_an_alarm_suspends_until_it_is_certified_again():
    clean, broken = [unit()] * 300, [unit(wrong=True)] * 45
    assert replay(clean, 0.04, 0.04, 1).alarms == ()
    drifted = replay(clean + broken, 0.04, 0.04, 1)
    assert len(drifted.alarms) == 1
    assert 300 <= drifted.alarms[0] < 345
    assert drifted.certification.threshold is None
    again = replay(clean + broken + [unit()] * 600, 0.04, 0.04, 1)
    assert again.certification.threshold is not None


def test_a_suspended_certificate_sends_all_to_people(session: Session, workspace: Workspace, model_id: str):
    released(session, workspace, model_id, 200)
    released(session, workspace, model_id, 40, wrong=40, start_at=1000)
    row = refresh(session, workspace.id, "receipt", now=NOW)[0]
    assert row.suspended_reason
    assert threshold(session, workspace, model_id) == (None, "suspended")


def test_the_upper_bound_falls_to_the_truth_and_holds():
    assert upper_bound([], 0.05) == 1.0
    assert upper_bound([(0.0, 1.0)] * 500, 0.05) == pytest.approx(0.0085, abs=0.003)
    many = [(10.0 if i % 200 == 0 else 0.0, 10.0) for i in range(4000)]
    assert 0.05 < upper_bound(many, 0.05) < 0.12


def test_fields_with_a_target_of_their_own_are_a_pool_of_their_own():
    from hitl.workspace.policy import FieldPolicy

    spec = a_type()
    assert certify.pools(Policy(), spec) == {"*": frozenset({"vendor", "date", "total"})}
    strict = Policy(fields={"total": FieldPolicy(error_target=0.001)})
    assert certify.pools(strict, spec) == {"*": frozenset({"vendor", "date"}), "total": frozenset({"total"})}


def test_without_any_audit_nothing_is_certified(session: Session, workspace: Workspace, model_id: str):
    set_policy(session, workspace, audit_rate=AuditRates(accept=0.1, review=0))
    assert refresh(session, workspace.id, "receipt", now=NOW) == []
    assert session.exec(select(Certificate).where(col(Certificate.documents) > 0)).first() is None
