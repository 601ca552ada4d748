"""What a client is told of a document: the fields object of the API, and what was certified at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, select

from extractor.kinds.table import cells_of
from hitl.aggregate.equality import same_answer, token_of
from hitl.work.document import fields_of, readings_of, spec_of
from hitl.workspace.policy import Policy
from models.states import VerdictState
from models.tables import Certificate, Document, FieldReading, Verdict
from models.values import ValueState


def payload(session: Session, document: Document) -> dict[str, Any]:
    """One entry a field: value, text, confidence, page, box, state, and how it was decided.

    Until a verdict is decided its entry shows the machine's reading and says ``"verdict": "pending"``.
    """
    readings = readings_of(session, document)
    shown = {row.field: _entry(row, readings.get(row.field)) for row in fields_of(session, document)}
    unrouted = {name: _read_entry(reading) for name, reading in readings.items() if name not in shown}
    spec = spec_of(session, document)
    columns = spec.tables if spec else {}
    return {name: _in_cells(entry, columns.get(name, ())) for name, entry in (shown | unrouted).items()}


def in_cells(item: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A row of a table with its cells; of one stored as one text, before rows had cells, each is what stands there."""
    if item.get("cells") or not columns:
        return dict(item)
    sure = item.get("confidence")
    cells = {
        name: {"value": text or None, "text": text or None, "confidence": sure, "box": None}
        for name, text in cells_of(str(item["value"]), columns).items()
    }
    return dict(item) | {"cells": cells}


def _in_cells(entry: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    if not columns or "items" not in entry:
        return entry
    return entry | {"items": [in_cells(item, columns) for item in entry["items"]]}


def describe_certificate(session: Session, document: Document, policy: Policy) -> dict[str, Any]:
    """What is promised of this release: a certified error bound, or plainly that nothing is."""
    if policy.single_operator:
        note = "One person decided alone; nothing is certified."
        return {"certified": False, "mode": "single_operator", "note": note}
    if policy.threshold_mode == "fixed":
        return {"certified": False, "mode": "fixed", "note": "A fixed threshold was set; its error is not certified."}
    rows = session.exec(
        select(Certificate).where(
            Certificate.workspace_id == document.workspace_id,
            Certificate.document_type == document.document_type,
            Certificate.model_version_id == document.model_version_id,
            Certificate.policy_version_id == document.policy_version_id,
        )
    ).all()
    in_force = [row for row in rows if row.threshold is not None and row.suspended_reason is None]
    certificates = [
        {"pool": row.pool, "target": row.target, "delta": row.delta, "threshold": row.threshold} for row in in_force
    ]
    return {"certified": bool(certificates), "mode": "certified", "certificates": certificates}


def _entry(verdict: Verdict, reading: FieldReading | None) -> dict[str, Any]:
    if verdict.value_state is None:
        return _read_entry(reading) | {"route": verdict.route, "verdict": verdict.state}
    said = (verdict.value_state, verdict.value)
    agrees = reading is not None and same_answer(verdict.kind, said, (reading.value_state, reading.value))
    as_read = agrees and reading is not None and reading.value == verdict.value  # people may have spelled it otherwise
    entry = {
        "value": verdict.value,
        "text": reading.text if reading and as_read else _as_text(verdict.value),
        "confidence": verdict.posterior,
        "page": verdict.page,
        "box": verdict.box,
        "state": verdict.value_state,
        "route": verdict.route,
        "verdict": verdict.state,
        "provenance": {
            "decided_by": _role(verdict.decided_by),
            "decided_at": verdict.decided_at.isoformat() if verdict.decided_at else None,
            "reasons": [reason["rule"] for reason in verdict.reasons],
            "threshold": verdict.threshold,
            "machine": _machine(reading),
        },
    }
    if agrees and reading and reading.items:
        entry["items"] = reading.items if as_read else _respelled(verdict, reading.items)
    elif isinstance(verdict.value, list):
        entry["items"] = [{"value": value, "text": value, "confidence": verdict.posterior} for value in verdict.value]
    return entry


def _respelled(verdict: Verdict, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The items of a reading with the spelling of the verdict, which says the same."""
    values = verdict.value if isinstance(verdict.value, list) else [verdict.value]
    spelled = {token_of(verdict.kind, "found", value): value for value in values}
    tokens = [token_of(verdict.kind, "found", item["value"]) for item in items]
    return [
        _spelled(item, spelled[token]) if token in spelled else item for item, token in zip(items, tokens, strict=True)
    ]


def _spelled(item: dict[str, Any], value: str) -> dict[str, Any]:
    """An item, and the cells of a row, with another spelling; the places stay."""
    spelled = item | {"value": value, "text": value}
    said = cells_of(value, list(item.get("cells") or ()))
    cells = {n: cell | {"value": said[n] or None, "text": said[n] or None} for n, cell in item.get("cells", {}).items()}
    return spelled | ({"cells": cells} if cells else {})


def _read_entry(reading: FieldReading | None) -> dict[str, Any]:
    if reading is None:
        absent = dict.fromkeys(("value", "text", "page", "box"))
        return absent | {"confidence": 0.0, "state": ValueState.NOT_FOUND.value, "provenance": {"machine": None}}
    entry = {
        "value": reading.value,
        "text": reading.text,
        "confidence": reading.confidence,
        "page": reading.page,
        "box": reading.box,
        "state": reading.value_state,
        "route": None,
        "verdict": VerdictState.PENDING.value,
        "provenance": {"machine": _machine(reading)},
    }
    return entry | ({"items": reading.items} if reading.items else {})


def _machine(reading: FieldReading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    said = {"value": reading.value, "state": reading.value_state, "confidence": reading.confidence}
    return said | {"model_version": reading.model_version_id} | reading.provenance


def _role(decided_by: str | None) -> str | None:
    """Clients are told the role, not the person."""
    return decided_by.split(":")[0] if decided_by else None


def _as_text(value: Any) -> str | None:
    return " | ".join(str(part) for part in value) if isinstance(value, list) else value
