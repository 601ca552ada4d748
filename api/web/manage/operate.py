"""The queue: what waits, for whom, since when, and what is late or blocked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import Session

from api.web.rendering import render
from api.web.visitor import Manager
from hitl.annotation import queue
from hitl.annotation.blocked import blocked_by_reason
from hitl.people.accounts import list_users
from hitl.release.listing import all_states, most_urgent
from hitl.workspace.workspaces import current_types
from models.states import IN_WORK, DocumentState, Role, TaskState

router = APIRouter()


@router.get("/queue")
def queue_page(request: Request, who: Manager) -> Response:
    session, workspace = who.session, who.workspace_id
    people = [user for user in list_users(session, workspace) if user.active]
    at_work = [user for user in people if user.last_seen_at and who.now - user.last_seen_at < timedelta(minutes=10)]
    return render(
        request, who, "manage/queue.html", section="/queue", title="Queue",
        states=all_states(session, workspace),
        working=[state.value for state in DocumentState if state in IN_WORK],
        tasks=tasks_by_type(session, workspace), reviews=reviews_by_level(session, workspace),
        documents=most_urgent(session, workspace), blocked=blocked_by_reason(session, workspace),
        at_work=at_work, people=people, types=current_types(session, workspace), warn_before=timedelta(hours=2),
        can_upload=who.is_at_least(Role.OPERATOR),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """What waits of one document type for one purpose; its fields with their open tasks."""

    document_type: str | None
    purpose: str
    open: int
    in_hand: int
    oldest: datetime
    next_due: datetime | None
    fields: tuple[tuple[str, int], ...]


def tasks_by_type(session: Session, workspace_id: str) -> list[TaskGroup]:
    """What waits for people, oldest first."""
    groups: dict[tuple[str | None, str], list[queue.Waiting]] = {}
    for one in queue.tasks_waiting(session, workspace_id):
        groups.setdefault((one.document_type, one.purpose), []).append(one)
    return sorted((_group(*key, some) for key, some in groups.items()), key=lambda group: group.oldest)


def _group(document_type: str | None, purpose: str, some: list[queue.Waiting]) -> TaskGroup:
    in_hand = sum(one.count for one in some if one.state == TaskState.LEASED.value)
    fields: Counter[str] = Counter()
    for one in some:
        fields[one.field] += one.count
    oldest = min(one.oldest for one in some)
    next_due = min((one.next_due for one in some if one.next_due), default=None)
    return TaskGroup(document_type, purpose, fields.total() - in_hand, in_hand, oldest, next_due, tuple(fields.items()))


def reviews_by_level(session: Session, workspace_id: str) -> list[tuple[int, str, int, datetime]]:
    """(level, reason, waiting, oldest)."""
    groups: dict[tuple[int, str], list[tuple[int, datetime]]] = {}
    for level, reason, _, count, oldest in queue.reviews_waiting(session, workspace_id):
        groups.setdefault((level, reason), []).append((count, oldest))
    return [(*key, sum(count for count, _ in some), min(at for _, at in some)) for key, some in groups.items()]
