"""Training examples: every field that people decided, how it was selected, with which probability, for which fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, func, or_, select

from hitl.aggregate.equality import token_of
from hitl.settings import settings
from hitl.work.document import fields_of
from hitl.work.ground_truth import chance_of, is_independent
from models.ids import new_id
from models.states import Fold, Route, VerdictState
from models.tables import Audit, Document, Example, Verdict
from models.values import ValueState

LEARNABLE = {ValueState.FOUND.value, ValueState.ABSENT.value, ValueState.EMPTY.value}
SAID = ("value_state", "value", "page", "box", "probability", "independent", "document_type")


@dataclass(frozen=True, slots=True)
class Labelled:
    """What there is to train a document type with: documents and fields of the train fold, and how many are needed."""

    document_type: str
    documents: int
    fields: int
    needed: int

    @property
    def is_enough(self) -> bool:
        return self.documents >= self.needed

    def __str__(self) -> str:
        if not self.is_enough:
            return f"{self.documents} of {self.needed} documents"
        return f"{self.documents} documents, {self.fields} fields"


def count_labelled(session: Session, workspace_id: str) -> list[Labelled]:
    """Each document type with an example in the train fold, by name."""
    rows = session.exec(
        select(Example.document_type, func.count(func.distinct(Example.document_id)), func.count())
        .where(Example.workspace_id == workspace_id, Example.fold == Fold.TRAIN.value)
        .group_by(Example.document_type)
        .order_by(Example.document_type)
    ).all()
    return [Labelled(*row, needed=settings().min_training_documents) for row in rows]


def write_examples(session: Session, document: Document, *, now: datetime) -> int:
    """Write the examples that the final verdicts and audits of `document` give; again harmless. Returns how many."""
    if document.document_type is None or document.made_from_data:
        return 0
    verdicts = [row for row in fields_of(session, document) if row.state == VerdictState.FINAL.value]
    rows = [row for verdict in verdicts for row in _examples_of(session, document, verdict, now)]
    if rows:
        statement = insert(Example).values(rows)
        new = statement.excluded
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["document_id", "field", "source"],
                set_={column: new[column] for column in (*SAID, "created_at")},
                # What says the same stays as old as it is: trainings count what is new.
                where=or_(*(col(getattr(Example, column)).is_distinct_from(new[column]) for column in SAID)),
            )
        )
    return len(rows)


def _examples_of(session: Session, document: Document, verdict: Verdict, now: datetime) -> Iterator[dict[str, Any]]:
    source = source_of(verdict)
    if source is not None and verdict.value_state in LEARNABLE:
        independent = source != "correction" and is_independent(session, verdict)
        answer = (verdict.value_state, verdict.value, verdict.page, verdict.box)
        # Who corrects is not asked at random: such a row teaches, with weight 1, and never certifies.
        yield _row(document, verdict, source, answer, probability=1.0, independent=independent, now=now)
    audit = session.exec(select(Audit).where(Audit.verdict_id == verdict.id)).first()
    if audit is None or audit.state != VerdictState.FINAL.value or audit.gold_state not in LEARNABLE:
        return
    if audit.second_probability is None:
        return  # comes when the other first keyers of the document have spoken
    same = token_of(verdict.kind, audit.gold_state or "", audit.gold) == token_of(
        verdict.kind, verdict.value_state or "", verdict.value
    )
    place = (verdict.page, verdict.box) if same else (None, None)
    # A reviewed field has its label with certainty, audited or not.
    probability = chance_of(audit) if verdict.route == Route.ACCEPT.value else 1.0
    answer = (audit.gold_state, audit.gold, *place)
    yield _row(document, verdict, "audit", answer, probability=probability, independent=True, now=now)


def source_of(verdict: Verdict) -> str | None:
    """Whose word a final verdict is; None for the machine's own, which must not teach itself."""
    who = verdict.decided_by or "machine"
    if who.startswith("reviewer:"):
        return "reviewer"
    return {"people": "review", "operator": "correction", "client": "correction"}.get(who)


def _row(
    document: Document,
    verdict: Verdict,
    source: str,
    answer: tuple[str | None, Any, int | None, list[float] | None],
    *,
    probability: float,
    independent: bool,
    now: datetime,
) -> dict[str, Any]:
    value_state, value, page, box = answer
    return {
        "id": new_id("exm"),
        "workspace_id": document.workspace_id,
        "document_id": document.id,
        "document_type": document.document_type,
        "field": verdict.field,
        "kind": verdict.kind,
        "value_state": value_state,
        "value": value,
        "page": page,
        "box": box,
        "source": source,
        "probability": probability,
        "fold": document.fold,
        "independent": independent,
        "created_at": now,
    }
