"""Stretches of text that belong together: segments, runs of segments down a column, capitalised runs in prose."""

from __future__ import annotations

from collections.abc import Iterator

from extractor.fields.layout import Layout

PROSE_TOKENS = 7  # a segment of as many tokens is running text
NEAR = 0.04  # widths between segments of one row that may be one value
CONNECTORS = frozenset(["OF", "THE", "AND", "&", "DE", "LA", "DEL", "VON", "VAN", "DER", "FOR"])
LEGAL_FORMS = frozenset(
    [
        "INC",
        "LLC",
        "LLP",
        "LP",
        "LTD",
        "LIMITED",
        "CORP",
        "CORPORATION",
        "CO",
        "COMPANY",
        "PLC",
        "NA",
        "GMBH",
        "AG",
        "SA",
        "NV",
        "BV",
        "BHD",
        "SDNBHD",
        "SB",
        "PTY",
        "JR",
        "SR",
        "II",
        "III",
        "PC",
        "PA",
    ]
)

Tokens = tuple[int, ...]


def below(layout: Layout, segment: int) -> int | None:
    """The segment under this one that continues it: next rows, small step down, edges or middles aligned."""
    first = layout.segments[segment]
    x0, x1 = layout.box[first[0], 0], layout.box[first[-1], 2]
    top, bottom = layout.box[first[0], 1], layout.box[first[0], 3]
    height = max(bottom - top, layout.height)
    row = layout.line[first[0]]
    for other in range(segment + 1, min(segment + 12, len(layout.segments))):
        tokens = layout.segments[other]
        if layout.page[tokens[0]] != layout.page[first[0]] or layout.line[tokens[0]] > row + 2:
            return None
        if layout.line[tokens[0]] == row:
            continue
        a0, a1 = layout.box[tokens[0], 0], layout.box[tokens[-1], 2]
        aligned = abs(a0 - x0) < 0.012 or abs((a0 + a1) - (x0 + x1)) < 0.06
        if aligned and layout.box[tokens[0], 1] - bottom < 1.3 * height:
            return other
    return None


def follows(layout: Layout, segment: int, gap: float) -> int | None:
    """The next segment in reading order, if it stands beside this one with a small gap, or in the next row."""
    if segment + 1 >= len(layout.segments):
        return None
    here, there = layout.segments[segment], layout.segments[segment + 1]
    if layout.page[here[0]] != layout.page[there[0]]:
        return None
    if layout.line[here[0]] == layout.line[there[0]]:
        return segment + 1 if layout.box[there[0], 0] - layout.box[here[-1], 2] < gap else None
    step = layout.box[there[0], 1] - layout.box[here[0], 3]
    return segment + 1 if step < 2.5 * layout.height else None


def chains(layout: Layout, longest: int, gap: float = 0.3) -> Iterator[tuple[Tokens, int]]:
    """Every run of up to `longest` segments that may be one value over several lines, with its number of segments."""
    nexts = [(follows(layout, s, gap), below(layout, s)) for s in range(len(layout.segments))]
    seen: set[Tokens] = set()
    for start in range(len(layout.segments)):
        for branch in (0, 1):
            tokens: Tokens = ()
            segment: int | None = start
            for count in range(1, longest + 1):
                if segment is None:
                    break
                tokens += tuple(layout.segments[segment])
                if tokens not in seen:
                    seen.add(tokens)
                    yield tokens, count
                segment = nexts[segment][branch]


def is_prose(layout: Layout, segment: int) -> bool:
    return len(layout.segments[segment]) >= PROSE_TOKENS


def prose(layout: Layout) -> Iterator[list[int]]:
    """Blocks of running text: consecutive segments of a page around at least one long one."""
    block: list[int] = []
    quality = False
    page = -1
    for number, tokens in enumerate(layout.segments):
        long = is_prose(layout, number)
        continues = bool(block) and layout.page[tokens[0]] == page and (long or is_prose(layout, number - 1))
        if not continues:
            if quality:
                yield block
            block, quality = [], False
        block = block + tokens
        quality = quality or long
        page = int(layout.page[tokens[0]])
    if quality:
        yield block


def capitalised_runs(layout: Layout, block: list[int], longest: int) -> Iterator[Tokens]:
    """Maximal runs of capitalised tokens in running text; a comma ends a run unless a legal form follows."""
    run: list[int] = []
    for token in [*block, -1]:
        word = layout.text[token] if token >= 0 else ""
        letters = word.lstrip("(\"'“‘[")
        capital = letters[:1].isupper() or (bool(run) and letters[:1].isdigit())
        if (
            run
            and token >= 0
            and layout.text[run[-1]].endswith((",", ";", ":"))
            and layout.compacts[token] not in LEGAL_FORMS
        ):
            yield from _trimmed(layout, run, longest)
            run = []
        if token >= 0 and (capital or (run and word.upper() in CONNECTORS)):
            run.append(token)
        elif run:
            yield from _trimmed(layout, run, longest)
            run = []


def _trimmed(layout: Layout, run: list[int], longest: int) -> Iterator[Tokens]:
    while run and layout.text[run[-1]].upper() in CONNECTORS:
        run = run[:-1]
    if run:
        yield tuple(run[:longest])
