"""People of a flow: they sign in with a real browser, know the labels, and are wrong now and then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from playwright.sync_api import BrowserContext, Page
from playwright.sync_api import Error as BrowserError
from sqlmodel import Session

from extractor.kinds import normalise
from hitl.platform import db
from models.doctype import Kind
from models.tables import Audit, Document, Review, Task, Verdict

Truths = Mapping[str, Mapping[str, Any]]  # file name -> {"type": ..., "fields": {...}}


@dataclass(frozen=True)
class Wanted:
    """What a page asks for."""

    filename: str
    field: str
    kind: str


def wanted_by_task(task_id: str) -> Wanted:
    with Session(db.engine()) as session:
        task = session.get_one(Task, task_id)
        return Wanted(session.get_one(Document, task.document_id).filename, task.field, task.kind)


def wanted_by_review(review_id: str) -> Wanted:
    with Session(db.engine()) as session:
        review = session.get_one(Review, review_id)
        audit = session.get(Audit, review.audit_id) if review.audit_id else None
        verdict = session.get_one(Verdict, audit.verdict_id if audit else review.verdict_id)
        return Wanted(session.get_one(Document, review.document_id).filename, verdict.field, verdict.kind)


@dataclass
class Person:
    """One person and their open page. `mistakes`: the share of values they key wrongly."""

    login: str
    page: Page
    url: str
    truths: Truths
    rng: Random
    mistakes: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)  # document type -> its label on the page
    keyed: int = 0
    wrong: int = 0
    decided: int = 0

    def sign_in(self, password: str) -> None:
        self.page.goto(f"{self.url}/signin")
        self.page.fill("#login", self.login)
        self.page.fill("#password", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{self.url}/")

    def key_one(self) -> bool:
        """Answer the task on the page; False when there is none."""
        if "/work" not in self.page.url:
            self.page.goto(f"{self.url}/work")
        if not self._waits_for_work():
            return False
        task_id = self.page.get_attribute("body", "data-task") or ""
        wanted = wanted_by_task(task_id)
        value = self._value(wanted)
        if self.rng.random() < self.mistakes and value is not None and wanted.field != "document_type":
            value, self.wrong = slip(value, wanted.kind), self.wrong + 1
        self.page.wait_for_timeout(
            1000 * max(0.6, 0.045 * len(str(value or "")))
        )  # people read and type, and rules know it
        self._type(value, wanted)
        self.page.wait_for_selector(f"body:not([data-task='{task_id}']), body:not([data-state=working])")
        self.keyed += 1
        return True

    def decide_one(self) -> bool:
        """Decide the next review; False when there is none."""
        self.page.goto(f"{self.url}/review")
        form = self.page.query_selector("form#decide")
        if form is None:
            return False
        review_id = re.findall(r"/review/([^/]+)/decide", form.get_attribute("action") or "")[0]
        wanted = wanted_by_review(review_id)
        value = self._value(wanted)
        if value is None:
            self.page.check("input[name=choice][value=absent]")
        else:
            self.page.fill("#other", "\n".join(value) if isinstance(value, list) else str(value))
            self.page.check("input[name=choice][value=other]")
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_selector(f"form#decide[action*='{review_id}']", state="detached")
        self.decided += 1
        return True

    def _waits_for_work(self) -> bool:
        try:
            self.page.wait_for_selector("body[data-state=working] .sheet img", timeout=2_500)
        except BrowserError:
            return False
        return True

    def _value(self, wanted: Wanted) -> Any:
        truth = self.truths[wanted.filename]
        if wanted.field == "document_type":
            return truth["type"]
        value = truth["fields"].get(wanted.field)
        return None if isinstance(value, dict) else value

    def _type(self, value: Any, wanted: Wanted) -> None:
        keyboard = self.page.keyboard
        if value is None:
            self._say_absent()
        elif wanted.field == "document_type":
            self.page.click(f"button.option:has-text({self.labels[value]!r})")
            keyboard.press("Enter")
        else:
            for row in value if isinstance(value, list) else [value]:
                keyboard.insert_text(str(row))
                keyboard.press("Enter")
            if isinstance(value, list):
                keyboard.press("Enter")  # on the empty line: send
            if self.page.inner_text("#complaint"):
                keyboard.press("Enter")  # sent as it is typed

    def _say_absent(self) -> None:
        is_crop = self.page.get_attribute("body", "data-layout") == "crop"
        self.page.click("[data-action=absent]")
        if is_crop:
            self.page.wait_for_selector("body[data-layout=page]")
            self.page.click("[data-action=absent]")


def slip(value: Any, kind: str) -> Any:
    """A believable slip: the wrong amount, the wrong day, a letter lost."""
    if isinstance(value, list):
        return [slip(value[0], kind), *value[1:]]
    text = str(value)
    if kind == Kind.MONEY:
        return f"{float(normalise(Kind.MONEY, text) or '0') + 1:.2f}"
    if kind == Kind.DATE:
        return re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), text)
    middle = len(text) // 2
    return text[:middle] + text[middle + 1 :] if len(text) > 3 else text + "x"


def make_person(context: BrowserContext, make: Callable[..., Person] = Person, **known: Any) -> Person:
    """A person in a browser context of their own."""
    context.set_default_timeout(20_000)
    return make(page=context.new_page(), **known)
