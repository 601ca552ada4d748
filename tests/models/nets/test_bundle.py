"""A bundle comes back as it was saved, is replaced whole, and says what to do when it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.nets.bundle import INDEX, Bundle, BundleUnreadable


def made(value: float = 1.0) -> Bundle:
    return Bundle(
        {"note": "näh"},
        {"fields/a/w": np.full((2, 3), value, np.float32), "types/w": np.arange(4, dtype=np.int32)},
        {"fields/a/model": "tree"},
        {"fields/a/table": {"x": [1, 2.5, None]}, "types/names": ["a"]},
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    made().save(tmp_path / "b")
    loaded = Bundle.load(tmp_path / "b")
    assert loaded.meta == made().meta
    assert loaded.texts == made().texts
    assert loaded.tables == made().tables
    assert all(np.array_equal(loaded.tensors[name], array) for name, array in made().tensors.items())
    assert loaded.version == made().version


def test_the_version_tells_contents_apart() -> None:
    assert made(1.0).version == made(1.0).version != made(2.0).version
    assert made().version != made().with_meta(note="other").version


def test_a_section_is_read_and_replaced_without_its_prefix() -> None:
    tensors, texts, tables = made().section("fields/a/")
    assert (list(tensors), texts, tables) == (["w"], {"model": "tree"}, {"table": {"x": [1, 2.5, None]}})
    other = made().with_section("fields/a/", ({"v": np.zeros(1)}, {}, {}))
    assert set(other.tensors) == {"fields/a/v", "types/w"}
    assert other.texts == {}
    assert other.has_section("types/")
    assert not other.with_section("types/", ({}, {}, {})).has_section("types/")


def test_saving_over_a_bundle_leaves_only_the_new_files(tmp_path: Path) -> None:
    made(1.0).save(tmp_path)
    (tmp_path / "keep.txt").write_text("not ours")
    made(2.0).save(tmp_path)
    assert Bundle.load(tmp_path).version == made(2.0).version
    assert len(list(tmp_path.glob("tensors-*"))) == 1
    assert (tmp_path / "keep.txt").exists()


def test_a_save_that_is_cut_off_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(1.0).save(tmp_path)

    def full_disk(_: Path, content: bytes) -> None:
        if content.startswith(b"{"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("models.nets.bundle._write", full_disk)
    with pytest.raises(OSError, match="No space"):
        made(2.0).save(tmp_path)
    assert Bundle.load(tmp_path).version == made(1.0).version


@pytest.mark.parametrize("name", ["tensors", "texts", "tables"])
def test_a_changed_file_is_noticed(tmp_path: Path, name: str) -> None:
    made().save(tmp_path)
    path = next(tmp_path.glob(f"{name}-*"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleUnreadable, match=r"changed or damaged.*countersign learn"):
        Bundle.load(tmp_path)


def test_a_missing_file_a_missing_bundle_and_a_strange_index_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BundleUnreadable, match="holds no bundle"):
        Bundle.load(tmp_path)
    made().save(tmp_path)
    next(tmp_path.glob("texts-*")).unlink()
    with pytest.raises(BundleUnreadable, match="is missing"):
        Bundle.load(tmp_path)
    for content, reason in (("[1]", "format None"), (json.dumps({"format": 99}), "format 99"), ("{", "not JSON")):
        (tmp_path / INDEX).write_text(content)
        with pytest.raises(BundleUnreadable, match=reason):
            Bundle.load(tmp_path)


def test_an_index_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    made().save(tmp_path / "b")
    index = json.loads((tmp_path / "b" / INDEX).read_text())
    index["files"]["tensors.safetensors"]["path"] = "../outside"
    (tmp_path / "outside").write_bytes(b"x")
    (tmp_path / "b" / INDEX).write_text(json.dumps(index))
    with pytest.raises(BundleUnreadable, match="is missing"):
        Bundle.load(tmp_path / "b")
