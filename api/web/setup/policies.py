"""The policy of a type: kept as a new version, or first tried on the documents of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from api.web.forms import AnyForm, Form
from api.web.rendering import go
from api.web.setup.types import editor, place_of, share_of
from api.web.visitor import Operator
from hitl.routing.dryrun import DryRun, dry_run
from hitl.workspace.policy import Policy, current_policy, save_policy
from hitl.workspace.workspaces import current_type

router = APIRouter(prefix="/types")
TRIED_ON = 300  # documents, the newest first
SWITCHES = ("confirmed_text", "hold_for_audit", "hold_repeats", "single_operator")


@dataclass(frozen=True, slots=True)
class Tried:
    """What the policy in force would do with past documents, and what the changed one would."""

    now: DryRun
    then: DryRun


def policy_of_form(before: Policy, form: Form) -> Policy:
    """The policy in force with what the form changes. Raises ValidationError."""

    def share(name: str, otherwise: float) -> float:
        given = share_of(form.get(name, ""))
        return otherwise if given is None else given

    changed: dict[str, Any] = {
        "error_target": share_of(form.get("error_target", "")),
        "threshold_mode": form.get("threshold_mode", before.threshold_mode),
        "fixed_threshold": share("fixed_threshold", before.fixed_threshold),
        "classification_threshold": share("classification_threshold", before.classification_threshold),
        "audit_rate": {name: share(f"audit_{name}", rate) for name, rate in before.audit_rate},
        "review_budget": share("review_budget", before.review_budget),
        "cap": form.get("cap", before.cap),
    } | {name: name in form for name in SWITCHES}
    return Policy.model_validate(before.model_dump(mode="json") | changed)


@router.post("/{name}/policy")
def keep_policy(request: Request, who: Operator, name: str, form: AnyForm) -> Response:
    """Write the next version of the policy; documents that were routed keep theirs."""
    _, before = current_policy(who.session, who.workspace_id, name, now=who.now)
    try:
        policy = policy_of_form(before, form)
    except ValidationError as error:
        return _refused(request, who, name, error)
    save_policy(who.session, who.workspace_id, name, policy, actor=who.actor, now=who.now)
    return go(f"/types/{name}", "saved")


@router.post("/{name}/policy/try")
def try_policy(request: Request, who: Operator, name: str, form: AnyForm) -> Response:
    """Route past documents again under the changed policy, writing nothing, and show it beside the one in force."""
    _, spec = current_type(who.session, who.workspace_id, name)
    _, before = current_policy(who.session, who.workspace_id, name, now=who.now)
    try:
        policy = policy_of_form(before, form)
    except ValidationError as error:
        return _refused(request, who, name, error)
    runs = [dry_run(who.session, who.workspace_id, name, one, now=who.now, limit=TRIED_ON) for one in (before, policy)]
    return editor(request, who, spec.model_dump(mode="json"), policy=policy, tried=Tried(*runs))


def _refused(request: Request, who: Operator, name: str, error: ValidationError) -> Response:
    _, spec = current_type(who.session, who.workspace_id, name)
    problems = [f"{place_of(item['loc'])}{item['msg']}" for item in error.errors()]
    return editor(request, who, spec.model_dump(mode="json"), status=422, problems=problems)
