"""The pages and lists whose cost must not grow with the past of a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from hitl.people import keys
from hitl.people.accounts import open_session
from hitl.people.keys import Scope
from models.states import Role
from models.tables import Workspace
from tests import factories

LISTS = (
    "/v1/documents",
    "/v1/documents?state=released",
    "/v1/tasks/next?person=boss",
    "/v1/models",
    "/v1/people",
    "/v1/keys",
    "/v1/webhooks",
    "/v1/snapshots",
    "/documents",
    "/documents?tab=trouble",
    "/documents?tab=held",
    "/review",
    "/work",
)
MANAGEMENT = (
    "/",
    "/queue",
    "/v1/tasks/summary",
    "/metrics",
    "/people",
    "/models",
    "/types",
    "/access",
    "/retention",
    "/me",
)
STILL_GROW = ("/quality", "/v1/quality", "/people/levels", "/v1/levels")  # they add up answers and verdicts


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may see everything, by key and by session."""

    key: dict[str, str]
    session: dict[str, str]

    def headers(self, path: str) -> dict[str, str]:
        return self.key if path.startswith("/v1") else self.session


def create_caller(session: Session, workspace: Workspace, now: datetime) -> Caller:
    boss = factories.create_user(session, workspace, Role.ADMIN, login="boss")
    token = open_session(session, boss, now=now).token
    _, secret = keys.add_key(session, workspace.id, "bench", [Scope.ADMIN], actor="test", now=now)
    session.commit()
    cookie = {"cookie": f"countersign_session={token}", "accept": "text/html"}
    return Caller({"Authorization": f"Bearer {secret}"}, cookie)
