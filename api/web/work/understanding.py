"""What a typed value is understood as, in words for the page: shown while it is typed, asked where it is not plain."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from extractor.kinds import AmbiguousValue
from hitl.annotation.answers import parse
from hitl.work.typed import Unparseable
from models.doctype import Kind
from models.tables import Document, Task

ARTICLES = {Kind.DATE.value: "a date", Kind.MONEY.value: "an amount"}


def understanding(session: Session, task: Task, document: Document, typed: str | list[str]) -> dict[str, Any]:
    """`meant` and what it `says`; or a `complaint`; or the `readings` among which the person has to choose."""
    try:
        meant = parse(session, task, document, typed)
    except AmbiguousValue as error:
        if isinstance(typed, list):
            return {"complaint": f"{error} Write it so that it is plain, such as 1234.00.", "blocks": True}
        return {"readings": [{"value": value, "label": say(task.kind, value)} for value in error.readings]}
    except Unparseable:
        return {"complaint": f"This is not {ARTICLES.get(task.kind, 'a value of the field')} yet."}
    return {"meant": meant, "says": "" if isinstance(meant, list) else say(task.kind, meant)}


def say(kind: str, value: str) -> str:
    """A value in words that leave no doubt: the month by its name, thousands apart."""
    if kind == Kind.DATE.value:
        day = date.fromisoformat(value)
        return f"{day:%a} {day.day} {day:%B} {day.year}"
    if kind == Kind.MONEY.value:
        return f"{Decimal(value):,}".replace(",", "\u202f")
    return value
