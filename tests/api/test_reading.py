"""`countersign extract`, `learn` and `evaluate` at the door: the lines of the contract, and plain errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.many import named_types
from api.commands.shared import CommandError
from extractor.doctypes import load_document_types
from extractor.measure.manifest import Entry
from models.nets.bundle import Bundle
from tests.extractor.pages import encoded, picture
from tests.extractor.splitting.stacked import document, page_counts, stack

TOML = 'name = "slip"\nlabel = "Slip"\ndescription = "A slip."\n[[fields]]\nname = "total"\nkind = "money"\n'
LINE_KEYS = {
    "file",
    "part",
    "parts",
    "page_range",
    "document_type",
    "document_type_confidence",
    "pages",
    "fields",
    "seconds",
    "problems",
}
QUICK = ("--engine", "tesserocr", "--jobs", 1)
FIELD_KEYS = {"value", "text", "confidence", "page", "box", "state"}


def run(*arguments: object) -> str:
    """Standard output of a command that must succeed; its error otherwise."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def slip(folder: Path, number: int) -> tuple[str, str]:
    total = f"{10 + 7 * number}.{number % 10}0"
    lines = ["CORNER SHOP", f"Item {number} costs 3.{number % 10}5", f"TOTAL {total}", "Thank you"]
    name = f"slip{number}.png"
    (folder / name).write_bytes(encoded(picture(lines, size=(600, 340)), "PNG"))
    return name, total


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scans" / "sub").mkdir(parents=True)
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "slip.toml").write_text(TOML)
    Bundle().save(tmp_path / "bundle")
    return tmp_path


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_extract_writes_a_line_for_every_file_of_a_folder(folder: Path) -> None:
    slip(folder / "scans", 1)
    slip(folder / "scans" / "sub", 2)
    (folder / "scans" / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    (folder / "scans" / "notes.txt").write_text("not a scan")
    out = folder / "out" / "lines.jsonl"
    model = ("--type", "slip", "--doctypes", folder / "types", "--bundle", folder / "bundle")
    run("extract", folder / "scans", *model, *QUICK, "--jsonl", out)
    lines = {line["file"]: line for line in lines_of(out)}
    assert list(lines) == ["broken.pdf", "notes.txt", "slip1.png", "sub/slip2.png"]
    assert lines["notes.txt"]["problems"][0].startswith("not_a_document: ")
    assert all(set(line) == LINE_KEYS for line in lines.values())
    good, bad = lines["slip1.png"], lines["broken.pdf"]
    assert (good["document_type"], good["document_type_confidence"], good["pages"]) == ("slip", 1.0, 1)
    assert set(good["fields"]["total"]) == FIELD_KEYS
    assert good["fields"]["total"]["state"] == "not_found"
    assert good["fields"]["total"]["confidence"] == 0
    assert good["seconds"] > 0
    assert good["problems"] == []
    assert bad["document_type"] is None
    assert bad["fields"] == {}
    assert bad["problems"]


def test_extract_takes_the_files_of_a_manifest(folder: Path) -> None:
    names = [slip(folder / "scans", n)[0] for n in (1, 2, 3)]
    manifest = folder / "scans" / "manifest.jsonl"
    splits = ("train", "dev", "dev")
    rows = [{"file": name, "split": split} for name, split in zip(names, splits, strict=True)]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = run("extract", "--manifest", manifest, "--split", "dev", "--bundle", folder / "bundle", *QUICK)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["file"] for line in lines] == ["slip2.png", "slip3.png"]
    assert {line["document_type"] for line in lines} == {"unknown"}


