"""Which threshold is in force for a field, by which certificate, and the least audit rate that follows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, select

from hitl.workspace.policy import Policy
from models.doctype import DocumentType
from models.tables import (
    Certificate,
    PolicyVersion,
)

UNCERTIFIED = ("warm-up", "suspended")  # sources of a threshold that is not there


def error_target(policy: Policy, spec: DocumentType, name: str) -> float:
    """The target of one field: its policy, else its specification, else the type's policy, else the type's."""
    declared = next((f.error_target for f in spec.fields if f.name == name), None)
    return policy.field(name).error_target or declared or policy.error_target or spec.error_target


def certificates(
    session: Session, workspace_id: str, document_type: str, policy: PolicyVersion, model_id: str | None
) -> list[Certificate]:
    """The certificates of one model under one policy; those of single fields before the pools."""
    rows = session.exec(
        select(Certificate).where(
            Certificate.workspace_id == workspace_id,
            Certificate.document_type == document_type,
            Certificate.model_version_id == model_id,
            Certificate.policy_version_id == policy.id,
        )
    ).all()
    return sorted(rows, key=lambda row: row.pool == "*")


def pick_threshold(field: str, policy: Policy, held: Sequence[Certificate]) -> tuple[float | None, str]:
    """A fixed threshold if the policy sets one, else the certified one of the field or its pool, else none yet."""
    if policy.threshold_mode == "fixed" or policy.single_operator:
        own = policy.field(field).threshold
        return (policy.fixed_threshold if own is None else own), "fixed"
    certificate = next((row for row in held if row.pool in (field, "*")), None)  # the field's own comes first
    if certificate is None:
        return None, "warm-up"
    if certificate.suspended_reason:
        return None, "suspended"
    return certificate.threshold, "warm-up" if certificate.threshold is None else "certificate"


def least_rate(policy: Policy, held: Sequence[Certificate], *, certifying: bool = True) -> float:
    """The least audit rate of a document under these certificates, known before it came: fresh ones, early alarms.

    What a fresh certificate asks for is asked of the documents alone that certify: elsewhere it would buy nothing.
    """
    fresh = [
        (int(row.report["in_force"]), row.target)
        for row in held
        if certifying and row.threshold is not None and row.report.get("in_force") is not None
    ]
    return policy.least_rate(fresh, in_doubt=any(row.report.get("audit_raised") for row in held))
