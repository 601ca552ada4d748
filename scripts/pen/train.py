"""Train the pen detector that ships: real lines of print against lines in many hands on the paper of real ones.

`make pen COUNTERSIGN_REAL_DATA=FOLDER HANDS=FOLDER` runs this. Of the labelled documents only the train split is used.
HANDS holds `fonts/` with handwriting as TrueType files, `prints/` with faces of print, and `digits/` with 0.json to
9.json; a file `seen.jsonl`, if there, says of real lines what an eye saw: {"file", "page", "text", "pen"}, where pen is
true, false, or null for neither. Ours were made of the npm packages @fontsource/NAME (handwriting and print; SIL OFL
1.1 and Apache-2.0, woff2 unpacked with fonttools), and `mnist` 1.1.0 (MIT): ten thousand digits of that collection.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from extractor.ink.handwriting import WIDEST, in_pixels, strip
from extractor.measure.manifest import Entry, read_manifests
from extractor.page.triage import Refusal
from extractor.pen import PEN
from extractor.read import ReadOptions, read_document
from fixtures.hands import Grey, load_digits
from models.nets.bundle import Bundle
from models.nets.pen import PenNet, PenReader, collate
from models.values import Box, Page
from scripts.bundle import manifests
from scripts.pen.crops import (
    Crop,
    cut,
    drawn,
    number,
    pen_by_digits,
    pen_by_font,
    pen_by_strokes,
    print_by_font,
    worded,
)
from scripts.pen.wear import moved, overrun, part_of, worn

SEED = 20263
BATCH = 64
STEPS = 2000
RATE = 3e-3
OVERRUN = 0.14  # of the lines get strokes over them
REPLAYED = 4000  # lines as they were worn before: half of a batch, as wearing them is most of the work
PAGES, LINES = 3, 50  # of a document
HELD_OUT = 5  # every fifth document fixes the limits and is not trained on
FALSE_ALARMS = (0.01, 0.003)  # of the lines that fix the limits: taken for a pen, for strokes over print
UNSURE_PRINT = (0.995, 0.998)  # the highest share of "print" is dropped twice: much of it is real handwriting
WANTED = {"font": 9000, "strokes": 3000, "digits": 5000, "print": 7500}
SHARES = {
    "font": 0.18, "strokes": 0.08, "digits": 0.13, "seen pen": 0.05,
    "print": 0.16, "seen print": 0.04, "real": 0.18, "real numbers": 0.18,
}  # fmt: skip


@dataclass(frozen=True)
class Material:
    """Where lines come from: files of fonts, strokes of digits."""

    hands: Sequence[Path]
    prints: Sequence[Path]
    digits: Sequence[Sequence[Grey]]

    @classmethod
    def of(cls, folder: Path) -> Material:
        return cls(sorted((folder / "fonts").glob("*.ttf")), sorted((folder / "prints").glob("*.ttf")),
                   load_digits(folder / "digits"))  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of folders with a manifest.jsonl each")
    parser.add_argument("--hands", type=Path, required=True, help="folder with fonts/, prints/ and digits/")
    parser.add_argument("--out", type=Path, default=PEN)
    parser.add_argument("--cache", type=Path, help="folder of words read before")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--share", type=float, default=1.0, help="of the lines that are drawn")
    chosen = parser.parse_args(arguments)
    rng = random.Random(SEED)
    seen = read_seen(chosen.hands / "seen.jsonl")
    train, held = parted(list(real_lines(manifests(chosen.data), seen, chosen.cache, rng)), seen)
    material = Material.of(chosen.hands)
    lines = train | made(material, [*train["real"], *train.get("real numbers", [])], chosen.share, rng)
    net = trained(lines, material, chosen.steps, rng)
    save(net, held, {"lines": {name: len(some) for name, some in lines.items()}, "steps": chosen.steps}, chosen.out)


# --- lines of real documents ---


Seen = Mapping[tuple[str, str], bool | None]  # what an eye saw of a line, by source and text; None: neither


def real_lines(files: Sequence[Path], seen: Seen, cache: Path | None, rng: random.Random) -> Iterator[Crop]:
    """Lines of the training documents' pages, as an engine found them on the image; all those that were `seen`."""
    for entry in read_manifests(files, "train"):
        yield from _lines_of(entry, seen, ReadOptions(cache=cache), rng)


def _lines_of(entry: Entry, seen: Seen, options: ReadOptions, rng: random.Random) -> Iterator[Crop]:
    try:
        document = read_document(entry.path.read_bytes(), options)
        pages = [(page, document.image_of(page.number)) for page in document.pages if not page.is_from_layer][:PAGES]
    except Refusal as refusal:
        sys.stderr.write(f"{entry.file}: {refusal}\n")
        return
    for page, image in pages:
        source = f"{entry.file}/{page.number}"
        lines = segments(page)
        rng.shuffle(lines)
        lines.sort(key=lambda line: (source, line[0]) not in seen)
        for text, box in lines[:LINES]:
            found = cut(image, in_pixels(image, box))
            if found:
                yield Crop(*found, pen=False, text=text, source=source)


def segments(page: Page) -> list[tuple[str, Box]]:
    """Stretches of the page's rows without a wide gap: text and place."""
    found = defaultdict(list)
    for word in page.words:
        found[word.segment].append(word)
    return [(" ".join(w.text for w in words), Box.union(w.box for w in words)) for words in found.values()]


def read_seen(file: Path) -> Seen:
    """What is known of real lines; nothing where there is no such file."""
    if not file.is_file():
        return {}
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {(f"{row['file']}/{row['page']}", row["text"]): row["pen"] for row in rows}


