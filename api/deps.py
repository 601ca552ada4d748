"""What routes ask for: the request's transaction and moment, the caller, and rows of the caller's workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlmodel import Session, SQLModel

from api.admission import AtWork
from api.problems import ApiProblem
from hitl.people.keys import Scope, allows, key_of
from hitl.platform import db, ownership

Row = TypeVar("Row", bound=SQLModel)


def request_session(_place: AtWork) -> Iterator[Session]:
    """One transaction per request, committed before the answer is sent."""
    with db.transaction(db.request_engine) as session:
        yield session


def request_moment() -> datetime:
    """The moment of this request. The clock is read here and handed in everywhere below."""
    return datetime.now(UTC)


# scope="function": the commit happens before the answer leaves, so that a failed commit is an error answer.
SessionDep = Annotated[Session, Depends(request_session, scope="function")]
Now = Annotated[datetime, Depends(request_moment)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: a key of one workspace."""

    workspace_id: str
    key_id: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return self.key_id


# Read by `bearer`; here so that the contract names it.
KEY = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="A key made with `countersign key add`.")


def needs(scope: Scope) -> Callable[..., Caller]:
    """A dependency: the caller, who must hold a key with this scope."""

    def caller(request: Request, now: Now, _place: AtWork, _scheme: Annotated[object, Depends(KEY)]) -> Caller:
        # A transaction of its own, so that a slow upload does not hold a database connection while it streams.
        with db.transaction(db.request_engine) as session:
            key = key_of(session, bearer(request), now=now)
        if key is None:
            raise unauthorised("This API key is not valid or was revoked.")
        if not allows(key, scope):
            raise ApiProblem(
                403,
                "scope_missing",
                f"This key does not have the scope {scope}.",
                f"Ask an admin for a key with the scope {scope}.",
            )
        return Caller(key.workspace_id, key.id, frozenset(key.scopes))

    caller.required_scope = scope  # type: ignore[attr-defined]  # read by the tests of scopes
    return caller


def bearer(request: Request) -> str:
    """The secret in the Authorization header. Keys are taken from nowhere else: addresses end up in logs."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise unauthorised("This address needs an API key.")
    return secret.strip()


def unauthorised(detail: str) -> ApiProblem:
    return ApiProblem(
        401,
        "unauthorised",
        detail,
        "Send the header `Authorization: Bearer <key>`; `countersign key add` makes a key.",
        {"WWW-Authenticate": "Bearer"},
    )


Reader = Annotated[Caller, Depends(needs(Scope.DOCUMENTS_READ))]
Writer = Annotated[Caller, Depends(needs(Scope.DOCUMENTS_WRITE))]
WebhookKeeper = Annotated[Caller, Depends(needs(Scope.WEBHOOKS))]
Workbench = Annotated[Caller, Depends(needs(Scope.TASKS))]
ModelKeeper = Annotated[Caller, Depends(needs(Scope.MODELS))]
Admin = Annotated[Caller, Depends(needs(Scope.ADMIN))]


def owned(session: Session, table: type[Row], identifier: str, workspace_id: str, *, lock: bool = False) -> Row:
    """One row of the workspace. Another workspace's row is answered like one that does not exist: 404."""
    row = ownership.find(session, table, identifier, workspace_id, lock=lock)
    if row is None:
        raise not_found(table, identifier)
    return row


def not_found(table: type[SQLModel], identifier: str) -> ApiProblem:
    noun = _NOUNS.get(table.__name__, table.__name__.lower())
    return ApiProblem(
        404,
        "not_found",
        f"There is no {noun} {identifier}.",
        "Check the identifier, and which workspace the key is of.",
    )


_NOUNS = {"ModelVersion": "model", "DocumentPage": "page", "WebhookDelivery": "delivery"}
