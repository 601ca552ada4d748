"""Which documents level 2 looks at as a whole: the features of a decision, the pick at release, and training on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from hitl.aggregate.equality import token_of
from hitl.grader.features import FieldFacts, People, describe
from hitl.people.skills import skills_of
from hitl.platform.moves import advance
from hitl.routing.sampling import draw_number
from hitl.work import queue_rows
from hitl.work.document import is_about_type
from hitl.workspace.policy import Policy
from models.states import DocumentState, ReviewState, Route, TaskPurpose
from models.tables import Answer, Document, FieldReading, GraderVersion, Review, Task, Verdict, Workspace

if TYPE_CHECKING:
    from hitl.grader.model import Grader, Reviewed

BY_BUDGET = ("grader", "random")  # reasons of a review that the budget pays
FIRST_TRAINING = 50  # reviewed documents before a grader is trained
GROWTH = 1.2  # and how many times as many before the next one
SEED = 20150


def sample_for_review(
    session: Session, document: Document, verdicts: Sequence[Verdict], policy: Policy, *, now: datetime
) -> bool:
    """Pick the document for a review of level 2, or let it go. True: a review was opened, the release waits for it.

    Each run of a document is asked about once. Its features and score are kept, whatever is decided.
    """
    from hitl.grader.model import pick

    if policy.review_budget <= 0 or _was_asked(session, document, verdicts):
        return False
    features = features_of(session, document, verdicts, policy)
    grader = current(session, document.workspace_id)
    score = _load(grader).score(features) if grader else None
    workspace = session.get_one(Workspace, document.workspace_id)
    chance = draw_number(workspace.audit_key, document.id, "\nreview", document.run)
    choice = pick(score, _recent_scores(session, document), policy.review_budget, chance)
    document.grader_score = score
    session.add(document)
    if not choice.picked:
        return False
    queue_rows.add_review(
        session,
        document,
        reason=choice.reason,
        probability=choice.probability,
        grader_score=score,
        features=features,
        now=now,
    )
    if document.state == DocumentState.READ.value:
        advance(session, document, DocumentState.IN_REVIEW, actor="system:grader", now=now, why=choice.reason)
    return True


def _was_asked(session: Session, document: Document, verdicts: Sequence[Verdict]) -> bool:
    since = min(verdict.created_at for verdict in verdicts)
    held = select(Review.id).where(
        Review.document_id == document.id,
        col(Review.verdict_id).is_(None),
        col(Review.audit_id).is_(None),
        col(Review.created_at) >= since,
    )
    return session.exec(held).first() is not None


def features_of(session: Session, document: Document, verdicts: Sequence[Verdict], policy: Policy) -> dict[str, float]:
    """What is known of the document when its last field is decided."""
    fields = [verdict for verdict in verdicts if not is_about_type(verdict)]
    readings = {
        row.id: row
        for row in session.exec(
            select(FieldReading).where(FieldReading.document_id == document.id, FieldReading.run == document.run)
        ).all()
    }
    rows = session.exec(
        select(Answer, Task)
        .join(Task, col(Task.id) == col(Answer.task_id))
        .where(
            col(Task.verdict_id).in_([verdict.id for verdict in fields]),
            col(Task.purpose).in_([TaskPurpose.REVIEW.value, TaskPurpose.AUDIT.value]),
            col(Answer.undone_at).is_(None),
            col(Answer.skip_reason).is_(None),
        )
    ).all()
    said: dict[str, set[str]] = {}
    for answer, task in rows:
        said.setdefault(task.verdict_id or "", set()).add(token_of(task.kind, answer.value_state, answer.value))
    facts = [_facts(verdict, readings.get(verdict.reading_id or ""), said.get(verdict.id, set())) for verdict in fields]
    people = _people(session, rows, policy)
    sure = document.document_type_confidence or 0.0
    return describe(facts, people, pages=document.page_count or 1, type_confidence=sure)


def _facts(verdict: Verdict, reading: FieldReading | None, said: set[str]) -> FieldFacts:
    return FieldFacts(
        accepted=verdict.route == Route.ACCEPT.value,
        confidence=reading.confidence if reading else 0.0,
        posterior=verdict.posterior,
        rules=tuple(reason["rule"] for reason in verdict.reasons),
        by_reviewer=(verdict.decided_by or "").startswith("reviewer:"),
        machine=token_of(verdict.kind, reading.value_state, reading.value) if reading else None,
        said=frozenset(said),
    )


def _people(session: Session, rows: Sequence[tuple[Answer, Task]], policy: Policy) -> People:
    skills = [
        skill
        for kind in {task.kind for _, task in rows}
        for skill in skills_of(session, [a.user_id for a, t in rows if t.kind == kind], kind, policy).values()
    ]
    seconds = tuple(answer.seconds for answer, _ in rows if answer.seconds is not None)
    return People(len(rows), tuple(skills), seconds)


def _recent_scores(session: Session, document: Document) -> list[float]:
    """The scores of the latest documents of the type, the oldest first: they set the threshold."""
    from hitl.grader.model import WINDOW

    rows = session.exec(
        select(Document.grader_score)
        .where(
            Document.workspace_id == document.workspace_id,
            Document.document_type == document.document_type,
            Document.id != document.id,
            col(Document.grader_score).is_not(None),
        )
        .order_by(col(Document.created_at).desc())
        .limit(WINDOW)
    ).all()
    return [score for score in reversed(rows) if score is not None]


def current(session: Session, workspace_id: str) -> GraderVersion | None:
    """The grader in use; None before enough documents were reviewed."""
    active = select(GraderVersion).where(GraderVersion.workspace_id == workspace_id, col(GraderVersion.active))
    return session.exec(active.order_by(col(GraderVersion.created_at).desc()).limit(1)).first()


def _load(row: GraderVersion) -> Grader:
    from hitl.grader.model import Grader

    return Grader.from_text(row.model)


def reviewed(session: Session, workspace_id: str) -> list[Reviewed]:
    """The decided reviews that the budget paid, oldest first."""
    from hitl.grader.model import Reviewed

    rows = session.exec(
        select(Review)
        .where(
            Review.workspace_id == workspace_id,
            Review.state == ReviewState.DECIDED.value,
            col(Review.reason).in_(BY_BUDGET),
            col(Review.changed_fraction).is_not(None),
        )
        .order_by(col(Review.decided_at))
    ).all()
    return [Reviewed(row.features, row.changed_fraction or 0.0, row.probability) for row in rows]


def train_if_due(session: Session, workspace_id: str, *, now: datetime) -> GraderVersion | None:
    """Train a grader when there are enough more reviewed documents than the last one knew."""
    from hitl.grader.model import fit

    before = current(session, workspace_id)
    rows = reviewed(session, workspace_id)
    needed = max(FIRST_TRAINING, GROWTH * before.report["reviews"] if before else 0)
    if len(rows) < needed:
        return None
    report: dict[str, Any] = {"reviews": len(rows)} | _held_out(rows)
    if before is not None:
        before.active = False
        session.add(before)
    version = GraderVersion(
        workspace_id=workspace_id, model=fit(rows, seed=SEED).to_text(), report=report, created_at=now
    )
    session.add(version)
    session.flush()
    return version


def _held_out(rows: Sequence[Reviewed]) -> dict[str, Any]:
    """The lift over random review on the last fifth of the reviews picked at random, by a grader of those before."""
    import numpy as np

    from hitl.grader.model import fit, lift

    cut = int(0.8 * len(rows))
    later = [row for row in rows[cut:] if row.probability < 1.0]
    if len(later) < 20:
        return {}
    scores = fit(rows[:cut], seed=SEED).scores([row.features for row in later])
    changed = np.array([row.changed for row in later])
    return {"held_out": len(later), "lift": {str(b): lift(scores, changed, b) for b in (0.2, 0.4)}}


def scored_reviews(session: Session, workspace_id: str) -> list[tuple[float, float, float]]:
    """(score before the review, share of fields it changed, weight) of reviews that the budget paid."""
    rows = session.exec(
        select(Review.grader_score, Review.changed_fraction, Review.probability).where(
            Review.workspace_id == workspace_id,
            Review.state == ReviewState.DECIDED.value,
            col(Review.reason).in_(BY_BUDGET),
            col(Review.grader_score).is_not(None),
            col(Review.changed_fraction).is_not(None),
        )
    ).all()
    return [(score or 0.0, changed or 0.0, 1 / probability) for score, changed, probability in rows]
