"""Certificates that go on from where they stopped: states stored after some documents, and evidence read in its order.

A state is kept after every FAR documents, after every NEAR of the last ones, and after the last of all, so that what
changes in a document takes back little of what was counted after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from hitl.certificate.replay import Course, Unit
from hitl.certificate.sight import unit_of
from hitl.workspace.policy import Policy
from models.tables import CertificateStep, Evidence

FAR, NEAR, LAST = 1_024, 64, 2_048  # documents

# Of copies of one picture, and of several runs of one document, the first counts: the others are no new evidence.
_UNITS = """
    SELECT e.* FROM evidence e
    WHERE e.workspace_id = :workspace AND e.model_version_id = :model AND e.document_type = :type
      AND {counts_e} AND (e.at, e.document_id, e.run) > (:at, :document, :run)
      AND NOT EXISTS (
        SELECT FROM evidence p WHERE p.workspace_id = e.workspace_id AND p.model_version_id = e.model_version_id
        AND p.group_key = e.group_key AND p.document_type = e.document_type AND {counts_p}
        AND (p.at, p.document_id, p.run) < (e.at, e.document_id, e.run))
    ORDER BY e.at, e.document_id, e.run LIMIT :most
"""
_COUNTS = """
    {0}.policy_version_id = ANY (:policies) AND (:newer OR NOT {0}.newer)
    AND ({0}.fields ?| :pool OR {0}.unseen_of > 0)
"""
_NEXT_UNITS = text(_UNITS.format(counts_e=_COUNTS.format("e"), counts_p=_COUNTS.format("p"))).columns(
    *Evidence.__table__.columns  # type: ignore[attr-defined]
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which evidence a certificate counts, and under what."""

    workspace_id: str
    model_id: str
    document_type: str
    pool: str
    fields: frozenset[str]
    policies: dict[str, Policy]  # that promise the same, by id
    type_policy: Policy
    newer: bool  # documents that came after the model count too

    def step(self) -> dict[str, str]:
        """The columns that name its states."""
        return {
            "workspace_id": self.workspace_id,
            "model_version_id": self.model_id,
            "document_type": self.document_type,
            "pool": self.pool,
        }


def advance(session: Session, asked: Asked, course: Course, basis: dict[str, Any]) -> None:
    """Take `course`, which is at its beginning, on through all the evidence there is, from the last state that holds.

    `basis`: what a state hangs on beside the documents; states of another one are forgotten.
    """
    mine = select(CertificateStep).filter_by(**asked.step())
    step = session.exec(mine.order_by(col(CertificateStep.counted).desc()).limit(1)).first()
    if step is not None and step.basis != basis:
        session.execute(delete(CertificateStep).filter_by(**asked.step()))
        step = None
    if step is not None:
        course.take_up(step.state)
    at = (step.at, step.document_id, step.run) if step is not None else None
    while True:
        most = FAR - course.counted % FAR
        rows = _read(session, asked, at, most)
        units = [unit_of(row, asked.fields, asked.policies, asked.type_policy) for row in rows]
        is_last = len(rows) < most
        _count(session, asked, course, basis, rows, units, each=NEAR if is_last else FAR)
        if is_last:
            break
        at = (rows[-1].at, rows[-1].document_id, rows[-1].run)
    if rows:
        _thin_out(session, asked, course.counted)


def _read(session: Session, asked: Asked, after: tuple[Any, str, int] | None, most: int) -> list[Evidence]:
    at, document_id, run = after or ("-infinity", "", 0)
    given = {
        "workspace": asked.workspace_id, "model": asked.model_id, "type": asked.document_type, "newer": asked.newer,
        "policies": list(asked.policies), "pool": sorted(asked.fields), "most": most,
        "at": at, "document": document_id, "run": run,
    }  # fmt: skip
    return [Evidence(**row._mapping) for row in session.execute(_NEXT_UNITS, given)]


def _count(
    session: Session,
    asked: Asked,
    course: Course,
    basis: dict[str, Any],
    rows: list[Evidence],
    units: list[Unit],
    *,
    each: int,
) -> None:
    done = 0
    while done < len(units):
        until = min(done + each - course.counted % each, len(units))
        course.advance(units[done:until])
        done, last = until, rows[until - 1]
        held = {
            "counted": course.counted, "at": last.at, "document_id": last.document_id, "run": last.run,
            "basis": basis, "state": course.pack(),
        }  # fmt: skip
        fresh = insert(CertificateStep).values(**asked.step(), **held)
        key = [*asked.step(), "counted"]
        session.execute(fresh.on_conflict_do_update(index_elements=key, set_=held))


def _thin_out(session: Session, asked: Asked, counted: int) -> None:
    at = col(CertificateStep.counted)
    is_spare = (at % NEAR != 0) | ((at % FAR != 0) & (at < counted - LAST))
    session.execute(delete(CertificateStep).filter_by(**asked.step()).where(at < counted, is_spare))
