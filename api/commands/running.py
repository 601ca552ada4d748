"""`countersign run`: everything on this machine in one terminal. `make run` calls it."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated

import typer
from rich.panel import Panel

from api.commands.serving import PARENT, Port, prepare
from api.commands.shared import CommandError, out
from api.supervisor import Supervisor

ADMIN = "admin"
LOOK_EVERY = 0.3
HOPELESS = 3  # crashes before the first answer


def run(
    port: Port = None,
    samples: Annotated[bool, typer.Option(help="Upload generated sample documents on the first run.")] = True,
) -> None:
    """Database, web, API and worker on this machine; Ctrl-C stops all of it."""
    from hitl.settings import settings

    port = port or settings().port
    _check_port(settings().host, port)
    address = f"http://{settings().host}:{port}"
    stop = _stop_on_signals()
    environment = _environment(port, address)
    supervisor = Supervisor()
    try:
        supervisor.add("web", ["serve", "--no-migrate"], environment)
        supervisor.look_after()  # it loads its code while the database starts
        prepare()
        password = first_admin()
        supervisor.add("worker", ["worker"], environment)
        _wait_for(f"{address}/healthz", supervisor, stop)
        if not stop.is_set():
            if samples:
                upload_samples()
            _greet(address, password)
            _watch(supervisor, stop)
    finally:
        out.print("Stopping.")
        supervisor.stop()  # the embedded database stops with its last user: this process, at exit


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} of {host} cannot be used: {error.strerror}.",
                "Stop what uses it, or choose another: make run PORT=8001",
            ) from error


def _stop_on_signals() -> threading.Event:
    """An event that Ctrl-C, a closed terminal or a kill sets. A second Ctrl-C is no louder than the first."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    return stop


def first_admin() -> str | None:
    """Make the admin of the default workspace if it has no people yet; returns the password, which is kept nowhere."""
    from hitl.people import accounts
    from hitl.platform import db
    from hitl.workspace.workspaces import ensure_default_workspace
    from models.states import Role

    now = datetime.now(UTC)
    with db.transaction() as session:
        workspace = ensure_default_workspace(session, now)
        if accounts.list_users(session, workspace.id):
            return None
        password = accounts.new_password()
        accounts.add_user(
            session, workspace.id, ADMIN, name="Admin", role=Role.ADMIN, password=password, actor="cli", now=now
        )
    return password


def _environment(port: int, address: str) -> dict[str, str]:
    """What the children are told. They say only what went wrong, because the terminal shows the progress."""
    return {
        PARENT: str(os.getpid()),
        "COUNTERSIGN_PORT": str(port),
        "COUNTERSIGN_PUBLIC_URL": os.environ.get("COUNTERSIGN_PUBLIC_URL", address),
        "COUNTERSIGN_LOG_LEVEL": os.environ.get("COUNTERSIGN_LOG_LEVEL", "WARNING"),
    }


def _wait_for(url: str, supervisor: Supervisor, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        supervisor.look_after()
        if any(child.crashes >= HOPELESS for child in supervisor.children):
            raise CommandError("The web process or the worker does not start.", "Its error stands above.")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            continue


def upload_samples() -> int:
    """Put the generated sample documents into an empty default workspace; returns how many."""
    from hitl.intake import receive
    from hitl.platform import db, ownership
    from hitl.workspace.workspaces import ensure_default_workspace
    from models.tables import Document

    now = datetime.now(UTC)
    with db.transaction() as session:
        workspace = ensure_default_workspace(session, now)
        if ownership.has_any(session, Document, workspace.id):
            return 0
    if importlib.util.find_spec("fixtures") is None:  # installed from a wheel
        out.print("No samples here: they are made by the source tree's fixtures.")
        return 0
    from fixtures.demo import demo_documents

    documents = list(demo_documents())
    with db.transaction() as session:
        for document in documents:
            receive.receive(
                session,
                workspace_id=workspace.id,
                data=document.data,
                filename=document.filename,
                external_id=f"sample:{document.filename}",
                actor="cli",
                now=now,
            )
    return len(documents)


def _greet(address: str, password: str | None) -> None:
    lines = [f"Countersign is at [bold]{address}[/]"]
    if password is not None:
        lines += [f"Sign in as [bold]{ADMIN}[/] with the password [bold]{password}[/]", "It is shown only this once."]
    else:
        lines.append(f"Forgotten the password? countersign user password {ADMIN}")
    lines.append("Ctrl-C stops everything.")
    out.print(Panel.fit("\n".join(lines), border_style="green"))


def _watch(supervisor: Supervisor, stop: threading.Event) -> None:
    from api.commands.progress import Progress

    with Progress(out) as progress:
        while not stop.wait(LOOK_EVERY):
            for name, code in supervisor.look_after():
                progress.say(f"The {name} process ended with {code}; starting it again.")
            progress.look()
