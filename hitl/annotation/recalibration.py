"""Refitting what posteriors are worth: audited decisions of people, as claimed and as found."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from hitl.aggregate.calibration import fit
from hitl.aggregate.equality import same_answer
from hitl.platform.moves import record
from models.states import VerdictState
from models.tables import Audit, Verdict, Workspace


def audited_decisions(session: Session, workspace_id: str) -> list[tuple[float, bool, float]]:
    """(claimed posterior, was right, weight) of every verdict that people agreed on and that has gold, as released.

    The weight is 1 / the probability of its second keyer: where the first differed from the machine it is 1.
    """
    rows = session.exec(
        select(Verdict, Audit)
        .join(Audit, col(Audit.verdict_id) == col(Verdict.id))
        .where(
            Verdict.workspace_id == workspace_id,
            Audit.state == VerdictState.FINAL.value,
            col(Audit.gold_state).is_not(None),
            col(Audit.second_probability).is_not(None),
            col(Verdict.first_value_state).is_not(None),
        )
        .order_by(col(Verdict.id))
    ).all()
    found = []
    for verdict, audit in rows:
        posterior, decided_by = first_decision(verdict)
        if posterior is not None and decided_by == "people":
            first = (verdict.first_value_state, verdict.first_value)
            weight = 1 / (audit.second_probability or 1.0)
            found.append((posterior, same_answer(verdict.kind, first, (audit.gold_state, audit.gold)), weight))
    return found


def first_decision(verdict: Verdict) -> tuple[float | None, str | None]:
    """Posterior and decider before any amendment."""
    for reason in verdict.reasons:
        if reason["rule"] == "amended":
            return reason["numbers"]["posterior"], reason["numbers"]["decided_by"]
    return verdict.posterior, verdict.decided_by


def recalibrate(session: Session, workspace_id: str, *, now: datetime) -> bool:
    """Fit the map anew when there is enough gold; True if the workspace got a new one."""
    decisions = audited_decisions(session, workspace_id)
    claimed, right, weights = ([one[part] for one in decisions] for part in range(3))
    fitted = fit(claimed, [bool(one) for one in right], weights)
    workspace = session.get_one(Workspace, workspace_id)
    knots = {"claimed": list(fitted.claimed), "observed": list(fitted.observed)}
    if not fitted.claimed or workspace.settings.get("posterior_calibration") == knots:
        return False
    workspace.settings = workspace.settings | {"posterior_calibration": knots}
    session.add(workspace)
    record(
        session,
        action="posterior.recalibrated",
        subject=workspace.id,
        stream=workspace.id,
        workspace_id=workspace.id,
        actor="system:posteriors",
        now=now,
        data={"decisions": len(decisions)},
    )
    return True
