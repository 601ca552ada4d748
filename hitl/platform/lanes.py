"""Lanes: which job goes first. What is nearly done goes before what is new; of what is new, workspaces take turns.

The lanes, first to last: upkeep, what follows a decision (certify, ask_again), recognise, the first pages of a
document, and last what is new: render, and the later pages of long documents. Deliveries have a queue of their own.
Within a lane the document's own priority counts, then age.

What is new has a place. The first document of a workspace takes the place of the best that waits, each further one the
place after the workspace's last: so one that sends a thousand at once waits for itself, and nobody else for it.
"""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, func, select

from hitl.platform.jobs import LANES, enqueue
from models.states import DocumentState
from models.tables import Document

ROOM = 10_000_000  # places of one priority of documents
FIRST_PAGES = 10


def enqueue_step(session: Session, name: str, document: Document, **arguments: Any) -> None:
    """Put the next step of a document in the queue, in the transaction of `session`."""
    is_new = name == "render" or arguments.get("number", 0) > FIRST_PAGES
    priority = document.priority * ROOM + document.place if is_new else LANES[name] + document.priority
    enqueue(session, name, priority=priority, document_id=document.id, **arguments)


def next_place(session: Session, workspace_id: str, priority: int) -> int:
    """The place of a document that this workspace sends now; two indexes of the few new documents know it."""
    new = (Document.state == DocumentState.RECEIVED.value, Document.priority == priority)
    front = select(func.max(Document.place)).where(*new).scalar_subquery()
    last = select(func.min(Document.place)).where(*new, Document.workspace_id == workspace_id).scalar_subquery()
    front_place, last_place = session.exec(select(front, last)).one()
    return max(1 - ROOM, (front_place or 0) if last_place is None else last_place - 1)
