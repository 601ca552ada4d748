"""Every command that a page of the manual or of the repository names is run, as a reader would, on a real server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import HELP, PAGES, blocks, name_of
from tests.docs.reader import reader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Pages that go on where another one ends, with its server, its folder and its documents, in this order.
CONTINUED = {
    HELP / "quickstart.md": [HELP / "integrate.md", HELP / "manager.md", HELP / "deployment.md", HELP / "retraining.md"]
}
BEGINNINGS = [page for page in PAGES if blocks(page) and not any(page in pages for pages in CONTINUED.values())]


@pytest.mark.parametrize("page", BEGINNINGS, ids=name_of)
def test_every_command_of_a_page_does_what_it_says(page: Path, tmp_path: Path):
    with reader(tmp_path) as somebody:
        for one in [page, *CONTINUED.get(page, [])]:
            somebody.follow(one)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_says_why(page: Path):
    about = [block.about for block in blocks(page) if block.about.startswith("not-run")]
    assert all(re.match(r"not-run: \w.{10,}", one) for one in about)
