"""What is written is true: generated pages are those of this code, and what a page names exists."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from api.web import manual
from tests.docs.pages import HELP, PAGES, README, ROOT, blocks, codes, headings, links, name_of, tokens

TOP = {"models", "extractor", "hitl", "api", "fixtures", "tests", "scripts", ".ci"}
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


def generator():
    spec = importlib.util.spec_from_file_location("manual", ROOT / "scripts" / "manual.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manual_is_that_of_this_code():
    made = {name: page() for name, page in generator().PAGES.items()}
    stale = [name for name, text in made.items() if (HELP / name).read_text(encoding="utf-8") != text]
    assert not stale, "run `make manual`"


# --- the front door ---------------------------------------------------------------------------------------------------


def test_the_readme_is_read_in_a_minute():
    assert len(README.read_text(encoding="utf-8").split()) <= 900


def test_the_measured_table_has_fifteen_lines_at_most():
    text = README.read_text(encoding="utf-8")
    table = re.findall(r"^\|.*\|$", text.split("## Measured")[1].split("\n## ")[0], re.MULTILINE)
    assert 1 <= len(table) - 2 <= 15  # without its head


def test_every_measured_figure_of_the_readme_stands_in_the_benchmarks():
    section = README.read_text(encoding="utf-8").split("## Measured")[1].split("\n## ")[0]
    cells = [row.split("|")[2] for row in re.findall(r"^\|.*\|$", section, re.MULTILINE)[2:]]
    figures = {figure for cell in cells for figure in re.findall(r"\.?\d[\d.]*(?: %)?", cell)}
    benchmarks = " ".join((HELP / "benchmarks.md").read_text(encoding="utf-8").split())
    assert figures
    assert not [figure for figure in sorted(figures) if figure.removesuffix(" %") not in benchmarks]


# --- what a page names exists -----------------------------------------------------------------------------------------


def named_paths(page: Path) -> list[str]:
    """Paths in `code`, without the test or line that may stand behind them."""
    found = [re.match(r"([\w.-]+)/[\w./-]*", code) for code in codes(page)]
    return [match[0] for match in found if match and match[1] in TOP]


@EVERY_PAGE
def test_every_path_that_is_named_exists(page: Path):
    assert not [path for path in named_paths(page) if not (ROOT / path).exists()]


def test_paths_are_found_where_they_are_named():
    assert {"hitl/pipeline.py", "extractor/read.py", "tests/flow/"} <= set(named_paths(README))


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path):
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in {manual.anchor(heading) for heading in headings(target)}):
            lost.append(link)
    assert not lost


@EVERY_PAGE
def test_every_make_target_that_is_named_exists(page: Path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join([*codes(page), *(block.text for block in blocks(page))])
    targets = re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", text)
    assert not [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]


@EVERY_PAGE
def test_every_setting_and_request_that_is_named_exists(page: Path):
    from api.app import create_app
    from hitl.settings import Settings

    said = codes(page)
    settings = {f"COUNTERSIGN_{name.upper()}" for name in Settings.model_fields} | OF_THE_TESTS
    asked = {found[0] for code in said for found in re.finditer(r"COUNTERSIGN_[A-Z_]*[A-Z]", code)}
    assert asked <= settings
    known = {re.sub(r"\{\w+\}", "{}", path) for path in create_app().openapi()["paths"]}
    paths = [found[1] for code in said if (found := re.match(r"(?:GET|POST|PUT|DELETE) (/v1/[\w/{}.-]+)", code))]
    assert not [path for path in paths if re.sub(r"\{\w+\}", "{}", path) not in known]


OF_THE_TESTS = {
    "COUNTERSIGN_REAL_DATA", "COUNTERSIGN_BENCH", "COUNTERSIGN_ROWS", "COUNTERSIGN_DOCUMENTS", "COUNTERSIGN_SECONDS",
    "COUNTERSIGN_SCALE",
}  # fmt: skip


@pytest.mark.parametrize("path", [*PAGES, ROOT / "pyproject.toml", ROOT / "CHANGELOG.md"], ids=name_of)
def test_no_address_stands_anywhere_that_does_not_exist(path: Path):
    """Hosts that were looked at by a person, this machine, and names that are reserved for examples."""
    hosts = re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8"))
    known = {"127.0.0.1", "keepachangelog.com", "semver.org"}
    assert not [host for host in hosts if host not in known and not host.endswith("example.com")]


# --- the manual as a whole --------------------------------------------------------------------------------------------


def test_the_contents_list_every_page_once():
    listed = [entry.name for chapter in manual.contents() for entry in chapter.entries]
    assert sorted([*listed, "README.md"]) == sorted(path.name for path in HELP.glob("*.md"))


def test_a_page_is_called_the_same_in_the_contents_and_at_its_head():
    entries = [entry for chapter in manual.contents() for entry in chapter.entries]
    titles = {entry.name: headings(HELP / entry.name)[0] for entry in entries}
    assert not [
        (entry.title, titles[entry.name]) for entry in entries if not titles[entry.name].startswith(entry.title)
    ]


def test_the_glossary_is_in_order_and_says_each_word_once():
    rows = [
        tokens(HELP / "glossary.md")[n + 2].content
        for n, token in enumerate(tokens(HELP / "glossary.md"))
        if token.type == "tr_open"
    ][1:]
    assert rows == sorted(set(rows), key=str.casefold)


def test_the_picture_of_the_flow_stands_alone_and_knows_both_themes():
    text = (HELP / "flow.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href=|url\((?!#)|@import|@font-face", text)
    assert ET.fromstring(text).find("{http://www.w3.org/2000/svg}title") is not None


def test_every_page_and_every_key_stands_in_the_manual():
    from api.web.rendering import NAVIGATION

    text = (HELP / "pages.md").read_text(encoding="utf-8")
    pages = [link.href for group in NAVIGATION for link in group.links]
    assert not [page for page in pages if f"| `{page}` |" not in text]
    keymap = (ROOT / "api" / "web" / "static" / "keying" / "keymap.js").read_text(encoding="utf-8")
    keys = re.findall(r'label: "(.+?)", keys: "(.+?)"', keymap)
    assert keys
    assert not [(label, key) for label, key in keys if f"| `{key}` | {label} |" not in text]


@EVERY_PAGE
def test_every_command_and_option_that_is_named_exists(page: Path):
    """Of `countersign` in blocks, also those that are not run, and in `code`."""
    from typer.main import get_command

    from api.cli import app

    known = dict(generator().walk(get_command(app), "countersign"))
    text = "\n".join([*(block.text for block in blocks(page) if block.language == "sh"), *codes(page)])
    for call in re.findall(r"countersign [a-z][^\n|&;)]*", text.replace("\\\n", " ")):
        words = call.split()
        named = [path for path in (" ".join(words[:3]), " ".join(words[:2])) if path in known]
        is_group = len(words) == 2 and any(path.startswith(f"{call.strip()} ") for path in known)
        assert named or is_group, call
        allowed = {
            option for path in named[:1] for one in known[path].params for option in (*one.opts, *one.secondary_opts)
        }
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= allowed | {"--help"}, call
