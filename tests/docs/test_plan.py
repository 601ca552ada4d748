"""The arithmetic of the plan on paper: each figure is measured or an assumption, and each number follows from them."""

from __future__ import annotations

import math
import re

from tests.docs.pages import HELP

PLAN = (HELP / "plan.md").read_text(encoding="utf-8")
MEASURED = " ".join((HELP / "benchmarks.md").read_text(encoding="utf-8").split())
DAY = 86_400


def rows(heading: str) -> list[list[str]]:
    section = PLAN.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = re.findall(r"^\|(.*)\|$", section, re.MULTILINE)[2:]
    return [[cell.strip() for cell in row.split("|")] for row in table]


def figures() -> dict[str, float]:
    return {row[0]: float(row[2].replace(",", "")) for row in rows("Figures")}


def rounded(number: float) -> str:
    """Two digits that count, as people read them."""
    digits = max(0, 1 - math.floor(math.log10(number)))
    whole = round(number, digits if number < 10 else 1 - math.floor(math.log10(number)))
    return f"{whole:,.{digits}f}".removesuffix(".0") if number < 10 else f"{whole:,.0f}"


def planned(pages: float, people: float) -> list[str]:
    """The column of one case, from the figures."""
    f = figures()
    reading = f["s"] * f["c"] + (1 - f["s"]) * f["t"]
    documents = pages / f["p"]
    asked = documents * f["f"] * f["a"]
    keyed = people * f["h"] * 3600 / f["k"]
    peak = f["peak"] / f["u"]
    answers = min(asked, keyed) / DAY
    return [
        rounded(pages / DAY * f["peak"]),
        rounded(pages * reading / DAY * peak),
        rounded(asked),
        rounded(keyed),
        rounded(asked / keyed * people),
        rounded(keyed / (documents * f["f"])),
        rounded(answers * f["peak"]),
        rounded(answers * f["w"] * peak),
        rounded(answers * f["l"] / 1000 * peak),
        rounded(documents * f["d"] * f["f"] / 3 / 1e6),
        rounded(documents * f["d"] * f["f"] / 3 / 1e9 * 365),
        rounded(pages * f["b"] / 1e9),
    ]


def test_every_figure_is_measured_or_named_an_assumption():
    for name, _, value, source in rows("Figures"):
        if source.startswith("assumption"):
            continue
        assert re.search(r"`make bench-[a-z]+`", source) or "benchmarks.md#" in source, name
        cited = re.findall(r"“(.+?)”", source)
        assert cited, name
        assert not [words for words in cited if words not in MEASURED], (name, value)
        numbers = [float(number) for words in cited for number in re.findall(r"\.?\d+(?:\.\d+)?", words)]
        derived = {sum(numbers), 2 / numbers[0]}  # of its parts; of two cores for so many a second
        assert any(math.isclose(float(value), one, abs_tol=0.0005) for one in {*numbers, *derived}), (name, value)


def test_every_number_of_the_table_follows_from_the_figures():
    table = rows("What that comes to")
    for column, case in ((1, (1e6, 500)), (2, (1e8, 50_000))):
        assert [row[column] for row in table] == planned(*case)
