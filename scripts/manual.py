"""Writes the pages of the manual that are made from the code: settings, commands, routes, types, policies."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from models.doctype import DocumentType, Kind

ROOT = Path(__file__).resolve().parents[1]
HELP = ROOT / "api" / "help"
# A definition that nothing refers to: no reader of Markdown shows it.
MADE = "\n[//]: # (Made by scripts/manual.py from the code; edit the code, then run `make manual`.)"


def settings_page() -> str:
    from hitl.settings import Settings

    rows = ["# Settings", MADE, "", "Environment variables; all have a default.", ""]
    rows += ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        if name == "worker_children":
            default = "cores - 1"
        rows.append(f"| `COUNTERSIGN_{name.upper()}` | `{default or '-'}` | {field.description} |")
    return "\n".join(rows) + "\n"


def commands_page() -> str:
    from api.cli import app

    rows = ["# Commands", MADE, ""]
    for path, command in walk(get_command(app), "countersign"):
        rows += [f"## `{path}`", "", (command.help or "").strip(), ""]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        if options:
            rows += ["| option | meaning |", "|---|---|"]
            rows += [f"| `{', '.join(o.opts)}` | {' '.join((o.help or '').split())} |" for o in options]
            rows.append("")
    return "\n".join(rows)


def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name in sorted(command.commands):
            yield from walk(command.commands[name], f"{path} {name}")
    else:
        yield path, command


def routes_page() -> str:
    from scripts.api_page import routes_page as written

    return written(MADE)


def policies_page() -> str:
    from hitl.workspace.policy import AuditRates, Constants, FieldPolicy, Policy

    said = "What `PUT /v1/policies/{document_type}` takes, as JSON; all have a default. A change is a new version."
    rows = ["# Policies", MADE, "", said, ""]
    for heading, model in (("", Policy), ("audit_rate", AuditRates), ("fields", FieldPolicy), ("constants", Constants)):
        rows += [f"## `{heading}`", "", " ".join((model.__doc__ or "").split("\n\n")[0].split()), ""] if heading else []
        rows += ["| name | default | meaning |", "|---|---|---|"]
        for name, field in model.model_fields.items():
            if model is Policy and name in Constants.model_fields:
                continue
            default = "see below" if name in ("audit_rate", "fields") else json.dumps(field.default)
            rows.append(f"| `{name}` | {default} | {field.description} |")
        rows.append("")
    return "\n".join(rows)


def types_page() -> str:
    from extractor.doctypes import load_document_types

    rows = ["# Document types", MADE, "", "One TOML file each in `extractor/doctypes/`, or one call of the API.", ""]
    rows += ["## Kinds of fields", "", "| kind | how it is read |", "|---|---|"]
    for kind in Kind:
        said = importlib.import_module(f"extractor.kinds.{kind}").__doc__ or ""
        rows.append(f"| `{kind}` | {' '.join(said.split()).replace('|', chr(92) + '|')} |")
    said = DocumentType.model_fields["second_reader"].description
    topics = {"Numbers": "kinds.numbers", "Countries": "locales", "What the page leaves open": "fields.ambiguity"}
    for title, module in topics.items():
        rows += ["", f"## {title}", "", (importlib.import_module(f"extractor.{module}").__doc__ or "").strip()]
    rows += ["", "## Stamps and pens", "", (importlib.import_module("extractor.ink.handwriting").__doc__ or "").strip()]
    said_of_labels = (importlib.import_module("extractor.fields.anchors.phrases").__doc__ or "").strip()
    rows += ["", "## Types from several countries", "", said_of_labels]
    rows += ["", "## The second reader", "", f"`second_reader = true` in the file of a type: {said}", ""]
    for spec in load_document_types().values():
        rows += [
            f"## `{spec.name}`: {spec.label}",
            "",
            spec.description,
            "",
            "| field | kind | hint |",
            "|---|---|---|",
        ]
        for field in spec.fields:
            many = " (several)" if field.repeated else ""
            rows.append(f"| `{field.name}` | {field.kind}{many} | {field.hint} |")
        rows.append("")
    return "\n".join(rows)


def states_page() -> str:
    from models import states

    said = "Only `hitl.platform.moves.advance` changes a state, and only along these moves."
    rows = ["# States", MADE, "", said, ""]
    for life, moves in states.MOVES.items():
        noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", life.__name__.removesuffix("State")).capitalize()
        about = " ".join((life.__dict__["__doc__"] or "").split())
        rows += [f"## {noun}", "", *([about, ""] if about else []), "| from | to |", "|---|---|"]
        for state, allowed in moves.items():
            to = ", ".join(f"`{one}`" for one in life if one in allowed)
            rows.append(f"| `{state}` | {to or 'the end'} |")
        rows.append("")
    return "\n".join(rows)


def rooms_page() -> str:
    said = (
        "Imports go one way, `api → hitl → extractor → models`. A room says in its first sentence what belongs in it."
    )
    rows = ["# Rooms", MADE, "", said, ""]
    for package in ("models", "extractor", "hitl", "api"):
        rows += [
            f"## `{package}/`",
            "",
            first_sentence(ROOT / package),
            "",
            "| room | what belongs in it |",
            "|---|---|",
        ]
        rooms = sorted(path.parent for path in (ROOT / package).rglob("__init__.py") if path.parent != ROOT / package)
        rows += [f"| `{room.relative_to(ROOT).as_posix()}/` | {first_sentence(room)} |" for room in rooms]
        rows.append("")
    return "\n".join(rows)


def first_sentence(room: Path) -> str:
    """Read, not imported: some rooms are dear to import."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


PAGES = {
    "rooms.md": rooms_page,
    "states.md": states_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "api.md": routes_page,
    "document-types.md": types_page,
    "policies.md": policies_page,
}


def main() -> None:
    for name, page in PAGES.items():
        (HELP / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
