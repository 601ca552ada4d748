"""Train the bundle that ships: every type of the labelled documents at hand, and `invoice` from generated ones.

`make bundle COUNTERSIGN_REAL_DATA=FOLDER` runs this. FOLDER holds one folder a kind of document, each with a
`manifest.jsonl`; only their split "train" is used, and nothing that few documents share is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from api.commands.reading import SEED, learn
from extractor.bundle import BUILT_IN
from fixtures.generate import generate

INVOICES = 240
SENDERS = 100_000  # hardly any two documents of one sender: new invoices come from new senders
WORK = Path("build")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of folders with a manifest.jsonl each")
    parser.add_argument("--out", type=Path, default=BUILT_IN)
    parser.add_argument("--work", type=Path, default=WORK, help="for the generated invoices and the words read before")
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--cache", type=Path, help="folder of words read before; without it one under --work")
    chosen = parser.parse_args(arguments)
    labelled = manifests(chosen.data)
    invoices = generate(
        "invoice", chosen.invoices, SEED, chosen.work / "invoices", vendors=SENDERS, vendor_seed=SEED, split="train"
    )
    learn(
        [*labelled, invoices],
        chosen.work / "no-bundle",  # from nothing: what the committed one has learned does not count
        split="train",
        output=chosen.out,
        report=chosen.work / "bundle-report.json",
        memory=False,
        seed=SEED,
        jobs=chosen.jobs,
        cache=chosen.cache or chosen.work / "words",
    )


def manifests(folder: Path | None) -> list[Path]:
    """The manifests of a folder of folders. Raises SystemExit where there is none: the bundle would lose its types."""
    found = sorted(folder.glob("*/manifest.jsonl")) if folder else []
    if not found:
        raise SystemExit("No labelled documents: set COUNTERSIGN_REAL_DATA to a folder of folders with manifest.jsonl.")
    return found


if __name__ == "__main__":
    main()