def parted(real: Sequence[Crop], seen: Seen) -> tuple[dict[str, list[Crop]], list[Crop]]:
    """Lines to train with, by group, and those of every fifth document that fix the limits."""
    files = sorted({crop.source.rpartition("/")[0] for crop in real})
    apart = set(files[::HELD_OUT])
    groups: dict[str, list[Crop]] = {"real": [], "real numbers": [], "seen pen": [], "seen print": []}
    held = []
    for crop in real:
        pen = seen.get((crop.source, crop.text), False)
        if pen is None:
            continue
        crop = replace(crop, pen=pen)
        if crop.source.rpartition("/")[0] in apart:
            held.append(crop)
            continue
        known = (crop.source, crop.text) in seen
        print_ = "seen print" if known else "real numbers" if is_number(crop.text) else "real"
        groups["seen pen" if pen else print_].append(crop)
    return {name: some for name, some in groups.items() if some}, held


def is_number(text: str) -> bool:
    """Whether a line is mostly digits, as most values are: few lines of a page, so they are shown more often."""
    return sum(letter.isdigit() for letter in text) >= 0.5 * len(text)


def made(material: Material, real: Sequence[Crop], share: float, rng: random.Random) -> dict[str, list[Crop]]:
    """Lines in many hands and in print, on the paper of real ones."""
    texts = [crop.text for crop in real if len(crop.text) > 2]

    def say(rng: random.Random) -> str:
        return number(rng) if rng.random() < 0.5 else worded(texts, rng)

    ways = {
        "font": (pen_by_font(material.hands), say, True),
        "strokes": (pen_by_strokes([*material.hands, *material.prints]), say, True),
        "digits": (pen_by_digits(material.digits), number, True),
        "print": (print_by_font(material.prints), say, False),
    }
    return {
        name: drawn(max(1, int(share * WANTED[name])), draw, text, real, material.prints, rng, pen=pen)
        for name, (draw, text, pen) in ways.items()
    }


# --- training ---


def trained(lines: Mapping[str, Sequence[Crop]], material: Material, steps: int, rng: random.Random) -> PenNet:
    """A network that has seen `steps` batches. Real print that it surely takes for a pen is dropped on the way."""
    torch.manual_seed(SEED)
    net = PenNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-3)
    groups = dict(lines)
    before: list[tuple[NDArray[np.float32], tuple[float, float]]] = []
    for step in range(steps):
        if step in (steps // 3, 2 * steps // 3):
            share = UNSURE_PRINT[step >= 2 * steps // 3]
            groups |= {
                name: doubtless(net, groups[name], share) for name in ("real", "real numbers") if groups.get(name)
            }
        net.train()
        some = rng.sample(before, BATCH // 2) if len(before) > BATCH else []
        fresh = [sample(groups, material, rng) for _ in range(BATCH - len(some))]
        before = [*before[-REPLAYED:], *fresh]
        some = [*some, *fresh]
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100) * (1 - step / steps) + 1e-5
        wanted = torch.tensor([answer for _, answer in some])
        loss = functional.binary_cross_entropy_with_logits(net(*collate([seen for seen, _ in some])), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 200 == 199:
            sys.stderr.write(f"{step + 1} of {steps}: loss {loss.item():.3f}\n")
    return net.eval()


def sample(
    groups: Mapping[str, Sequence[Crop]], material: Material, rng: random.Random
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """A line as the network gets it, and what it should answer: pen, and strokes over the line."""
    names = [name for name in SHARES if groups.get(name)]
    while True:
        crop = rng.choice(groups[rng.choices(names, [SHARES[name] for name in names])[0]])
        part = part_of(crop, rng)
        over = rng.random() < OVERRUN
        if over:
            part = overrun(part, material.prints, material.hands, rng)
        seen = strip(worn(part, rng).image, moved(part.line, rng))
        if seen is not None:
            return seen[:, :WIDEST], (float(crop.pen), float(over))


def logits(net: PenNet, crops: Sequence[Crop]) -> NDArray[np.float32]:
    """[n, 2] of the lines; not a number where nothing can be seen."""
    net.eval()
    strips = [strip(crop.image, crop.line) for crop in crops]
    found = np.full((len(crops), 2), np.nan, np.float32)
    there = [k for k, seen in enumerate(strips) if seen is not None]
    found[there] = PenReader(net.fused()).logits([seen for seen in strips if seen is not None])
    return found


def doubtless(net: PenNet, crops: Sequence[Crop], share: float) -> list[Crop]:
    """Without the lines of print that look most like a pen's, as long as the network is sure of it."""
    pen = logits(net, crops)[:, 0]
    most = max(0.0, float(np.nanquantile(pen, share)))
    return [crop for crop, answer in zip(crops, pen, strict=True) if not answer > most]


def save(net: PenNet, held: Sequence[Crop], facts: dict[str, Any], out: Path) -> None:
    """The weights with their limits: what few lines of print reach that were not trained on, numbers or words."""
    limits = [0.0, 0.0]
    for number_like in (True, False):
        alike = [c for c in held if not c.pen and len(c.text) > 2 and is_number(c.text) is number_like]
        answers = logits(net, alike)
        for k, share in enumerate(FALSE_ALARMS):
            limits[k] = max(limits[k], float(np.nanquantile(answers[:, k], 1 - share))) if alike else limits[k]
    Bundle(facts | {"limits": [round(limit, 3) for limit in limits]}, net.fused()).save(out)


if __name__ == "__main__":
    main()
