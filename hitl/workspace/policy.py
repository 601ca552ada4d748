"""The policy of one document type: thresholds, audits, overlap and keying modes, as immutable numbered versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import Session, col, select

from hitl.platform.locks import ROW
from hitl.platform.moves import record
from models.doctype import KeyingMode
from models.ids import new_id
from models.states import Route
from models.tables import PolicyVersion

RAISED = 3.0  # how much more is audited after an early alarm
FALLING = 4.0  # over the target: documents after which the rate of a fresh certificate is half
ANY_TYPE = "*"  # the policy that decides of the document type itself


class AuditRates(BaseModel):
    """Probability of a blind check, by where the reading went. Equal rates make evidence cheapest.

    Rates that grow with the doubt of a reading (Neyman allocation: with the root of its chance to be wrong) were tried:
    a tenth fewer answers at a target of 5 % on receipts, and none at 1 and 2 % or on synthetic rows. Errors then weigh
    less where most of them are, but the least rate of all limits every stake.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accept: float = Field(default=0.02, ge=0, le=1, description="Of values that the machine released.")
    review: float = Field(default=0.02, ge=0, le=1, description="Of values that people decide.")
    fresh: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Right after something is certified, falling to the two above: the threshold has the longest way "
        "to go then, and what is learnt early serves longest.",
    )
    elsewhere: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="The most for documents that certify nothing: no certificate and no alarm counts them.",
    )


class FieldPolicy(BaseModel):
    """What one field does differently from its type; what is left out is as the type says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    error_target: float | None = Field(
        default=None, gt=0, lt=1, description="A target, and with it a certificate, of its own."
    )
    threshold: float | None = Field(default=None, ge=0, le=1, description="Its `fixed_threshold`.")
    mode: KeyingMode | None = Field(default=None, description="How it is keyed: blind, verify.")
    always_review: bool = Field(default=False, description="People decide it, whatever the machine says.")
    rule: str | None = Field(default=None, description="Its aggregation rule.")


class Constants(BaseModel):
    """What no page offers, with the source of each. A stored version keeps the values that it was written with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine_share: float = Field(
        default=0.8, gt=0, lt=1, description="The machine's share of the error target; people have the rest."
    )
    people_most: float = Field(
        default=0.005,
        gt=0,
        lt=1,
        description="More of the error target than people need: measured at most .3 % wrong after two blind people.",
    )
    required_fields_reviewed: bool = Field(
        default=True, description="People look where a required value is said to be absent, empty or illegible."
    )
    failed_checks_reviewed: bool = Field(
        default=True, description="People look where a sum, an order of dates or a checksum fails."
    )
    warm_up_audit_rate: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Of documents that certify, while nothing is certified: the same evidence in the fewest documents.",
    )
    posterior: float = Field(
        default=0.999,
        gt=0.5,
        lt=1,
        description="An answer is agreed on when it is so probably right: .14 % wrong at "
        "1.22 answers a field in simulation.",
    )
    sources: int = Field(
        default=2, ge=1, le=5, description="And when so many independent sources say it, a blind person among them."
    )
    prior_right: float = Field(
        default=9.7, gt=0, description="Right answers that a person is believed to have given before their first."
    )
    prior_wrong: float = Field(
        default=0.3,
        gt=0,
        description="And wrong ones: people who key a value once err in 1 to 3 % (literature on double data entry).",
    )
    wrong_values: float = Field(
        default=20.0, ge=2, description="Two errors fall on the same value once in so many times."
    )
    catch_rate: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Share of wrong values shown that people notice (verify), until seeded values have measured it.",
    )
    seed_rate: float = Field(
        default=0.05, ge=0, le=0.5, description="Share of shown values that are made wrong on purpose (verify)."
    )


