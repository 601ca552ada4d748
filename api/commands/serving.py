"""`countersign serve`, `worker` and `migrate`: the processes of an installation."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.shared import out
from extractor.processes.launch import end_with

if TYPE_CHECKING:
    from fastapi import FastAPI

Port = Annotated[int | None, typer.Option(help="Default: COUNTERSIGN_PORT, else 8000.")]
PARENT = "COUNTERSIGN_PARENT_PID"
COUNTED_TOGETHER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's: the folder in which processes count together
HUNG = 30  # seconds without a sign of life after which a web process is replaced


def serve(
    host: Annotated[str | None, typer.Option(help="Default: COUNTERSIGN_HOST, else 127.0.0.1.")] = None,
    port: Port = None,
    migrate_first: Annotated[bool, typer.Option("--migrate/--no-migrate", help="Bring the schema up to date.")] = True,
    processes: Annotated[int, typer.Option(min=1, help="Web processes on the same port: one for each core.")] = 1,
) -> None:
    """Serve the pages and the API."""
    import uvicorn

    from hitl.settings import settings

    die_with_parent()
    begin("web")
    if migrate_first:
        prepare()
    with tempfile.TemporaryDirectory(prefix="countersign-metrics-") as counted:
        if processes > 1:
            os.environ |= {PARENT: str(os.getpid()), COUNTED_TOGETHER: counted}
        uvicorn.run(
            "api.commands.serving:application",
            factory=True,
            workers=processes,
            timeout_worker_healthcheck=HUNG,
            host=host or settings().host,
            port=port or settings().port,
            log_level=settings().log_level.lower(),
            access_log=False,  # `api.requestids` writes them; addresses of documents stay out of logs
            log_config=None,
            timeout_graceful_shutdown=5,
            server_header=False,
        )


def application() -> FastAPI:
    """The application of one web process, which ends with the one that started it."""
    from api.app import create_app

    die_with_parent()
    begin("web")
    sys.setswitchinterval(
        0.001
    )  # the event loop, which answers /healthz, waits for the interpreter behind every thread
    return create_app()


def worker() -> None:
    """Work on documents: render, read, recognise, deliver, train. Start as many as there are machines."""
    from hitl.worker import main

    die_with_parent()
    begin("worker")
    main()


def migrate() -> None:
    """Bring the database up to date, and make the default workspace if there is none."""
    prepare()
    out.print("The database is up to date.")


def prepare() -> None:
    """Migrations and the default workspace; harmless when done already, and when several processes do it at once."""
    from hitl.platform import db
    from hitl.workspace.workspaces import ensure_default_workspace

    db.migrate()
    with db.transaction() as session:
        ensure_default_workspace(session, datetime.now(UTC))


def begin(role: str) -> None:
    """The log and the traces of a process that goes on for long."""
    from hitl.platform import logs, traces

    logs.configure()
    traces.start(role)


def die_with_parent() -> None:
    """When started by `countersign run`: end when it is gone, so that no child is left behind."""
    parent = os.environ.get(PARENT)
    if parent is not None:
        end_with(int(parent), lambda: os.kill(os.getpid(), signal.SIGTERM))
