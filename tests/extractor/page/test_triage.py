"""Bytes are judged by what they are, and each way to refuse says so."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen import canvas

from extractor.page import triage as t
from tests.extractor.pages import heic


def ole(stream: str) -> bytes:
    """What tells an old office file: the signature, and the name of a stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(64)


def picture(form: str, size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, form)
    return out.getvalue()


def pdf(pages: int = 1) -> bytes:
    out = io.BytesIO()
    paper = canvas.Canvas(out)
    for n in range(pages):
        paper.drawString(72, 700, f"Page {n + 1}")
        paper.showPage()
    paper.save()
    return out.getvalue()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, pdf())
    return out.getvalue()


FORMS = {
    "TIFF": t.TIFF, "JPEG": t.JPEG, "PNG": t.PNG, "WEBP": t.WEBP, "BMP": t.BMP, "GIF": t.GIF,
    "JPEG2000": t.JPEG_2000,
}  # fmt: skip
FILES = {"PDF": pdf(), "HEIC": heic("two"), **{form: picture(form) for form in FORMS}}
KINDS = {"PDF": t.PDF, "HEIC": t.HEIC, **FORMS}


@pytest.mark.parametrize("form", FILES)
def test_each_format_is_known_by_its_bytes(form: str) -> None:
    assert t.triage(FILES[form], t.Limits()) == KINDS[form]


@pytest.mark.parametrize("form", ["PDF", "JPEG", "PNG", "TIFF", "WEBP", "HEIC", "JPEG2000"])
def test_a_file_cut_short_is_refused(form: str) -> None:
    cut = 6 if form == "TIFF" else len(FILES[form]) // 2
    with pytest.raises(t.Truncated):
        t.triage(FILES[form][:cut] + (b"\xff\xff" if form == "TIFF" else b""), t.Limits())


def test_a_pdf_whose_last_update_is_cut_is_refused() -> None:
    with pytest.raises(t.Truncated):
        t.triage(pdf() + b"\n7 0 obj\n<< /Length 9 >>\nstream", t.Limits())


def test_a_pdf_with_a_word_after_its_end_is_accepted() -> None:
    assert t.triage(pdf() + b"\nsent by fax", t.Limits()) == t.PDF


def test_a_jpeg_whose_thumbnail_is_whole_but_whose_picture_is_not_is_refused() -> None:
    thumbnail = FILES["JPEG"]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = b"\xff\xd8" + segment + FILES["JPEG"][2:]
    assert t.triage(whole, t.Limits()) == t.JPEG
    with pytest.raises(t.Truncated):
        t.triage(whole[:-200], t.Limits())


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", t.EmptyFile),
        (b"hello", t.NotADocument),
        (b"<html>%PDFish</html>", t.NotADocument),
        (archive("invoice.pdf"), t.Archive),  # unpacked in it, so that "%PDF-" stands near the beginning
        (archive("word/document.xml"), t.OfficeFile),
        (archive("xl/workbook.xml"), t.OfficeFile),
        (archive("ppt/presentation.xml"), t.OfficeFile),
        (b"Rar!\x1a\x07\x01\0", t.Archive),
        (b"7z\xbc\xaf\x27\x1c\0\4", t.Archive),
        (gzip.compress(b"%PDF-1.7", mtime=0), t.Archive),
        (b"a" * 257 + b"ustar", t.Archive),
        (b"{\\rtf1 Invoice}", t.OfficeFile),
        (ole("WordDocument"), t.OfficeFile),
        (ole("Workbook"), t.OfficeFile),
        (ole("EncryptedPackage"), t.Encrypted),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, refusal: type[t.Refusal]) -> None:
    with pytest.raises(refusal):
        t.triage(data, t.Limits())


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(t.TooLarge):
        t.triage(FILES["PNG"], t.Limits(max_bytes=100))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_too_many_pixels_are_refused_before_decoding(form: str) -> None:
    with pytest.raises(t.TooManyPixels):
        t.triage(FILES[form], t.Limits(max_pixels=1000))


def test_every_refusal_has_a_code_a_sentence_and_a_next_step() -> None:
    def below(kind: type[t.Refusal]) -> set[type[t.Refusal]]:
        return {kind}.union(*(below(k) for k in kind.__subclasses__()))

    assert set(t.REFUSALS.values()) == below(t.Refusal) - {t.Refusal}
    for code, kind in t.REFUSALS.items():
        assert kind.code == code
        assert code == code.lower()
        assert kind.next_step.endswith(".")
        assert kind.__name__ in (t.__doc__ or "")
