"""The document types page: fields, kinds, validators and keying modes of a type; its preview on a document."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from api.web.documents.document_view import shown
from api.web.forms import AnyForm, Form
from api.web.rendering import go, render
from api.web.visitor import Operator, Visitor
from extractor.checks import CHECKS, VALIDATORS
from hitl.platform.ownership import find
from hitl.release.listing import Wanted, list_documents
from hitl.workspace import masterdata
from hitl.workspace.policy import Policy, current_policy
from hitl.workspace.workspaces import current_type, current_types, save_type, type_versions
from models.doctype import DocumentType, KeyingMode, Kind
from models.tables import Document

router = APIRouter(prefix="/types")
BLANK_ROWS = 3
FIELD = re.compile(r"^f(\d+)\.name$")


@router.get("")
def list_page(request: Request, who: Operator) -> Response:
    types = current_types(who.session, who.workspace_id)
    policies = {name: current_policy(who.session, who.workspace_id, name, now=who.now)[1] for name in types}
    return render(
        request, who, "setup/types.html", section="/types", title="Document types", types=types, policies=policies
    )


@router.get("/new")
def new_page(request: Request, who: Operator) -> Response:
    empty: dict[str, Any] = {"name": "", "label": "", "description": "", "fields": [], "date_order": "DMY",
                             "decimal_mark": ".", "mixed_locales": False, "second_reader": False, "currency": "",
                             "error_target": 0.02, "checks": []}  # fmt: skip
    return editor(request, who, empty, is_new=True)


@router.get("/{name}")
def edit_page(
    request: Request, who: Operator, name: str, preview: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    _, spec = current_type(who.session, who.workspace_id, name)
    return editor(request, who, spec.model_dump(mode="json"), preview=preview)


def editor(
    request: Request, who: Visitor, spec: dict[str, Any], *, is_new: bool = False, status: int = 200, **more: Any
) -> Response:
    """The page of one type. `policy` and `tried` show a policy that is not kept yet, and what it would have done."""
    name = spec["name"]
    versions = type_versions(who.session, who.workspace_id, name)
    policy = Policy() if is_new else current_policy(who.session, who.workspace_id, name, now=who.now)[1]
    shared: dict[str, Any] = {"preview": "", "problems": [], "policy": policy, "tried": None}
    context = shared | more
    return render(
        request, who, "setup/type.html", section="/types", status=status, title=spec["label"] or "New document type",
        spec=spec, is_new=is_new, versions=versions, kinds=list(Kind), modes=list(KeyingMode),
        validators=sorted(VALIDATORS), check_kinds=sorted(CHECKS), blank=BLANK_ROWS,
        samples=_samples(who, name), master_data=masterdata.find(who.session, who.workspace_id, name),
        **_previewed(who, context.pop("preview")), **context,
    )  # fmt: skip


def _samples(who: Visitor, name: str) -> list[Document]:
    """The newest documents of the type, for the preview."""
    return list_documents(who.session, who.workspace_id, Wanted(document_type=name), limit=20)[0] if name else []


def _previewed(who: Visitor, document_id: str) -> dict[str, Any]:
    document = find(who.session, Document, document_id, who.workspace_id)
    return {"previewed": shown(who.session, document) if document else None}


@router.post("/{name}")
def save(request: Request, who: Operator, name: str, form: AnyForm) -> Response:
    """Every edit is a new version; documents that were taken in keep theirs."""
    spec = spec_of_form(form)
    is_new = name == "new"
    taken = is_new and spec["name"] in current_types(who.session, who.workspace_id)
    problems = [f"There is a document type {spec['name']} already."] if taken else []
    try:
        parsed = DocumentType.model_validate(spec | ({} if is_new else {"name": name}))
    except ValidationError as error:
        problems += [f"{place_of(item['loc'])}{item['msg'].removeprefix('Value error, ')}" for item in error.errors()]
    if not spec["fields"]:
        problems.append("The type has no field. Name at least one.")
    if problems:
        return editor(request, who, spec, is_new=is_new, status=422, problems=problems)
    save_type(who.session, who.workspace_id, parsed, actor=who.actor, now=who.now)
    return go(f"/types/{parsed.name}", "saved")


def place_of(location: tuple[Any, ...]) -> str:
    """Where in the form something is wrong, as people count."""
    said = [f"field {part + 1}" if isinstance(part, int) else str(part).replace("_", " ") for part in location]
    return f"{', '.join(part for part in said if part != 'fields')}: " if said else ""


def spec_of_form(form: Form) -> dict[str, Any]:
    """The document type that the form describes, not yet checked. Rows without a name are left out."""
    numbers = sorted(int(match[1]) for name in form if (match := FIELD.match(name)) and form[name].strip())
    checks = [
        {"kind": form[f"c{n}.kind"], "fields": _words(form.get(f"c{n}.fields", ""))}
        for n in range(10)
        if form.get(f"c{n}.kind") and form.get(f"c{n}.fields", "").strip()
    ]
    return {
        "name": form.get("name", "").strip(),
        "label": form.get("label", "").strip(),
        "description": form.get("description", "").strip(),
        "date_order": form.get("date_order", "DMY"),
        "decimal_mark": form.get("decimal_mark", "."),
        "mixed_locales": form.get("mixed_locales") == "several",
        "second_reader": form.get("second_reader") == "yes",
        "currency": form.get("currency", "").strip(),
        "error_target": share_of(form.get("error_target", "")) or 0.02,
        "fields": [_field(form, n) for n in numbers if f"f{n}.remove" not in form],
        "checks": checks,
    }


def _field(form: Form, number: int) -> dict[str, Any]:
    def said(part: str) -> str:
        return form.get(f"f{number}.{part}", "").strip()

    return {
        "name": said("name"),
        "kind": said("kind"),
        "label": said("label"),
        "required": bool(said("required")),
        "repeated": bool(said("repeated")),
        "choices": _listed(said("choices")),
        "columns": [_column(text) for text in _listed(said("columns"))],
        "anchors": _listed(said("anchors")),
        "validators": _listed(said("validators")),
        "error_target": share_of(said("error_target")),
        "mode": said("mode") or "blind",
        "hint": said("hint"),
    }


def _column(text: str) -> dict[str, str]:
    """`price: money` as a column."""
    name, _, kind = text.partition(":")
    return {"name": name.strip(), "kind": kind.strip() or "line"}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z0-9_]*", text)


def share_of(text: str) -> float | None:
    """Percent as typed, to a ratio."""
    try:
        return float(text.replace(",", ".").rstrip("% ")) / 100 if text.strip() else None
    except ValueError:
        return None
