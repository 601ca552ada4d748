"""Train the bundle that ships: every type of the labelled documents at hand, and two from generated ones too.

`make bundle COUNTERSIGN_REAL_DATA=FOLDER` runs this. FOLDER holds one folder a kind of document, each with a
`manifest.jsonl`; only their split "train" is used, and nothing that few documents share is kept. With `--only invoice`
one type is learned anew, and the fields of the others stay as the bundle at `--base` has them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from api.commands.reading import SEED, learn
from extractor.bundle import BUILT_IN
from fixtures.generate import generate

INVOICES = 240  # half as many in the layouts of `invoice_layouts`, the rest drawn together from parts
# What no type is like: papers of trade that are no invoices, and kinds of which there are types, so that an invoice is
# told from them even where those are not known.
STRANGERS = {"near_miss": 150, "receipt": 160, "ad_buy": 240, "unknown": 20, "application": 20, "nda": 10}
SENDERS = 100_000  # hardly any two documents of one sender: new invoices come from new senders
PAPERS = 120  # identity papers of invented states: their labels are all there is to learn that type from
WORK = Path("build")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of folders with a manifest.jsonl each")
    parser.add_argument("--out", type=Path, default=BUILT_IN)
    parser.add_argument("--work", type=Path, default=WORK, help="for the generated invoices and the words read before")
    parser.add_argument("--invoices", type=int, default=INVOICES)
    parser.add_argument("--base", type=Path, help="bundle to start from; without it from nothing")
    parser.add_argument("--only", help="learn this type anew, with --base")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--cache", type=Path, help="folder of words read before; without it one under --work")
    chosen = parser.parse_args(arguments)
    learn(
        [*manifests(chosen.data), *generated(chosen.work, chosen.invoices)],
        chosen.base or chosen.work / "no-bundle",  # from nothing: what the committed one has learned does not count
        split="train",
        output=chosen.out,
        report=chosen.work / "bundle-report.json",
        memory=False,
        seed=SEED,
        jobs=chosen.jobs,
        cache=chosen.cache or chosen.work / "words",
        only=chosen.only,
        replacing=True,
        xml=False,  # the labels of real e-invoices were made from their XML, so it would only be compared with itself
    )


def manifests(folder: Path | None) -> list[Path]:
    """The manifests of a folder of folders. Raises SystemExit where there is none: the bundle would lose its types."""
    found = sorted(folder.glob("*/manifest.jsonl")) if folder else []
    if not found:
        raise SystemExit("No labelled documents: set COUNTERSIGN_REAL_DATA to a folder of folders with manifest.jsonl.")
    return found


def generated(work: Path, invoices: int) -> list[Path]:
    """Manifests of invoices and identity papers, layouts held out together, and of documents that are of no type."""
    papers = PAPERS * invoices // INVOICES
    share = {"invoice": invoices // 2, "trade_invoice": invoices + invoices // 8, "identity_document": papers}
    made = [_made(kind, count, work) for kind, count in share.items()]
    return made + [_as_strangers(_made(kind, count * invoices // INVOICES, work)) for kind, count in STRANGERS.items()]


def _made(kind: str, count: int, work: Path) -> Path:
    folder = work / f"made-{kind}"
    carriers = ["pdf"] if kind == "trade_invoice" or kind in STRANGERS else None
    return generate(
        kind, count, SEED, folder, vendors=SENDERS, vendor_seed=SEED, split="train", carriers=carriers, grouped=True
    )


def _as_strangers(manifest: Path) -> Path:
    """The manifest with all its documents of no type."""
    lines = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    changed = [json.dumps(line | {"type": "unknown", "fields": {}}, ensure_ascii=False) + "\n" for line in lines]
    manifest.write_text("".join(changed), encoding="utf-8")
    return manifest


if __name__ == "__main__":
    main()
