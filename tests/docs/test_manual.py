"""What exists is documented: the manual's generated pages are those of this code, and the README's map is true."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def manual():
    spec = importlib.util.spec_from_file_location("manual", ROOT / "scripts" / "manual.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "commands.md", "api.md", "document-types.md", "policies.md"])
def test_the_manual_is_that_of_this_code(name: str):
    page = manual().PAGES[name]()
    assert (ROOT / "api" / "help" / name).read_text(encoding="utf-8") == page, "run `make manual`"


def test_every_path_named_in_the_readme_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:models|extractor|hitl|api|fixtures|tests|scripts)/[\w./-]*)`", readme))
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_make_target_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"`?make ([a-z][a-z-]*)", readme)) - {"it", "sure"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


def test_every_page_and_every_key_stands_in_the_manual():
    from api.web.rendering import NAVIGATION

    manual = (ROOT / "api" / "help" / "pages.md").read_text(encoding="utf-8")
    pages = [link.href for group in NAVIGATION for link in group.links]
    assert not [page for page in pages if f"| `{page}` |" not in manual]
    keymap = (ROOT / "api" / "web" / "static" / "keying" / "keymap.js").read_text(encoding="utf-8")
    keys = re.findall(r'label: "(.+?)", keys: "(.+?)"', keymap)
    assert keys
    assert not [(label, key) for label, key in keys if f"| `{key}` | {label} |" not in manual]
