"""The texts that people read: every page of the manual and of the repository, taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
HELP = ROOT / "api" / "help"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(HELP.glob("*.md"))]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else stands behind the fence, its text and its line in the page."""

    language: str
    about: str
    text: str
    line: int


@lru_cache
def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    found = []
    for token in tokens(page):
        if token.type == "fence" and token.map:
            language, _, about = token.info.partition(" ")
            found.append(Block(language, about.strip(), token.content, token.map[0] + 1))
    return found


def inlines(page: Path) -> list[Token]:
    """All pieces of text outside of blocks."""
    return [piece for token in tokens(page) for piece in token.children or []]


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead."""
    found = [piece.attrGet("href" if piece.type == "link_open" else "src") for piece in inlines(page)]
    return [str(target) for target in found if target is not None]


def codes(page: Path) -> list[str]:
    """What stands in `code` within a line."""
    return [piece.content for piece in inlines(page) if piece.type == "code_inline"]


def headings(page: Path) -> list[str]:
    found = tokens(page)
    return [found[n + 1].content for n, token in enumerate(found) if token.type == "heading_open"]
