"""Manifests: values, unlabelled fields and proven absence stay three different things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extractor.measure.manifest import ManifestUnreadable, read_manifest, read_manifests, texts_of

LINES = """\
{"file": "a.pdf", "type": "pay", "split": "train", "fields": {"x": "1", "y": null, "z": {"absent": true}}, "m": 1}

{"file": "sub/b.pdf", "type": "pay", "split": "dev", "fields": {"names": ["A", "B"], "rows": [{"what": "tea", "n": 2}]}}
{"file": "c.pdf"}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.jsonl"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_null_is_unlabelled_and_absent_is_proof(manifest: Path) -> None:
    first = read_manifest(manifest)[0]
    assert (first.labels, first.absent) == ({"x": "1"}, {"z"})
    assert first.path == manifest.parent / "a.pdf"


def test_lists_and_tables_are_kept(manifest: Path) -> None:
    second = read_manifest(manifest)[1]
    assert second.labels == {"names": ["A", "B"], "rows": [{"what": "tea", "n": 2}]}
    assert texts_of(second.labels["rows"]) == ["tea | 2"]
    assert texts_of(second.labels["names"]) == ["A", "B"]
    assert texts_of("x") == "x"


def test_cells_of_a_table_may_stand_in_any_order_and_be_null() -> None:
    rows: list[dict[str, Any]] = [{"n": 2, "what": "tea"}, {"what": "tray", "n": None}]
    assert texts_of(rows, ("what", "n")) == ["tea | 2", "tray | "]


def test_split_and_limit(manifest: Path) -> None:
    assert [e.file for e in read_manifest(manifest, "dev")] == ["sub/b.pdf"]
    assert [e.file for e in read_manifest(manifest, limit=2)] == ["a.pdf", "sub/b.pdf"]
    assert len(read_manifests([manifest, manifest], limit=2)) == 4
    assert read_manifest(manifest)[2].document_type is None


@pytest.mark.parametrize("line", ["{", "[]", '{"type": "x"}', '{"file": 3}', '{"file": "a", "fields": {"x": 3}}'])
def test_a_bad_line_is_named_by_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"file": "ok.pdf"}\n' + line + "\n")
    with pytest.raises(ManifestUnreadable, match=r"m\.jsonl, line 2"):
        read_manifest(path)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match="none"):
        read_manifest(tmp_path / "none.jsonl")


def test_a_group_is_what_is_held_out_together(tmp_path: Path) -> None:
    lines = [{"file": "a.pdf", "group": "Brook"}, {"file": "b.pdf", "family": "Acme"}, {"file": "c.pdf"}]
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [entry.group for entry in read_manifest(manifest)] == ["Brook", "Acme", ""]
