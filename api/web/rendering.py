"""Turns a template and its data into a page: escaping, navigation by role, and how values are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.admission import keyed_in
from api.problems import Problem
from api.web.visitor import Visitor
from extractor.kinds.table import cells_of
from hitl.people.accounts import at_least
from models.states import Role
from models.tables import User


@dataclass(frozen=True, slots=True)
class Link:
    href: str
    label: str
    role: Role
    count: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    links: tuple[Link, ...]


NAVIGATION = (
    Group(
        "Work",
        (
            Link("/work", "Keying", Role.VALIDATOR),
            Link("/review", "Review", Role.REVIEWER),
            Link("/training", "Training", Role.VALIDATOR),
            Link("/me", "My figures", Role.VALIDATOR),
        ),
    ),
    Group(
        "Documents",
        (
            Link("/upload", "Upload", Role.OPERATOR),
            Link("/documents", "Documents", Role.REVIEWER),
            Link("/queue", "Queue", Role.MANAGER),
        ),
    ),
    Group("Learning", (Link("/quality", "Quality", Role.MANAGER), Link("/models", "Models", Role.MANAGER))),
    Group(
        "Set-up",
        (
            Link("/types", "Document types", Role.OPERATOR),
            Link("/people", "People", Role.MANAGER),
            Link("/access", "Keys and webhooks", Role.OPERATOR),
            Link("/retention", "Retention", Role.OPERATOR),
        ),
    ),
    Group("Help", (Link("/help/", "Manual", Role.VALIDATOR),)),
)

# What a page says after a form was sent: the address carries the code, never the text.
NOTICES: dict[str, tuple[str, str]] = {
    "saved": ("ok", "Saved."),
    "password": ("ok", "Your password is set. Sign in with it."),
    "signed-out": ("ok", "You are signed out."),
    "uploaded": ("ok", "Taken in. Reading begins at once; this list shows how far it is."),
    "amended": ("ok", "Amended. The client is told through the webhook."),
    "cancelled": ("ok", "Cancelled. Its tasks are withdrawn."),
    "reprocessing": ("ok", "The document is read anew; its open tasks are withdrawn."),
    "retyped": ("ok", "The document type is changed; the document is read and routed anew."),
    "retried": ("ok", "Trying again."),
    "split": ("ok", "Its documents are made now, each with its pages; they are listed here."),
    "one": ("ok", "One document: it is read on."),
    "erased": ("ok", "Erased. A tombstone without values remains in the log."),
    "held": ("ok", "Held. No task of it is handed out until it is let go."),
    "training": ("ok", "Training has been asked for; the worker does it. This page follows."),
    "promoted": ("ok", "Promoted. Documents that come in from now on are read by it."),
    "waits": ("ok", "It is promoted as soon as it accepts as much as the model that serves."),
    "rolled-back": ("ok", "Rolled back to the model before."),
    "paused": ("ok", "Paused. No tasks are handed out to this person until you let them go on."),
    "resumed": ("ok", "Back at work."),
    "invited": ("ok", "Invited. Give them the link below: it is shown only once."),
    "revoked": ("ok", "Revoked; it stopped working with this moment."),
    "replayed": ("ok", "The delivery is sent again."),
    "decided": ("ok", "Decided. Here is the next one."),
    "escalated": ("ok", "Passed to the next level."),
    "returned": ("ok", "Sent back with your message."),
    "deactivated": ("ok", "Deactivated and signed out everywhere. Their answers stay."),
    "activated": ("ok", "May sign in again."),
    "lost": ("warn", "The time for that review ran out and somebody else has it. Nothing of yours was saved."),
    "commented": ("ok", "Your comment is kept with the document."),
    "nothing": ("warn", "Nothing was changed."),
}


def value_text(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(value_text(item) for item in value)
    if isinstance(value, dict):
        return " | ".join(value_text(item) for item in value.values())
    return str(value)


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")


def _duration(seconds: float | None) -> str:
    """A length of time in its largest sensible unit."""
    if seconds is None:
        return "–"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _when(moment: datetime | None) -> Markup:
    if moment is None:
        return Markup("–")
    shown = moment.strftime("%d %b %Y, %H:%M")
    return Markup('<time datetime="{}" class="nowrap">{}</time>').format(moment.isoformat(), shown)


def _words(name: str | None) -> str:
    """`file_date` as people say it."""
    return (name or "").replace("_", " ").replace(".", " ").replace("-", " ")


TONE_OF_STATES = {
    "ok": "released split serving passed agreed final delivered accept answered decided",
    "warn": "amended awaiting_split awaiting_type contested escalated returned candidate illegible",
    "bad": "refused failed",
    "busy": "received rendered read in_review training leased pending open review",
}
TONES = {state: tone for tone, states in TONE_OF_STATES.items() for state in states.split()}

ENVIRONMENT = Environment(
    loader=PackageLoader("api.web"), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
)
ENVIRONMENT.filters |= {
    "value": value_text,
    "cells": lambda row, columns: cells_of(str(row), [column.name for column in columns]),
    "percent": _percent,
    "number": _number,
    "duration": _duration,
    "when": _when,
    "words": _words,
    "tone": lambda state: TONES.get(state or "", ""),
    "pretty": lambda data: json.dumps(data, indent=2, ensure_ascii=False, default=str),
}
ENVIRONMENT.globals |= {"timedelta": timedelta}


def navigation_of(user: User) -> list[Group]:
    """The links this person may follow."""
    groups = (Group(g.title, tuple(link for link in g.links if at_least(user, link.role))) for g in NAVIGATION)
    return [group for group in groups if group.links]


def render(
    request: Request, who: Visitor | None, template: str, *, section: str = "", status: int = 200, **context: Any
) -> HTMLResponse:
    """The page of `template`. `section` is the link of the navigation that is lit."""
    done = NOTICES.get(request.query_params.get("done", ""))
    shared: Mapping[str, Any] = {
        "title": "",
        "theme": request.cookies.get("theme", ""),
        "user": who.user if who else None,
        "navigation": navigation_of(who.user) if who else [],
        "section": section,
        "notice": {"tone": done[0], "text": done[1]} if done else None,
        "problem": None,
        "now": who.now if who else None,
    }
    html = ENVIRONMENT.get_template(template).render(**{**shared, **context})
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def go(path: str, done: str = "") -> RedirectResponse:
    """To another page after a form, with a code of what was done."""
    joint = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{joint}done={done}" if done else path, 303)


# What an error is called on a page, and what to do about those that the framework raises without a word of its own.
HEADINGS = {
    401: "Please sign in",
    403: "Not for your role",
    404: "Nothing is here",
    405: "This page only shows",
    409: "Somebody was faster",
    413: "Too large",
    422: "Something in the form is not right",
    429: "Too many tries",
    500: "Something broke",
    503: "Not just now",
}
BARE = {
    "Not Found": ("There is no page at this address.", "Check the address, or begin at the start."),
    "Method Not Allowed": ("A form was left here and came back without its content.", "Begin at the start."),
}


def error_page(request: Request, problem: Problem) -> HTMLResponse:
    """The page of an error: what happened and what to do next. What was keyed into a form is not lost by an outage."""
    message, step = BARE.get(problem.detail, (problem.detail, problem.next_step))
    keyed = keyed_in(request) if problem.status == 503 else []
    return render(
        request,
        None,
        "problem.html",
        status=problem.status,
        title=HEADINGS.get(problem.status, problem.title),
        message=message,
        step="What you keyed is kept on this page: send it again in a moment." if keyed else step,
        action=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        keyed=keyed,
    )
