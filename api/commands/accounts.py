"""`countersign user ...` and `countersign key ...`: people and API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.commands.shared import WorkspaceName, desk, listing, out, secret_from_terminal
from models.states import Role

if TYPE_CHECKING:
    from models.tables import ApiKey

user = typer.Typer(no_args_is_help=True, help="People: add, list, password, invite, pause, resume, deactivate.")
key = typer.Typer(no_args_is_help=True, help="API keys: add, list, rotate, revoke.")

Login = Annotated[str, typer.Argument(help="The person's login.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@user.command("add")
def add_user(
    login: Login,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.VALIDATOR,
    name: Annotated[str, typer.Option(help="The name that colleagues see.")] = "",
    password_stdin: FromStdin = False,
    workspace: WorkspaceName = "default",
) -> None:
    """Add a person. Without a password one is made up and shown once."""
    from hitl.people import accounts

    given = secret_from_terminal("Password (empty: make one up)", from_stdin=password_stdin)
    password = given or accounts.new_password()
    with desk(workspace) as at:
        accounts.add_user(
            at.session, at.workspace.id, login, name=name, role=role, password=password, actor=at.actor, now=at.now
        )
    out.print(f"Added {login} ({role}).", markup=False)
    if not given:
        out.print(f"Password, shown only now: {password}", markup=False)


@user.command("invite")
def invite_user(
    login: Login,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.VALIDATOR,
    name: Annotated[str, typer.Option(help="The name that colleagues see.")] = "",
    workspace: WorkspaceName = "default",
) -> None:
    """Add a person who chooses their own password with a one-time code."""
    from hitl.people import accounts

    with desk(workspace) as at:
        _, code = accounts.invite(at.session, at.workspace.id, login, name=name, role=role, actor=at.actor, now=at.now)
    out.print(f"One-time code for {login}, good for 7 days: {code}", markup=False)


@user.command("list")
def list_users(workspace: WorkspaceName = "default") -> None:
    """List people with role and state."""
    from hitl.people import accounts

    table = Table("login", "name", "role", "state", "last seen")
    with desk(workspace) as at:
        for person in accounts.list_users(at.session, at.workspace.id):
            state = f"paused: {person.paused_reason}" if person.paused_reason else "active"
            seen = f"{person.last_seen_at:%Y-%m-%d %H:%M}" if person.last_seen_at else "never"
            table.add_row(person.login, person.name, person.role, state if person.active else "deactivated", seen)
    out.print(table)


@user.command("password")
def set_password(login: Login, password_stdin: FromStdin = False, workspace: WorkspaceName = "default") -> None:
    """Set a password and sign the person out everywhere. Without one, it is made up and shown once."""
    from hitl.people import accounts

    given = secret_from_terminal("New password (empty: make one up)", from_stdin=password_stdin)
    password = given or accounts.new_password()
    with desk(workspace) as at:
        person = accounts.get_user(at.session, at.workspace.id, login)
        accounts.set_password(at.session, person, password, actor=at.actor, now=at.now)
    out.print(f"The password of {login} is set.", markup=False)
    if not given:
        out.print(f"Password, shown only now: {password}", markup=False)


@user.command("pause")
def pause_user(
    login: Login,
    reason: Annotated[str, typer.Option(help="Shown to the person.")] = "paused by an operator",
    workspace: WorkspaceName = "default",
) -> None:
    """Hand no more tasks to a person, until `resume`."""
    from hitl.people import accounts, pauses

    with desk(workspace) as at:
        person = accounts.get_user(at.session, at.workspace.id, login)
        pauses.pause(at.session, person, reason=reason, actor=at.actor, now=at.now)
    out.print(f"{login} is paused.", markup=False)


@user.command("resume")
def resume_user(login: Login, workspace: WorkspaceName = "default") -> None:
    """Hand tasks to a paused person again."""
    from hitl.people import accounts, pauses

    with desk(workspace) as at:
        pauses.resume(at.session, accounts.get_user(at.session, at.workspace.id, login), actor=at.actor, now=at.now)
    out.print(f"{login} gets tasks again.", markup=False)


@user.command("deactivate")
def deactivate_user(login: Login, workspace: WorkspaceName = "default") -> None:
    """Sign a person out everywhere and let them in no more. Work in hand goes back to the pile; their answers stay."""
    from hitl.annotation.leaving import leave
    from hitl.people import accounts

    with desk(workspace) as at:
        leave(at.session, accounts.get_user(at.session, at.workspace.id, login), actor=at.actor, now=at.now)
    out.print(f"{login} can no longer sign in.", markup=False)


@key.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="What the key is for, e.g. the name of the client system.")],
    scope: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="The key expires after so many days.")] = None,
    workspace: WorkspaceName = "default",
) -> None:
    """Make an API key. Its secret is shown once. Scopes: documents:read documents:write webhooks tasks models admin."""
    from hitl.people import keys

    with desk(workspace) as at:
        row, secret = keys.add_key(
            at.session,
            at.workspace.id,
            name,
            scope or [keys.Scope.DOCUMENTS_READ, keys.Scope.DOCUMENTS_WRITE, keys.Scope.WEBHOOKS],
            expires_at=at.now + timedelta(days=days) if days else None,
            actor=at.actor,
            now=at.now,
        )
    out.print(f"{row.id} may: {', '.join(row.scopes)}", markup=False)
    out.print("Secret, shown only now:", markup=False)
    out.print(secret, markup=False)


@key.command("list")
def list_keys(workspace: WorkspaceName = "default") -> None:
    """List keys; secrets are not kept."""
    from hitl.people import keys

    table = listing("id", "name", "begins with", "scopes", "last used", "state")
    with desk(workspace) as at:
        for row in keys.list_keys(at.session, at.workspace.id):
            used = f"{row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never"
            state = _state(row, at.now)
            table.add_row(row.id, row.name, row.prefix, ", ".join(row.scopes), used, state)
    out.print(table)


@key.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id that `key list` shows.")], workspace: WorkspaceName = "default"
) -> None:
    """Let a key do nothing any more, at once."""
    from hitl.people import keys

    with desk(workspace) as at:
        keys.revoke_key(at.session, at.workspace.id, key_id, actor=at.actor, now=at.now)
    out.print(f"{key_id} is revoked.", markup=False)


@key.command("rotate")
def rotate_key(
    key_id: Annotated[str, typer.Argument(help="The id that `key list` shows.")],
    overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="How long the old key still works.")] = 24,
    workspace: WorkspaceName = "default",
) -> None:
    """Make a key of the same name and scopes; the old one stops when the overlap is over."""
    from hitl.people import keys

    with desk(workspace) as at:
        overlap = timedelta(hours=overlap_hours)
        row, secret = keys.rotate_key(at.session, at.workspace.id, key_id, overlap=overlap, actor=at.actor, now=at.now)
    out.print(f"{row.id} takes the place of {key_id}, which works for {overlap_hours:g} hours more.", markup=False)
    out.print("Secret, shown only now:", markup=False)
    out.print(secret, markup=False)


def _state(row: ApiKey, now: datetime) -> str:
    if row.revoked_at:
        return "revoked"
    if row.expires_at is None:
        return "active"
    return f"expired {row.expires_at:%Y-%m-%d}" if row.expires_at <= now else f"until {row.expires_at:%Y-%m-%d %H:%M}"
