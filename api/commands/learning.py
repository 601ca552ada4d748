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
    workspace: WorkspaceName = "default",
) -> None:
    """Freeze the examples and let a worker train a candidate."""
    from hitl.learning import train

    with desk(workspace) as at:
        row = train.request_training(at.session, at.workspace.id, document_type or [], actor=at.actor, now=at.now)
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


def _model(at: Desk, model_id: str) -> Any:
    from models.tables import ModelVersion

    row = at.session.get(ModelVersion, model_id)
    if row is None or row.workspace_id not in {at.workspace.id, None}:
        raise CommandError(f"There is no model {model_id}.", "`countersign model list` shows all.")
    return row


def snapshot(
    document_type: Annotated[list[str] | None, typer.Option("--type", help="May be given several times.")] = None,
    workspace: WorkspaceName = "default",
) -> None:
    """Freeze the examples of the train and select folds as a training set that can be named."""
    from hitl.learning import snapshots

    with desk(workspace) as at:
        row = snapshots.freeze(at.session, at.workspace.id, now=at.now, document_types=document_type or [])
    out.print(f"{row.id}: {row.documents} documents, {row.rows} fields, sha256 {row.digest}", markup=False)


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
