"""Which fields are audited, by how many keyers: drawn by keyed hash before it is known where a field goes.

The second keyer is drawn too. A first keyer who differs from the machine always gets one. Of the checks of a document
on which the first keyer says what the machine says, the second is asked for one alone: the first in a keyed order.
With n of these each has the probability 1 / n, which is stored and multiplies that of the draw; the others end without
gold. A certificate counts the mean of a document, in which one field that weighs n is worth n fields: the largest loss
that a document could show, which is what evidence costs, is no larger than with a second keyer for all.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from hitl.aggregate.equality import token_of
from hitl.people import eligible
from hitl.work.document import is_about_type
from hitl.workspace.policy import Policy
from models.states import Route
from models.tables import Audit, Document, FieldReading, Verdict, Workspace
from models.values import ValueState

KEYERS = 2


def draw_number(audit_key: str, document_id: str, field: str, index: int) -> float:
    """A number in [0, 1) that only the holder of the key can foretell; the same for ever for the same field."""
    message = f"{document_id}\n{field}\n{index}".encode()
    digest = hmac.new(audit_key.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def drawn_together(audit_key: str, document_id: str, run: int, probabilities: Mapping[str, float]) -> set[str]:
    """The fields of one document that are audited, each with exactly its probability, and few of them together.

    Systematic sampling: the fields lie end to end in a keyed order, each as long as its probability; those are drawn
    that hold one of the points u, u + 1, ... for one keyed number u. While the probabilities sum to less than 1, at
    most one field of a document is drawn, which is what makes an audit worth so much to a certificate.
    """
    order = sorted(probabilities, key=lambda name: draw_number(audit_key, document_id, name, run))
    u = draw_number(audit_key, document_id, "\naudit", run)
    drawn, end = set(), -u
    for name in order:
        start, end = end, end + probabilities[name]
        if probabilities[name] >= 1 or math.ceil(end) > math.ceil(start):
            drawn.add(name)
    return drawn


def second_order(audit_key: str, document_id: str, run: int, fields: Iterable[str]) -> list[str]:
    """The keyed order in which the checks of one document come into question for a second keyer."""
    return sorted(fields, key=lambda name: draw_number(audit_key, document_id, f"{name}\nsecond", run))


def picked(order: Sequence[str], agreed: Mapping[str, bool | None]) -> str | None:
    """The first of `order` on which the first keyer agreed with the machine; None if there is none, or not yet."""
    name = next((name for name in order if agreed[name] is not False), None)
    return name if name is not None and agreed[name] else None


def second_chance(agreed: Collection[bool | None]) -> float | None:
    """With which probability each check that agreed had a second keyer; None until all first keyers have spoken."""
    return None if None in agreed or True not in agreed else 1 / sum(one is True for one in agreed)


@dataclass(frozen=True)
class Draw:
    """A draw to be made among fields of one run of a document, and what decides the chance of each.

    `warm_up`: the fields of a document that certifies of which nothing is certified yet. `at_least`: the rate while a
    certificate is fresh, or after an alarm. `certifying`: whether the document is evidence at all.
    """

    verdicts: Sequence[Verdict]
    policy: Policy
    warm_up: Collection[str] = ()
    at_least: float = 0.0
    certifying: bool = True


def draw_audits(session: Session, document: Document, draw: Draw | None, *, now: datetime) -> list[Audit]:
    """Draw the fields that are audited; the chance that each had is kept on its verdict. Nothing where `draw` is None.

    Nor of a page that was made from data: who looks at it sees what the machine was told.

    In the transaction that routed them, so that nobody sees a field that is routed and not drawn.
    """
    if draw is None or document.made_from_data:
        return []
    workspace = session.get_one(Workspace, document.workspace_id)
    for verdict in draw.verdicts:
        is_warm_up = verdict.field in draw.warm_up and _has_keyers(session, verdict)
        verdict.audit_probability = draw.policy.audit_probability(
            Route(verdict.route), warm_up=is_warm_up, at_least=draw.at_least, certifying=draw.certifying
        )
        session.add(verdict)
    chances = {verdict.field: verdict.audit_probability or 0.0 for verdict in draw.verdicts}
    drawn = drawn_together(workspace.audit_key, document.id, document.run, chances)
    audits = []
    for verdict in draw.verdicts:
        if verdict.field not in drawn:
            continue
        audit = Audit(
            workspace_id=document.workspace_id,
            document_id=document.id,
            verdict_id=verdict.id,
            probability=chances[verdict.field],
            created_at=now,
        )
        if draw.policy.second_keyer == "all" or machine_token(session, verdict) is None:
            ask_twice(audit)
        audits.append(audit)
    session.add_all(audits)
    session.flush()
    return audits


def _has_keyers(session: Session, verdict: Verdict) -> bool:
    """Too few people for two blind keyers: to audit everything would only leave reviews that nobody may decide."""
    return len(eligible.keyers(session, verdict.workspace_id, verdict.kind)) >= KEYERS


def machine_token(session: Session, verdict: Verdict) -> str | None:
    """What a first keyer may agree with; None where the machine found nothing, or where the type is in question."""
    reading = session.get(FieldReading, verdict.reading_id) if verdict.reading_id else None
    if is_about_type(verdict) or reading is None or reading.value_state == ValueState.NOT_FOUND.value:
        return None
    return token_of(verdict.kind, reading.value_state, reading.value)


def ask_twice(audit: Audit) -> None:
    audit.first_agreed, audit.second_probability = False, 1.0
