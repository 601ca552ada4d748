"""Odd characters are named; names of files lose what is hidden in them; paths of any bytes become text."""

from __future__ import annotations

import os

import pytest

from models.text import fault_of, file_name, path_as_text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a\0b", "a control character (U+0000) at place 2"),
        ("\x1b[31m", "a control character (U+001B) at place 1"),
        ("a\x85", "a control character (U+0085) at place 2"),
        ("\ud800", "half a surrogate pair (U+D800) at place 1"),
        ("invoice\u202efdp.exe", "a character that turns the direction of text (U+202E) at place 8"),
        ("\u2066a\u2069", "a character that turns the direction of text (U+2066) at place 1"),
        ("\uffff", "a code point that is no character (U+FFFF) at place 1"),
    ],
)
def test_what_no_text_contains_is_named_with_its_place(text: str, fault: str):
    assert fault_of(text) == fault


@pytest.mark.parametrize(
    "text", ["", "Zoë\tGmbH\r\n", "שלום\u200f 12", "می\u200cخواهم", "👨\u200d👩\u200d👧", "\ufffd"]
)
def test_what_people_write_is_well_formed(text: str):
    assert fault_of(text) is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\scans\\a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\0b\r\nc\td.pdf", "abcd.pdf"),
        ("\u200fa\ud800.pdf", "a.pdf"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_keeps_what_can_be_seen(given: str, kept: str):
    assert file_name(given) == kept


def test_a_path_of_any_bytes_becomes_text():
    assert path_as_text(os.fsdecode(b"caf\xe9.pdf")) == "caf\ufffd.pdf"
    assert path_as_text("café.pdf") == "café.pdf"
