"""Reviews of whole documents within a budget, and the grader that learns from them."""

from __future__ import annotations

import numpy as np
import pytest
from sqlmodel import Session, select

from hitl import pipeline
from hitl.annotation.review import next_review
from hitl.grader import sampling as review_sampling
from models.states import DocumentState, ReviewState, Role
from models.tables import GraderVersion, Release, Review, Workspace
from tests.factories import NOW, create_document, save
from tests.hitl.crowd import create_people, create_read_document, set_policy, start, verdict, work_off

TRUTH = {"vendor": "ACME LTD", "date": "2026-01-31", "total": "12.50"}


def test_without_a_budget_nothing_is_picked(session: Session, workspace: Workspace):
    set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.5)
    document = create_read_document(session, workspace)
    start(session, document)
    assert document.state == DocumentState.RELEASED
    assert session.exec(select(Review)).all() == []


def test_a_picked_document_waits_for_its_review_and_is_asked_about_once(session: Session, workspace: Workspace):
    set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.95, review_budget=1.0)
    people = create_people(session, workspace, 1)
    reviewer = create_people(session, workspace, 1, Role.REVIEWER)[0]
    given = {"vendor": ("ACME LTD", 0.99), "date": ("2026-01-31", 0.99), "total": ("12.50", 0.9)}
    document = create_read_document(session, workspace, given)
    start(session, document)
    work_off(session, people[0], TRUTH)
    assert document.state == DocumentState.IN_REVIEW
    review = next_review(session, reviewer, now=NOW)
    assert review is not None
    assert (review.reason, review.probability, review.grader_score) == ("random", 1.0, None)
    assert review.features["accepted_share"] == pytest.approx(2 / 3)
    assert review.features["answers"] == pytest.approx(1 / 3)
    assert review.features["machine_overruled"] == 0
    pipeline.review(session, review, reviewer, review.lease_token or "", {"vendor": ("found", "ACME LIMITED")}, now=NOW)
    assert document.state == DocumentState.RELEASED
    assert review.changed_fraction == pytest.approx(1 / 3)
    assert verdict(session, document, "vendor").first_value == "ACME LIMITED"
    assert len(session.exec(select(Review)).all()) == len(session.exec(select(Release)).all()) == 1


def reviewed_documents(session: Session, workspace: Workspace, count: int) -> None:
    """Decided reviews of a crowd whose errors stand where the machine doubted."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        doubt = float(rng.random())
        document = create_document(session, workspace, state=DocumentState.RELEASED.value)
        columns = {
            "workspace_id": workspace.id, "document_id": document.id, "reason": "random", "probability": 0.2,
            "features": {"accepted_doubt": doubt, "fields": 4.0}, "state": ReviewState.DECIDED.value,
            "changed_fraction": 0.5 if doubt > 0.7 else 0.0, "created_at": NOW, "decided_at": NOW,
        }  # fmt: skip
        save(session, Review(**columns))


def test_the_grader_is_trained_when_there_is_enough_and_again_when_there_is_more(
    session: Session, workspace: Workspace
):
    reviewed_documents(session, workspace, 49)
    assert review_sampling.train_if_due(session, workspace.id, now=NOW) is None
    reviewed_documents(session, workspace, 71)
    first = review_sampling.train_if_due(session, workspace.id, now=NOW)
    assert first is not None
    assert first.report["reviews"] == 120
    assert first.report["lift"]["0.2"] > 0.5
    assert review_sampling.train_if_due(session, workspace.id, now=NOW) is None
    reviewed_documents(session, workspace, 24)
    second = review_sampling.train_if_due(session, workspace.id, now=NOW)
    assert second is not None
    assert review_sampling.current(session, workspace.id) == second
    assert len(session.exec(select(GraderVersion)).all()) == 2


def test_a_trained_grader_picks_by_score_and_keeps_it(session: Session, workspace: Workspace):
    reviewed_documents(session, workspace, 120)
    review_sampling.train_if_due(session, workspace.id, now=NOW)
    set_policy(session, workspace, threshold_mode="fixed", fixed_threshold=0.1, review_budget=0.4)
    for _ in range(30):
        document = create_read_document(session, workspace)
        start(session, document)
    doubtful = create_read_document(session, workspace, {name: (TRUTH[name], 0.15) for name in TRUTH})
    start(session, doubtful)
    assert doubtful.grader_score is not None
    review = session.exec(select(Review).where(Review.document_id == doubtful.id)).one()
    assert (review.reason, review.probability) == ("grader", 1.0)
    assert review.grader_score == doubtful.grader_score
