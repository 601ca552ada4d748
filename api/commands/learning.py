"""`countersign model ...`, `snapshot` and `export`: models, frozen training sets, and examples as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from api.commands.shared import CommandError, Desk, WorkspaceName, desk, listing, out

model = typer.Typer(no_args_is_help=True, help="Models: list, train, promote, rollback, gate.")

Reason = Annotated[str, typer.Option(help="Kept in the history of what served.")]
ModelId = Annotated[str, typer.Argument(help="The id that `model list` shows.")]


@model.command("list")
def list_models(workspace: WorkspaceName = "default") -> None:
    """List models, newest first."""
    from hitl.learning.gate import verdict_of
    from hitl.workspace import registry

    table = listing("id", "state", "trained for", "gate", "made")
    with desk(workspace) as at:
        serving = registry.find_serving(at.session, at.workspace.id)
        for row in registry.models_of(at.session, at.workspace.id):
            state, learned = registry.state_here(row, serving), ", ".join(row.document_types) or row.name
            table.add_row(row.id, state, learned, verdict_of(row.gate_report), f"{row.created_at:%Y-%m-%d %H:%M}")
    out.print(table)


@model.command("train")
def train_model(
    document_type: Annotated[list[str] | None, typer.Option("--type", help="May be given several times.")] = None,
    snapshot: Annotated[str, typer.Option(help="Id or name of a frozen training set; without it one is frozen.")] = "",
    workspace: WorkspaceName = "default",
) -> None:
    """Freeze the examples, or take a snapshot, and let a worker train a candidate."""
    from hitl.learning import snapshots
    from hitl.learning.request import request_training

    with desk(workspace) as at:
        given = snapshots.find(at.session, at.workspace.id, snapshot) if snapshot else None
        types = document_type or []
        row = request_training(at.session, at.workspace.id, types, snapshot=given, actor=at.actor, now=at.now)
    out.print(f"{row.id} is being trained; `countersign model list` shows its state.", markup=False)


@model.command("gate")
def show_gate(model_id: ModelId, workspace: WorkspaceName = "default") -> None:
    """Show the gate's report of a model, as JSON."""
    with desk(workspace) as at:
        out.print_json(json.dumps(_model(at, model_id).gate_report))


@model.command("promote")
def promote_model(
    model_id: ModelId,
    workspace: WorkspaceName = "default",
    when_ready: Annotated[
        bool, typer.Option("--when-ready", help="As soon as it accepts as much as the model that serves.")
    ] = False,
    reason: Reason = "",
) -> None:
    """Let a model that passed the gate serve."""
    from hitl.learning import shadow
    from hitl.workspace import deployment

    with desk(workspace) as at:
        row = _model(at, model_id)
        if not when_ready:
            deployment.promote(at.session, row, actor=at.actor, now=at.now, reason=reason)
        elif not shadow.promote_when_ready(at.session, row, actor=at.actor, now=at.now):
            out.print(f"{model_id} serves as soon as it accepts as much as the model that serves.", markup=False)
            return
    out.print(f"{model_id} serves now.", markup=False)


@model.command("rollback")
def roll_back(workspace: WorkspaceName = "default", reason: Reason = "") -> None:
    """Bring back the model that served before."""
    from hitl.workspace import deployment

    with desk(workspace) as at:
        row = deployment.roll_back(at.session, at.workspace.id, actor=at.actor, now=at.now, reason=reason)
    out.print(f"{row.id} serves again.", markup=False)


@model.command("history")
def show_history(workspace: WorkspaceName = "default") -> None:
    """Show what served, newest first: promoted or rolled back, by whom and why. Before, the base model served."""
    from hitl.workspace import deployment

    table = Table("since", "model", "how", "by", "reason")
    with desk(workspace) as at:
        for row in deployment.history(at.session, at.workspace.id):
            since = f"{row.created_at:%Y-%m-%d %H:%M}"
            table.add_row(since, row.model_version_id, row.action.replace("_", " "), row.actor, row.reason)
    out.print(table)


@model.command("show")
def show_model(model_id: ModelId, workspace: WorkspaceName = "default") -> None:
    """Show a model: its state, what it grew from, and in words what the gate found."""
    from hitl.workspace import registry

    with desk(workspace) as at:
        row = _model(at, model_id)
        state = registry.state_here(row, registry.find_serving(at.session, at.workspace.id))
        out.print(f"{row.id} {row.name}: {state}", markup=False)
        out.print(f"grew from {row.parent_id or 'nothing'}, snapshot {row.snapshot_id or 'none'}", markup=False)
        if row.gate_report:
            verdict, basis = "passed" if row.gate_report["passed"] else "refused", row.gate_report.get("basis", "")
            out.print(f"gate: {verdict}" + (f", on {basis}" if basis else ""), markup=False)
        for test in row.gate_report.get("tests", []):
            out.print(f"  {'yes' if test['passed'] else 'NO '} {test['name']}: {test['sentence']}", markup=False)
        if row.progress.get("reason"):
            out.print(f"failed: {row.progress['reason']}", markup=False)


