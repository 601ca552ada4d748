"""Document types and their policies: every change is a new version, and documents keep the one they were read with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from fastapi.responses import Response

from api.deps import Admin, Caller, Now, Reader, SessionDep, not_found
from api.problems import ApiProblem
from api.schemas import MasterDataView, PolicyView, TypeList, TypeVersionView
from hitl.workspace import masterdata, workspaces
from hitl.workspace import policy as policies
from models.doctype import DocumentType
from models.tables import MasterData, PolicyVersion

router = APIRouter(prefix="/v1", tags=["document types"])


@router.get("/document-types")
def list_types(session: SessionDep, caller: Reader) -> TypeList:
    """The newest version of every active type."""
    rows = [row for row, _ in workspaces.current_types(session, caller.workspace_id).values()]
    return TypeList(document_types=[TypeVersionView.model_validate(row) for row in rows])


@router.get("/document-types/{name}")
def show_type(name: str, session: SessionDep, caller: Reader) -> TypeVersionView:
    row, _ = workspaces.current_type(session, caller.workspace_id, name)
    return TypeVersionView.model_validate(row)


@router.get("/document-types/{name}/versions")
def list_versions(name: str, session: SessionDep, caller: Reader) -> TypeList:
    """All versions of a type, newest first."""
    rows = workspaces.type_versions(session, caller.workspace_id, name)
    if not rows:
        workspaces.current_type(session, caller.workspace_id, name)  # raises the error that says so
    return TypeList(document_types=[TypeVersionView.model_validate(row) for row in rows])


@router.post("/document-types", status_code=201)
def add_type(body: DocumentType, session: SessionDep, caller: Admin, now: Now) -> TypeVersionView:
    """A new type, or a new version of one that exists."""
    return _save(body, session, caller, now)


@router.put("/document-types/{name}")
def replace_type(name: str, body: DocumentType, session: SessionDep, caller: Admin, now: Now) -> TypeVersionView:
    """A new version of the type in the address."""
    if body.name != name:
        raise ApiProblem(
            409, "name_mismatch", f"The body is about {body.name}, the address about {name}.", "Use one name in both."
        )
    return _save(body, session, caller, now)


def _save(body: DocumentType, session: SessionDep, caller: Caller, now: Now) -> TypeVersionView:
    row = workspaces.save_type(session, caller.workspace_id, body, actor=caller.actor, now=now)
    return TypeVersionView.model_validate(row)


@router.put("/document-types/{name}/master-data")
def replace_master_data(
    name: str,
    body: Annotated[bytes, Body(media_type="text/csv", min_length=1)],
    session: SessionDep,
    caller: Admin,
    now: Now,
) -> MasterDataView:
    """Vendors as CSV: columns named like fields, numbers in any other. Corrects what is misread of them."""
    row = masterdata.keep(session, caller.workspace_id, name, body, actor=caller.actor, now=now)
    return MasterDataView.model_validate(row, from_attributes=True)


@router.get("/document-types/{name}/master-data", response_class=Response)
def show_master_data(name: str, session: SessionDep, caller: Admin) -> Response:
    """The CSV as it was sent."""
    return Response(_master_data(session, caller, name).content, media_type="text/csv")


@router.delete("/document-types/{name}/master-data", status_code=204)
def delete_master_data(name: str, session: SessionDep, caller: Admin, now: Now) -> None:
    """Documents are read without it from now on; what was read stays."""
    _master_data(session, caller, name)
    masterdata.forget(session, caller.workspace_id, name, actor=caller.actor, now=now)


def _master_data(session: SessionDep, caller: Caller, name: str) -> MasterData:
    workspaces.current_type(session, caller.workspace_id, name)  # raises the error that says so
    row = masterdata.find(session, caller.workspace_id, name)
    if row is None:
        raise not_found(MasterData, name)
    return row


@router.get("/policies/{document_type}")
def show_policy(document_type: str, session: SessionDep, caller: Reader, now: Now) -> PolicyView:
    """How readings of this type are routed, audited and keyed."""
    _known(session, caller, document_type)
    row, _ = policies.current_policy(session, caller.workspace_id, document_type, now=now)
    return _policy_view(row)


@router.put("/policies/{document_type}")
def replace_policy(
    document_type: str, body: policies.Policy, session: SessionDep, caller: Admin, now: Now
) -> PolicyView:
    """A new version of the policy. Certificates of the old version end with it."""
    _known(session, caller, document_type)
    row = policies.save_policy(session, caller.workspace_id, document_type, body, actor=caller.actor, now=now)
    return _policy_view(row)


def _known(session: SessionDep, caller: Caller, document_type: str) -> None:
    """The type must exist; `*` is the policy for deciding the type itself."""
    if document_type != policies.ANY_TYPE:
        workspaces.current_type(session, caller.workspace_id, document_type)


def _policy_view(row: PolicyVersion) -> PolicyView:
    return PolicyView(
        document_type=row.document_type,
        number=row.number,
        created_by=row.created_by,
        created_at=row.created_at,
        policy=row.policy,
    )