@pytest.mark.slow
def test_learn_then_extract_then_evaluate(folder: Path) -> None:
    rows = [slip(folder / "scans", n) for n in range(14)]
    manifest = folder / "scans" / "manifest.jsonl"
    labelled = [
        {"file": name, "type": "slip", "fields": {"total": total}, "split": "dev" if n > 9 else "train"}
        for n, (name, total) in enumerate(rows)
    ]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in labelled))
    new = folder / "new"
    common = ("--doctypes", folder / "types", "--cache", folder / "words", *QUICK)
    training = ("--manifest", manifest, "--split", "train", "--bundle", folder / "bundle", "--out", new)
    told = run("learn", *training, "--json", folder / "learned.json", *common)
    assert "slip: 10 documents" in told
    assert not Bundle.load(folder / "bundle").has_section("fields/slip/")
    assert Bundle.load(new).has_section("fields/slip/")
    learned = json.loads((folder / "learned.json").read_text())
    assert learned["bundle"] == Bundle.load(new).version
    assert len(learned["rows"]) == 10
    measured = ("--manifest", manifest, "--split", "dev", "--bundle", new, "--type", "slip")
    table = run("evaluate", *measured, "--json", folder / "eval.json", "--charts", folder / "charts", *common)
    assert "slip.total" in table
    assert "CPU seconds per page" in table
    numbers = json.loads((folder / "eval.json").read_text())
    assert numbers["types"]["slip"]["fields"]["total"]["n"] == 4
    assert numbers["micro"]["exact_f1"] >= 0.5
    assert (folder / "charts" / "slip-reliability.svg").exists()
    out = folder / "o.jsonl"
    run(
        "extract", folder / "scans" / rows[12][0], "--type", "slip", "--bundle", folder / "new", "--jsonl", out, *common
    )
    total = lines_of(out)[0]["fields"]["total"]
    assert total["state"] == "found"
    assert 0 < total["confidence"] <= 1
    assert total["page"] == 1
    assert len(total["box"]) == 4
    assert all(0 <= v <= 1 for v in total["box"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["extract"], "Name files or folders"),
        (["extract", "nowhere.pdf"], "There is no file nowhere.pdf"),
        (["extract", "{scans}"], "no documents to read"),
        (["extract", "{page}", "--type", "poem"], "no document type poem"),
        (["extract", "{page}", "--engine", "eyes"], "no engine eyes"),
        (["extract", "{page}", "--bundle", "{scans}"], "holds no bundle"),
        (["learn", "--manifest", "{manifest}", "--bundle", "{bundle}"], "unknown document types: poem"),
        (["learn", "--manifest", "{manifest}", "--split", "none", "--bundle", "{bundle}"], "no document with a type"),
        (
            ["evaluate", "--manifest", "{manifest}", "--split", "none", "--bundle", "{bundle}"],
            "no documents to measure",
        ),
    ],
)
def test_mistakes_are_sentences(folder: Path, arguments: list[str], reason: str) -> None:
    (folder / "manifest.jsonl").write_text('{"file": "x.pdf", "type": "poem", "split": "train"}\n')
    slip(folder, 1)
    places = {"scans": folder / "scans", "page": folder / "slip1.png", "bundle": folder / "bundle",
              "manifest": folder / "manifest.jsonl"}  # fmt: skip
    with pytest.raises(CommandError) as caught:
        CliRunner().invoke(app, [a.format(**places) for a in arguments], catch_exceptions=False)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("total\n5.00\n", (), "names no field that slip can look up"),
        ("total\n5.00\n", ("--no-memory",), "kept in the memory"),
    ],
)
def test_master_data_that_cannot_be_used_is_a_sentence(
    folder: Path, text: str, more: tuple[str, ...], reason: str
) -> None:
    name, total = slip(folder, 1)
    (folder / "manifest.jsonl").write_text(json.dumps({"file": name, "type": "slip", "fields": {"total": total}}))
    (folder / "vendors.csv").write_text(text)
    with pytest.raises(CommandError, match=reason):
        run(
            "learn", "--manifest", folder / "manifest.jsonl", "--bundle", folder / "bundle",
            "--doctypes", folder / "types", "--vendors", folder / "vendors.csv", *more,
        )  # fmt: skip


def test_one_type_alone_may_be_learned_beside_documents_of_others_and_of_none() -> None:
    types = load_document_types(None)
    entries = [Entry(Path(f"{name}.pdf"), f"{name}.pdf", name, None) for name in ("invoice", "receipt", "unknown")]
    assert set(named_types(types, entries, strangers=True)) == {"invoice", "receipt"}
    assert set(named_types(types, entries, only="invoice", strangers=True)) == {"invoice"}
    with pytest.raises(CommandError, match="no document with a type"):
        named_types(types, entries, only="nda", strangers=True)
    with pytest.raises(CommandError, match="unknown document types"):
        named_types(types, entries)


def test_extract_writes_a_line_for_each_document_of_a_file(tmp_path: Path) -> None:
    files = [document("trade_invoice", seed, f"seller {seed}") for seed in (1, 2, 3)]
    (tmp_path / "stack.pdf").write_bytes(stack(files))
    run("extract", tmp_path / "stack.pdf", "--jobs", 1, "--jsonl", tmp_path / "parts.jsonl")
    run("extract", tmp_path / "stack.pdf", "--jobs", 1, "--whole", "--jsonl", tmp_path / "whole.jsonl")
    lines, (whole,) = lines_of(tmp_path / "parts.jsonl"), lines_of(tmp_path / "whole.jsonl")
    assert [(line["part"], line["parts"]) for line in lines] == [(1, 3), (2, 3), (3, 3)]
    assert {line["file"] for line in lines} == {whole["file"]}
    pages = sum(page_counts(files))
    assert (lines[0]["page_range"][0], lines[-1]["page_range"][1], whole["page_range"]) == (1, pages, [1, pages])
    kept = (tmp_path / "parts.jsonl").read_bytes()
    cut = b"".join(kept.splitlines(keepends=True)[:2])  # killed between two documents of the file
    (tmp_path / "parts.jsonl").write_bytes(cut)
    run("extract", tmp_path / "stack.pdf", "--jobs", 1, "--resume", "--jsonl", tmp_path / "parts.jsonl")
    assert [line["part"] for line in lines_of(tmp_path / "parts.jsonl")] == [1, 2, 3]
