"""The built-in document types are complete; a folder adds to them; a bad file is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.doctypes import DocumentTypeUnreadable, load_document_types, select
from models.doctype import Kind

BUILT_IN = {
    "identity_document",
    "receipt",
    "ad_buy",
    "fara_short_form",
    "fara_amendment",
    "fara_dissemination_report",
    "nda",
    "invoice",
}


def test_the_built_in_types_are_there() -> None:
    assert set(load_document_types()) == BUILT_IN


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_field_tells_people_what_to_key(name: str) -> None:
    spec = load_document_types()[name]
    assert spec.description
    for field in spec.fields:
        assert field.label, field.name
        assert field.hint.endswith((".", '"')), field.name
        assert field.anchors or field.kind is Kind.TABLE, field.name


def test_a_folder_adds_types_and_replaces_built_in_ones(tmp_path: Path) -> None:
    text = 'name = "{}"\nlabel = "Mine"\n[[fields]]\nname = "a"\nkind = "line"\n'
    (tmp_path / "mine.toml").write_text(text.format("mine"))
    (tmp_path / "receipt.toml").write_text(text.format("receipt"))
    types = load_document_types(tmp_path)
    assert set(types) == BUILT_IN | {"mine"}
    assert types["receipt"].label == "Mine"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name = ", "bad.toml"),
        ('name = "bad"\nlabel = "Bad"\n[[fields]]\nname = "a"\nkind = "poem"\n', "kind"),
        ('name = "bad"\nlabel = "Bad"\n[[fields]]\nname = "a"\nkind = "line"\nvalidators = ["ibann"]\n', "ibann"),
        ('name = "bad"\nlabel = "Bad"\nfields = []\n[[checks]]\nkind = "order"\nfields = ["b"]\n', "unknown fields"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "bad.toml").write_text(content)
    with pytest.raises(DocumentTypeUnreadable, match=r"bad\.toml") as caught:
        load_document_types(tmp_path)
    assert reason in str(caught.value)


def test_select_names_what_is_missing() -> None:
    types = load_document_types()
    assert list(select(types, ["nda"])) == ["nda"]
    with pytest.raises(KeyError, match="no document type poem"):
        select(types, ["poem"])
