"""Training and exams: practice with explained answers, then ten questions that admit a person to a kind of value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from api.web.rendering import go, render
from api.web.visitor import Anybody, Visitor
from api.web.work.keying import bench
from hitl.annotation import qualification as exams
from hitl.people.eligible import exam_is_asked
from models.states import TaskPurpose

router = APIRouter(prefix="/training")


@dataclass(frozen=True, slots=True)
class KindShown:
    """One kind of value as its learner sees it."""

    kind: str
    questions: int  # prepared and not seen yet
    is_admitted: bool
    exam: exams.ExamResult
    open_training: int
    open_exam: int


@router.get("")
def training_page(request: Request, who: Anybody) -> Response:
    return _page(request, who)


def _page(request: Request, who: Visitor, *, status: int = 200, problem: str | None = None) -> Response:
    return render(
        request, who, "work/qualification.html", section="/training", title="Training", status=status, problem=problem,
        kinds=_kinds(who), asked=exam_is_asked(who.session, who.workspace_id), needed=exams.QUESTIONS,
        pass_mark=exams.PASS_MARK,
    )  # fmt: skip


def _kinds(who: Visitor) -> list[KindShown]:
    left = exams.questions_waiting(who.session, who.user)
    return [
        KindShown(
            kind,
            len(exams.unseen(who.session, who.user, limit=200, kinds=[kind])),
            kind in who.user.trained_kinds,
            exams.exam_result(who.session, who.user, kind),
            left.get((kind, TaskPurpose.TRAINING.value), 0),
            left.get((kind, TaskPurpose.EXAM.value), 0),
        )
        for kind in exams.kinds_prepared(who.session, who.workspace_id)
    ]


@router.post("/start")
def start(
    request: Request,
    who: Anybody,
    kind: Annotated[str, Form(max_length=32)],
    what: Annotated[Literal["training", "exam"], Form()],
) -> Response:
    """Open the questions, unless some are open already."""
    begun = next((one for one in _kinds(who) if one.kind == kind), None)
    is_open = begun is not None and (begun.open_training if what == "training" else begun.open_exam)
    begin = exams.start_training if what == "training" else exams.start_exam
    if not is_open:
        try:
            begin(who.session, who.user, kind, now=who.now)
        except exams.TooFewGold as error:
            return _page(request, who, status=409, problem=f"{error} Ask your manager to prepare more.")
    return go(f"/training/{what}")


@router.get("/{what}")
def bench_page(request: Request, who: Anybody, what: Literal["training", "exam"]) -> Response:
    return bench(request, who, purpose=what)
