"""People: who works in the workspace, invitations, roles, pauses, and leaving."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import Admin, Now, SessionDep
from api.schemas import Input, Output
from hitl.annotation.leaving import leave
from hitl.people import accounts, pauses, promotion
from models.states import Role
from models.tables import User

router = APIRouter(prefix="/v1/people", tags=["people"])
levels = APIRouter(prefix="/v1/levels", tags=["people"])


class PersonInput(Input):
    login: Annotated[str, Field(min_length=1, max_length=120)]
    name: Annotated[str, Field(max_length=200)] = ""
    role: Role = Role.VALIDATOR


class PersonChange(Input):
    """What is not given stays. `paused_reason` null ends a pause; `active` false lets the person leave.

    `weekly_hours_cap` is the time on answers in seven days after which they get no more work; null takes it away.
    """

    role: Role | None = None
    active: bool | None = None
    paused_reason: Annotated[str, Field(max_length=500)] | None = None
    weekly_hours_cap: Annotated[float, Field(gt=0, le=168)] | None = None


class PersonView(Output):
    login: str
    name: str
    role: Role
    active: bool
    paused_reason: str | None
    weekly_hours_cap: float | None
    created_at: datetime
    last_seen_at: datetime | None


class PersonList(BaseModel):
    people: list[PersonView]


class ProposalView(BaseModel):
    """A change of level that a person's work speaks for; nothing changes by itself."""

    login: str
    role: Role
    to_role: Role
    reason: str
    fields: Annotated[int, Field(description="Decided fields that this rests on.")]
    error: Annotated[
        float, Field(description="75th percentile, over documents, of the share of their fields decided otherwise.")
    ]
    seconds: Annotated[float | None, Field(description="Median a field.")]


class ProposalList(BaseModel):
    proposals: list[ProposalView]


class InvitationView(BaseModel):
    """A one-time code for a password."""

    login: str
    role: Role
    code: str
    path: Annotated[str, Field(description="Where the person chooses a password, below the address of the pages.")]


@router.get("")
def list_people(session: SessionDep, caller: Admin) -> PersonList:
    """Everybody of the workspace, by login, also who has left."""
    people = accounts.list_users(session, caller.workspace_id)
    return PersonList(people=[PersonView.model_validate(person) for person in people])


@levels.get("")
def list_proposals(session: SessionDep, caller: Admin, now: Now) -> ProposalList:
    """Who might rise or fall a level, by their recent work; carried out by `PATCH /v1/people/{login}`."""
    people = {person.id: person.login for person in accounts.list_users(session, caller.workspace_id)}
    return ProposalList(
        proposals=[
            ProposalView(
                login=people[one.user_id], role=Role(one.standing.role), to_role=one.to_role, reason=one.place,
                fields=one.standing.fields, error=one.standing.error_75, seconds=one.standing.seconds,
            )
            for one in promotion.proposals(session, caller.workspace_id, now=now)
        ]
    )  # fmt: skip


@router.post("", status_code=201)
def invite_person(body: PersonInput, session: SessionDep, caller: Admin, now: Now) -> InvitationView:
    """A new person, and the one-time code with which they choose a password at `/password/CODE`."""
    person, code = accounts.invite(
        session, caller.workspace_id, body.login, name=body.name, role=body.role, actor=caller.actor, now=now
    )
    return _invitation(person, code)


@router.get("/{login}")
def show_person(login: str, session: SessionDep, caller: Admin) -> PersonView:
    return PersonView.model_validate(accounts.get_user(session, caller.workspace_id, login))


@router.patch("/{login}")
def change_person(login: str, body: PersonChange, session: SessionDep, caller: Admin, now: Now) -> PersonView:
    """Change role, pause or hours, or let somebody leave: signed out at once, work in hand put back, answers kept."""
    person, by = accounts.get_user(session, caller.workspace_id, login), caller.actor
    given = body.model_dump(exclude_unset=True)
    if body.role is not None and body.role.value != person.role:
        accounts.change_role(session, person, body.role, actor=by, now=now)
    if "paused_reason" in given and body.paused_reason:
        pauses.pause(session, person, reason=body.paused_reason, actor=by, now=now)
    elif "paused_reason" in given and person.paused_reason is not None:
        pauses.resume(session, person, actor=by, now=now)
    if "weekly_hours_cap" in given and body.weekly_hours_cap != person.weekly_hours_cap:
        accounts.cap_hours(session, person, body.weekly_hours_cap, actor=by, now=now)
    if body.active is False and person.active:
        leave(session, person, actor=by, now=now)
    elif body.active and not person.active:
        accounts.activate(session, person, actor=by, now=now)
    return PersonView.model_validate(person)


@router.post("/{login}/reset", status_code=201)
def reset_password(login: str, session: SessionDep, caller: Admin, now: Now) -> InvitationView:
    """A one-time code for a new password; older codes stop working."""
    person = accounts.get_user(session, caller.workspace_id, login)
    return _invitation(person, accounts.begin_reset(session, person, actor=caller.actor, now=now))


def _invitation(person: User, code: str) -> InvitationView:
    return InvitationView(login=person.login, role=Role(person.role), path=f"/password/{code}", code=code)
