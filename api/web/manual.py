"""The manual at /help/: the Markdown pages of `api/help`, whose README is their list of contents.

Links between the pages are relative, so that the same text works where a repository is browsed. What a page links to
outside the folder of the manual is source text, which this site does not show: its name stays, the link goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from api.problems import ApiProblem
from api.web.rendering import render
from api.web.visitor import Anybody

FOLDER = Path(__file__).resolve().parents[1] / "help"
FIRST = "README.md"
PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of contents."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    entries: tuple[Entry, ...]


@router.get("/help/")
def first_page(request: Request, who: Anybody) -> Response:
    """The list of contents, with a sentence on each page."""
    return page(request, who, FIRST)


@router.get("/help/{name}")
def page(request: Request, who: Anybody, name: str) -> Response:
    """One page, or one picture of it."""
    path = FOLDER / name
    if name not in files():
        raise ApiProblem(404, "not_found", f"The manual has no page {name}.", "Begin at its contents: /help/.")
    if path.suffix in PICTURES:
        return FileResponse(path, media_type=PICTURES[path.suffix])
    order = [Entry(FIRST, "Manual"), *(entry for chapter in contents() for entry in chapter.entries)]
    place = [entry.name for entry in order].index(name)
    return render(
        request,
        who,
        "manual.html",
        section="/help/",
        title=order[place].title,
        name=name,
        chapters=contents(),
        text=html_of(name),
        before=order[place - 1] if place else None,
        after=order[place + 1] if place + 1 < len(order) else None,
    )


@lru_cache(maxsize=1)
def files() -> frozenset[str]:
    """The names that the manual answers to."""
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in {".md", *PICTURES})


@lru_cache(maxsize=1)
def contents() -> tuple[Chapter, ...]:
    """The chapters as the first page lists them: a heading, then a list of links."""
    chapters: list[tuple[str, list[Entry]]] = []
    for line in (FOLDER / FIRST).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            chapters.append((line[3:], []))
        elif found := re.match(r"- \[(.+?)\]\((\S+?\.md)\)", line):
            chapters[-1][1].append(Entry(found[2], found[1]))
    return tuple(Chapter(title, tuple(entries)) for title, entries in chapters)


@lru_cache(maxsize=64)
def html_of(name: str) -> Markup:
    """A page as HTML: headings with the anchors that repositories give them, tables that scroll by themselves."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse((FOLDER / name).read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", anchor(following.content))
        elif token.type == "fence":
            token.attrSet("tabindex", "0")
        elif token.type == "inline":
            token.children = list(without_outside_links(token.children or []))
    made = reader.renderer.render(tokens, reader.options, {})
    made = made.replace("<table>", '<div class="scroll-x" tabindex="0"><table>').replace("</table>", "</table></div>")
    made = made.replace("<p><img ", '<p class="scroll-x picture" tabindex="0"><img ')
    return Markup(made)  # noqa: S704 - made of our own files, raw HTML in them escaped


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def without_outside_links(children: list[Token]) -> Iterator[Token]:
    """The pieces of a line without the tags of links that lead out of the manual's folder."""
    is_open = True
    for token in children:
        if token.type == "link_open":
            is_open = not str(token.attrGet("href")).startswith("../")
        if is_open or token.type not in ("link_open", "link_close"):
            yield token
        if token.type == "link_close":
            is_open = True
