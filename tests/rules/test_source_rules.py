"""Rules that a linter does not know: who may commit, move a state, read the clock, or draw at random."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "extractor", "hitl", "api")
SOURCES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts
)

# The edges: where `now` and `rng` come from before they are handed in, and where a transaction ends.
CLOCK = {
    "models/ids.py",
    "hitl/clock.py",
    "hitl/platform/db.py",
    "hitl/platform/embedded.py",
    "hitl/worker.py",
    "hitl/pipeline.py",
    "hitl/platform/jobs.py",
}
CLOCK_FOLDERS = ("api/",)
COMMIT = {"hitl/platform/db.py"}
STATE = {"hitl/platform/moves.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def all_calls() -> Iterator[tuple[str, int, str]]:
    for path in SOURCES:
        for line, call in calls(path):
            yield name_of(path), line, call


def found(offences: list[str]) -> str:
    return "\n" + "\n".join(offences)


def test_only_the_edge_commits():
    offences = [
        f"{name}:{line} {call}"
        for name, line, call in all_calls()
        if call.endswith((".commit", ".rollback")) and name not in COMMIT
    ]
    assert not offences, found(offences)


def test_only_moves_assigns_a_state():
    offences = [
        f"{name_of(path)}:{node.lineno} {ast.unparse(node)}"
        for path in SOURCES
        if name_of(path) not in STATE
        for node in ast.walk(ast.parse(path.read_text()))
        if any(is_state(target) for target in targets_of(node))
    ]
    assert not offences, found(offences)


def targets_of(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


def is_state(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "state" and ast.unparse(target.value) != "self"


QUERIES = {"exec", "execute", "scalar", "scalars", "query", "get", "connect"}
TYPES_OF_SQLMODEL = {"Session", "SQLModel"}


def test_doors_ask_hitl_and_never_the_database():
    offences = []
    for path in (one for one in SOURCES if name_of(one).startswith("api/")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                asked = ast.unparse(node.func.value).rpartition(".")[2] in ("session", "connection", "engine()")
                if asked and node.func.attr in QUERIES:
                    offences.append(f"{name_of(path)}:{node.lineno} {ast.unparse(node.func)}")
            if isinstance(node, ast.ImportFrom) and node.module:
                is_type = {one.name for one in node.names} <= TYPES_OF_SQLMODEL or node.module == "sqlalchemy.exc"
                if node.module.startswith(("sqlalchemy", "sqlmodel")) and not is_type:
                    offences.append(f"{name_of(path)}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.Import) and node.names[0].name.startswith(("sqlalchemy", "sqlmodel")):
                offences.append(f"{name_of(path)}:{node.lineno} {ast.unparse(node)}")
    assert not offences, found(offences)


@pytest.mark.parametrize("reader", ["datetime.now", "datetime.datetime.now", "time.time", "datetime.utcnow"])
def test_no_clock_inside_decisions(reader: str):
    offences = [
        f"{name}:{line} {call}"
        for name, line, call in all_calls()
        if call == reader and name not in CLOCK and not name.startswith(CLOCK_FOLDERS)
    ]
    assert not offences, found(offences)


def test_no_global_randomness():
    offences = [
        f"{name}:{line} {call}"
        for name, line, call in all_calls()
        if call.startswith(("random.", "np.random."))
        and not re.match(r"(np\.)?random\.(default_rng|SeedSequence|Random)\b", call)
    ]
    assert not offences, found(offences)


def lines_of(node: ast.AST) -> int:
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_functions_and_modules_stay_readable():
    offences = []
    for path in SOURCES:
        text = path.read_text()
        if len(text.splitlines()) > 400:
            offences.append(f"{name_of(path)}: {len(text.splitlines())} lines")
        offences += [
            f"{name_of(path)}:{node.lineno} {node.name}: {lines_of(node)} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > 80
        ]
    assert not offences, found(offences)


def test_the_first_line_of_a_module_is_a_whole_sentence():
    """The manual's page of rooms prints it, and whoever reads a folder decides by it whether to read on."""
    first = {name_of(path): (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0] for path in SOURCES}
    assert not {name: line for name, line in first.items() if not re.search(r"\w.*[.:?]$", line)}


def test_vague_file_names_are_not_used():
    vague = {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}
    assert not [name_of(p) for p in SOURCES if p.name in vague]


QUESTION = re.compile(r"_?(is|has|may|can|was|asks|waits|needs|should|certifies|differs)(_|$)")
WRITES = re.compile(r"(\.(add|add_all|delete|merge)|(^|\.)(advance|record|enqueue))$")


def test_a_question_never_acts():
    """A function whose name is a question writes nothing: no row, no state, no event, no job, no attribute."""
    offences = []
    for path in SOURCES:
        if not name_of(path).startswith("hitl/"):
            continue
        for question in ast.walk(ast.parse(path.read_text())):
            if not isinstance(question, ast.FunctionDef) or not QUESTION.match(question.name):
                continue
            for node in ast.walk(question):
                is_write = isinstance(node, ast.Call) and WRITES.search(ast.unparse(node.func))
                is_write = is_write and "session" in ast.unparse(node)
                targets = node.targets if isinstance(node, ast.Assign) else []
                if is_write or any(isinstance(target, ast.Attribute) for target in targets):
                    offences.append(f"{name_of(path)}:{node.lineno} {question.name}: {ast.unparse(node)[:60]}")
    assert not offences, found(offences)
