"""No dependency has a licence outside the allow list, and NOTICE and the lock files are current."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def notice() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notice", ROOT / "scripts" / "notice.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    __import__("sys").modules["notice"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def entries(notice: ModuleType) -> list:
    found = []
    for name in notice.locked("requirements.lock", "requirements-dev.lock"):
        try:
            found.append(notice.entry(name))
        except PackageNotFoundError:
            continue  # a development tree without the build tools
    return found


def test_every_licence_is_on_the_allow_list(notice: ModuleType):
    found = entries(notice)
    assert len(found) > 80
    assert [(one.name, one.licence) for one in notice.refused(found)] == []


def test_unknown_and_strong_licences_are_refused(notice: ModuleType):
    def licence(expression: str):
        return notice.Entry("x", "1", expression, "")

    bad = ["", "GPL-3.0-only", "MIT AND AGPL-3.0-only", "Proprietary"]
    good = ["MIT", "MIT OR GPL-2.0-only", "Apache-2.0 WITH LLVM-exception AND MIT", "(MIT)"]
    assert [licence(one).is_allowed for one in bad] == [False] * 4
    assert [licence(one).is_allowed for one in good] == [True] * 4


def test_notice_names_everything_that_is_run_with(notice: ModuleType):
    named = {line.partition(" ")[0].lower() for line in (ROOT / "NOTICE").read_text().splitlines()}
    missing = [n for n in notice.locked("requirements.lock") if n not in {re.sub(r"[_.]", "-", x) for x in named}]
    assert missing == []


def test_every_locked_package_has_a_hash_and_every_direct_dependency_is_locked(notice: ModuleType):
    import tomllib

    for file in ("requirements.lock", "requirements-dev.lock"):
        blocks = re.split(r"\n(?=[a-z])", (ROOT / file).read_text())[1:]
        assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=! ]", name)[0].lower().replace(".", "-") for name in project["dependencies"]}
    assert wanted - set(notice.locked("requirements.lock")) == set()
