"""What the filled fields of a form (AcroForm) state: each under its own name and its tooltip, read in the child.

A field of the form is about the field of a document type that is called as it is: by name or label, or by what papers
of trade in many languages call it. Words that only tend to stand near a value (`anchors`) name nothing here.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from extractor import kinds
from extractor.fields.anchors.phrases import anchors_of, trade_names
from extractor.kinds.text import compact, squeeze
from extractor.page.locked import open_pdf
from models.doctype import DocumentType, FieldSpec, Kind
from models.values import Statement

FORM = "form"
MOST_PAGES, MOST_FIELDS, MOST_CHARACTERS = 100, 500, 2000  # read of a form, of a page, of a value
_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_COUNT = re.compile(r"[\s_.-]*\d+$")


def form_statements(pdf: bytes) -> list[Statement]:
    """One statement for each field that is filled in and shown. Raises `Encrypted`, `Unrenderable`."""
    import pypdfium2.raw as raw

    found: dict[tuple[str, str], Statement] = {}
    with open_pdf(pdf) as document:
        if document.get_formtype() == raw.FORMTYPE_NONE:
            return []
        document.init_forms()
        for number in range(min(len(document), MOST_PAGES)):
            for name, tooltip, value in _widgets(document, document[number]):
                called = tuple(dict.fromkeys(text for text in (_last_part(name), tooltip) if text))
                said = Statement(FORM, called[0], value, origin=f"form field {name}", page=number + 1, called=called)
                found.setdefault((name, value), said)
    return list(found.values()) if any(said.value != "false" for said in found.values()) else []  # left empty


def _widgets(document: Any, page: Any) -> Iterator[tuple[str, str, str]]:
    """Full name, tooltip and value of the fields of a page that are shown and filled in; true or false of a box."""
    import pypdfium2.raw as raw

    hidden = raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
    for index in range(min(raw.FPDFPage_GetAnnotCount(page.raw), MOST_FIELDS)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, index)
        try:
            if raw.FPDFAnnot_GetFlags(annotation) & hidden:
                continue
            form = document.formenv.raw
            kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
            name = _text(raw.FPDFAnnot_GetFormFieldName, form, annotation)
            tooltip = _text(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
            if kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
                value = _text(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
            elif kind == raw.FPDF_FORMFIELD_CHECKBOX:
                value = "true" if raw.FPDFAnnot_IsChecked(form, annotation) else "false"
            elif kind == raw.FPDF_FORMFIELD_RADIOBUTTON and raw.FPDFAnnot_IsChecked(form, annotation):
                value = _text(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation)
            else:
                continue
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
        if value and (_last_part(name) or tooltip):
            yield name, tooltip, value


def _text(of: Callable[..., int], form: Any, annotation: Any) -> str:
    """What PDFium writes as UTF-16 into a buffer, on one line; nothing where it is longer than a value is."""
    import pypdfium2.raw as raw

    length = of(form, annotation, None, 0)
    if not 2 < length <= 2 * MOST_CHARACTERS:
        return ""
    buffer = ctypes.create_string_buffer(length)
    of(form, annotation, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return squeeze(buffer.raw[: length - 2].decode("utf-16-le", "ignore"))


def _last_part(name: str) -> str:
    """`Page1[0].InvoiceNumber[0]` is called InvoiceNumber."""
    return _IN_BRACKETS.sub("", name.rpartition(".")[2]).strip()


# --- which field of a document type it is about -----------------------------------------------------------------------


def statements_by_field(statements: Iterable[Statement], doctype: DocumentType) -> dict[str, list[Statement]]:
    """What the form states of each field, in the project's form. Of a field that it states twice otherwise, nothing."""
    found: dict[str, list[Statement]] = {}
    for statement in statements:
        field = _field_of(statement, doctype)
        if field is None:
            continue
        meant = kinds.readings(field.kind, statement.value, kinds.locale_of(doctype, field))
        if meant:
            read = replace(statement, value=str(meant[0]), also=tuple(map(str, meant[1:])))
            found.setdefault(field.name, []).append(read)
    return {name: said for name, said in found.items() if doctype.field(name).repeated or _is_one(said, doctype, name)}


def _is_one(said: Sequence[Statement], doctype: DocumentType, name: str) -> bool:
    return len({kinds.key(doctype.field(name).kind, statement.value) for statement in said}) == 1


def _field_of(statement: Statement, doctype: DocumentType) -> FieldSpec | None:
    """The one field that is called as the form's field is; None where none is, or several are."""
    of_trade = anchors_of(doctype).fields
    for said in statement.called:
        keys = {compact(text) for text in (said, _IN_BRACKETS.sub("", said), _COUNT.sub("", said)) if text}
        trade = {trade_names().get(key) for key in keys} if doctype.mixed_locales else set()
        alike = [
            field
            for field in doctype.fields
            if field.kind is not Kind.TABLE
            and (keys & {compact(field.name), compact(field.label)} or of_trade.get(field.name) in trade)
        ]
        if len(alike) == 1:
            return alike[0]
    return None