class Policy(Constants):
    """How readings of one document type are routed, audited, keyed and aggregated."""

    error_target: float | None = Field(
        default=None, gt=0, lt=1, description="The released error aimed at. Left out: that of the document type."
    )
    delta: float = Field(default=0.05, gt=0, lt=1, description="Chance that a certificate is wrong.")
    threshold_mode: Literal["certified", "fixed"] = Field(
        default="certified",
        description="`certified`: people check all until a threshold is certified. `fixed`: `fixed_threshold`, and "
        "nothing is promised.",
    )
    fixed_threshold: float = Field(default=0.95, ge=0, le=1, description="Of the mode `fixed`.")
    classification_threshold: float = Field(
        default=0.9, ge=0, le=1, description="People name the type of a document that is less sure."
    )
    split: Literal["auto", "ask", "off"] = Field(
        default="auto",
        description="Files that hold several documents: `auto` cuts them where the machine is sure and asks people "
        "else, `ask` always asks, `off` takes every file as one document. Of the policy `*`.",
    )
    audit_rate: AuditRates = Field(default=AuditRates(), description="How often values are checked.")
    review_budget: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of documents that level 2 looks at as a whole: where the grader says.",
    )
    second_keyer: Literal["one", "all"] = Field(
        default="one",
        description="Of the checks of one document that found the machine right, one drawn one has a second keyer, or "
        "all have.",
    )
    confirmed_text: bool = Field(
        default=True,
        description="Words that the engine was not sure of are read by what people confirmed of other documents.",
    )
    hold_for_audit: bool = Field(default=False, description="The release waits for the document's audits.")
    hold_repeats: bool = Field(
        default=True,
        description="A document with the seller, number and total of another one is held until somebody says which it "
        "is: a copy, or a document of its own. Of types that have these fields.",
    )
    single_operator: bool = Field(
        default=False, description="One person's answer is enough; nothing is certified, and the release says so."
    )
    cap: int = Field(default=5, ge=1, le=9, description="Answers to a field before a reviewer decides it.")
    rule: str = Field(
        default="one_coin",
        description="How answers are aggregated: one_coin, majority, dawid_skene. Of equal answers the spelling that a "
        "person typed is kept: the one most typed, else that of the most skilled; the machine's where nobody typed.",
    )
    mode: KeyingMode | None = Field(
        default=None,
        description="How fields are keyed: blind, verify. Left out: as the field of the document type says.",
    )
    fields: dict[str, FieldPolicy] = Field(
        default_factory=dict, description="What single fields do differently, by name."
    )

    def field(self, name: str) -> FieldPolicy:
        return self.fields.get(name, FieldPolicy())

    def machine_target(self, target: float) -> float:
        """The machine's part of an error target."""
        return max(target * self.machine_share, target - self.people_most)

    def rate(self, route: Route) -> float:
        """The probability with which a field on `route` is audited. One operator cannot audit himself blindly."""
        if self.single_operator:
            return 0.0
        return self.audit_rate.accept if route is Route.ACCEPT else self.audit_rate.review

    def audit_probability(
        self, route: Route, *, warm_up: bool = False, at_least: float = 0.0, certifying: bool = True
    ) -> float:
        """`rate`, or more: the warm-up rate for what certifies while nothing is certified, `at_least` else.

        Of a document that certifies nothing it is no more than `elsewhere`, unless `at_least` is. A threshold that
        is fixed has no certificate, so that all documents are alike.
        """
        rate = self.rate(route)
        if rate <= 0:
            return rate
        least = self.warm_up_audit_rate if warm_up else at_least
        is_full = certifying or self.threshold_mode == "fixed"
        return max(rate if is_full else min(rate, self.audit_rate.elsewhere), least)

    def fresh_rate(self, documents: int, target: float) -> float:
        """The least rate when so many documents came since something was first certified: halved after 4 / target."""
        half = FALLING / target
        return self.audit_rate.fresh * half / (half + documents)

    def least_rate(self, fresh: Iterable[tuple[int, float]], *, in_doubt: bool) -> float:
        """No rate is below this. `fresh`: documents since something was certified, and its target; see `fresh_rate`."""
        raised = RAISED * max(self.rate(Route.ACCEPT), self.rate(Route.REVIEW)) if in_doubt else 0.0
        return min(1.0, max([raised, *(self.fresh_rate(documents, target) for documents, target in fresh)]))

    def highest_rate(self) -> float:
        """What no rate is above while something is certified."""
        rates = (self.rate(Route.ACCEPT), self.rate(Route.REVIEW))
        return min(1.0, max(RAISED * max(rates), self.audit_rate.fresh))

    def rule_of(self, name: str) -> str:
        return "single" if self.single_operator else self.field(name).rule or self.rule


def types_as_read(session: Session, workspace_id: str) -> list[str]:
    """The document types whose words stay as the engine read them: `confirmed_text` of their newest policy is off."""
    rows = session.exec(
        select(PolicyVersion)
        .where(PolicyVersion.workspace_id == workspace_id, col(PolicyVersion.active))
        .ext(distinct_on(col(PolicyVersion.document_type)))
        .order_by(col(PolicyVersion.document_type), col(PolicyVersion.number).desc())
    ).all()
    return [row.document_type for row in rows if not row.policy.get("confirmed_text", True)]


def current_policy(
    session: Session, workspace_id: str, document_type: str, *, now: datetime
) -> tuple[PolicyVersion, Policy]:
    """The newest active policy of the type; the first asker writes version 1 with the defaults."""
    row = _newest(session, workspace_id, document_type)
    if row is None:
        first = insert(PolicyVersion).values(
            id=new_id("pol"),
            workspace_id=workspace_id,
            document_type=document_type,
            number=1,
            policy=Policy().model_dump(mode="json"),
            active=True,
            created_by="system",
            created_at=now,
        )
        session.execute(first.on_conflict_do_nothing())
        row = _newest(session, workspace_id, document_type)
        assert row is not None
    return row, Policy.model_validate(row.policy)


def pinned_policy(
    session: Session, version_id: str | None, workspace_id: str, document_type: str, *, now: datetime
) -> Policy:
    """The policy version a document was routed under, or the current one if it has none yet."""
    row = session.get(PolicyVersion, version_id) if version_id else None
    if row is not None and row.document_type == document_type:
        return Policy.model_validate(row.policy)
    return current_policy(session, workspace_id, document_type, now=now)[1]


def save_policy(
    session: Session, workspace_id: str, document_type: str, policy: Policy, *, actor: str, now: datetime
) -> PolicyVersion:
    """Write `policy` as the next version. Documents that were routed keep theirs."""
    first, _ = current_policy(session, workspace_id, document_type, now=now)
    session.refresh(first, with_for_update=ROW)  # one writer at a time
    before = _newest(session, workspace_id, document_type) or first
    row = PolicyVersion(
        workspace_id=workspace_id,
        document_type=document_type,
        number=before.number + 1,
        policy=policy.model_dump(mode="json"),
        created_by=actor,
        created_at=now,
    )
    session.add(row)
    session.flush()
    record(
        session,
        action="policy.saved",
        subject=row.id,
        stream=row.id,
        workspace_id=workspace_id,
        actor=actor,
        now=now,
        data={"document_type": document_type, "number": row.number, "replaces": before.id},
    )
    return row


def _newest(session: Session, workspace_id: str, document_type: str) -> PolicyVersion | None:
    return session.exec(
        select(PolicyVersion)
        .where(PolicyVersion.workspace_id == workspace_id, PolicyVersion.document_type == document_type)
        .where(col(PolicyVersion.active))
        .order_by(col(PolicyVersion.number).desc())
        .limit(1)
    ).first()