@model.command("download")
def download_model(
    model_id: ModelId,
    file: Annotated[Path, typer.Argument(help="The ZIP to write; unpacked it is a --bundle.")],
    workspace: WorkspaceName = "default",
) -> None:
    """Write a model's bundle as a ZIP of safetensors and JSON."""
    from hitl.workspace import registry

    with desk(workspace) as at:
        content = registry.packed(_model(at, model_id))
    file.write_bytes(content)
    out.print(f"{len(content):,} bytes in {file}", markup=False)


@model.command("explain")
def explain_model(
    model_id: ModelId,
    documents: Annotated[bool, typer.Option(help="Name every document that taught.")] = False,
    workspace: WorkspaceName = "default",
) -> None:
    """Show what a model learned from: each training on its way, its snapshot, and the examples behind it."""
    from hitl.learning import lineage

    with desk(workspace) as at:
        for one in lineage.trainings(at.session, _model(at, model_id)):
            out.print(f"{one.model_id} {one.name}: bundle sha256 {one.digest or 'none yet'}", markup=False)
            lost = "" if one.complete else ", a document in it was erased"
            out.print(f"  snapshot {one.snapshot_id}, sha256 {one.snapshot_digest}{lost}", markup=False)
            taught = ", ".join(f"{count} {name}" for name, count in one.documents.items())
            said = ", ".join(f"{count} by {name}" for name, count in one.labels.items())
            out.print(f"  documents: {taught}; labels: {said}", markup=False)
            if one.provenance:
                versions = ", ".join(f"{name} {number}" for name, number in one.provenance["versions"].items())
                out.print(f"  seed {one.provenance['seed']}; {versions}", markup=False)
            for document_id in one.document_ids if documents else ():
                out.print(f"    {document_id}", markup=False)
    out.print("the base model, which ships with the product", markup=False)


def _model(at: Desk, model_id: str) -> Any:
    from hitl.platform.ownership import find
    from models.tables import ModelVersion

    row = find(at.session, ModelVersion, model_id, at.workspace.id)
    if row is None:
        raise CommandError(f"There is no model {model_id}.", "`countersign model list` shows all.")
    return row


def snapshot(
    document_type: Annotated[list[str] | None, typer.Option("--type", help="May be given several times.")] = None,
    name: Annotated[str, typer.Option(help="To train from it later.")] = "",
    show: Annotated[bool, typer.Option("--list", help="Freeze nothing; list what was frozen.")] = False,
    workspace: WorkspaceName = "default",
) -> None:
    """Freeze the examples of the train and select folds as a training set that can be named."""
    from hitl.learning import snapshots

    if show:
        _list_snapshots(workspace)
        return
    with desk(workspace) as at:
        row = snapshots.freeze(at.session, at.workspace.id, now=at.now, document_types=document_type or [], name=name)
    out.print(f"{row.id}: {row.documents} documents, {row.rows} fields, sha256 {row.digest}", markup=False)


def _list_snapshots(workspace: str) -> None:
    from hitl.learning import snapshots

    table = listing("id", "name", "documents", "fields", "frozen")
    with desk(workspace) as at:
        for row in snapshots.list_snapshots(at.session, at.workspace.id):
            frozen = f"{row.created_at:%Y-%m-%d %H:%M}"
            table.add_row(row.id, row.name, str(row.documents), str(row.rows), frozen)
    out.print(table)


def export(
    folder: Annotated[Path, typer.Argument(help="Where manifest.jsonl and the files go.")],
    document_type: Annotated[list[str] | None, typer.Option("--type", help="Only this type; repeatable.")] = None,
    files: Annotated[bool, typer.Option(help="Write the documents too, not only the manifest.")] = True,
    workspace: WorkspaceName = "default",
) -> None:
    """Write the examples as a manifest that `learn` and `evaluate` read, with the documents beside it."""
    from hitl.learning import exporting

    with desk(workspace) as at:
        count = exporting.export(at.session, at.workspace.id, folder, types=document_type or [], with_files=files)
    if not count:
        raise CommandError("There are no examples to export yet.", "Answer some review tasks first.")
    out.print(f"{count} documents in {folder / 'manifest.jsonl'}", markup=False)
