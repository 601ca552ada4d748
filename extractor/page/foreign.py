"""Files that hold no page to draw: archives, office files, pages of the web. What they are, by their bytes."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 65_536  # names of what a ZIP or an OLE file holds are looked for at its beginning and at its end
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Foreign:
    """What a file is that cannot be taken in: the code of the refusal that is due, and a sentence."""

    refusal: str
    sentence: str


ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b\x08", "packed with gzip"),
    (b"BZh", "packed with bzip2"),
    (b"\xfd7zXZ\0", "packed with xz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
)
IN_A_ZIP: tuple[tuple[bytes, str], ...] = (
    (b"word/", "a Word document"),
    (b"xl/", "an Excel workbook"),
    (b"ppt/", "a PowerPoint presentation"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file"),
    (b"application/epub+zip", "an e-book"),
    (b"Index/Document.iwa", "a file of Apple's office programs"),
)
IN_AN_OLE: tuple[tuple[str, str], ...] = (
    ("WordDocument", "a Word document"),
    ("Workbook", "an Excel workbook"),
    ("Book", "an Excel workbook"),
    ("PowerPoint Document", "a PowerPoint presentation"),
)


def what_it_is(data: bytes) -> Foreign | None:
    """What `data` is, if it is one of these."""
    if data.startswith(OLE):
        return _ole(data)
    if data[257:262] == b"ustar":
        return Foreign("archive", "The file is a tar archive.")
    for signature, name in ARCHIVES:
        if data.startswith(signature):
            return _zip(data) if signature.startswith(b"PK") else Foreign("archive", f"The file is {name}.")
    if data.startswith(b"{\\rtf"):
        return Foreign("office_file", "The file is a text in RTF.")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Foreign("not_a_document", "The file is a page of the web.")
    return None


def _zip(data: bytes) -> Foreign:
    ends = data[:WINDOW] + data[-WINDOW:]
    for name, what in IN_A_ZIP:
        if name in ends:
            return Foreign("office_file", f"The file is {what}.")
    return Foreign("archive", "The file is a ZIP archive.")


def _ole(data: bytes) -> Foreign:
    """The container of Microsoft's older formats; names of its streams stand in it in UTF-16."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Foreign("encrypted", "The file is an office file that is protected by a password.")
    for name, what in IN_AN_OLE:
        if name.encode("utf-16-le") in data:
            return Foreign("office_file", f"The file is {what}.")
    return Foreign("office_file", "The file is one of an office program.")
