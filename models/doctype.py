"""What a document type is: its labels, its fields and how people key them. One TOML file, or one API call."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Kind(StrEnum):
    """The kinds a value can have. Each is one module in `extractor/kinds/`."""

    DATE = "date"
    MONEY = "money"
    IDENTIFIER = "identifier"
    NAME = "name"  # a person or an organisation
    ADDRESS = "address"
    LINE = "line"  # free text on a line
    CHOICE = "choice"
    CHECKBOX = "checkbox"
    TABLE = "table"  # rows of line items; `columns` names them


class KeyingMode(StrEnum):
    """`blind`: people type what they see. `verify`: they are shown the machine's value."""

    BLIND = "blind"
    VERIFY = "verify"


class ColumnSpec(BaseModel):
    """One column of a table field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Kind
    label: str = ""
    titles: tuple[str, ...] = ()  # words that head the column, besides those that papers of trade are known to use


class FieldSpec(BaseModel):
    """One field of a document type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Kind
    label: str = ""
    required: bool = True
    repeated: bool = False
    choices: tuple[str, ...] = ()
    columns: tuple[ColumnSpec, ...] = ()
    anchors: tuple[str, ...] = ()  # words that tend to stand beside the value
    validators: tuple[str, ...] = ()  # names in extractor/checks.py, e.g. "not_in_future", "iban"
    error_target: float | None = Field(default=None, gt=0, lt=1)  # overrides the type's
    mode: KeyingMode = KeyingMode.BLIND
    hint: str = ""  # one sentence for the validator

    @model_validator(mode="after")
    def _complete(self) -> FieldSpec:
        if self.kind is Kind.CHOICE and not self.choices:
            raise ValueError(f"field {self.name}: kind 'choice' needs a list `choices`")
        if self.kind is Kind.TABLE and not self.columns:
            raise ValueError(f"field {self.name}: kind 'table' needs `columns`")
        return self


class Check(BaseModel):
    """A rule over several fields, e.g. ``kind = "order"``, ``fields = ["flight_from", "flight_to"]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str  # a name in extractor/checks.py
    fields: tuple[Name, ...]


class DocumentType(BaseModel):
    """A document type: how it is recognised, what is read from it, and how sure we must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    label: str
    description: str = ""
    date_order: str = Field(default="DMY", pattern="^(DMY|MDY|YMD)$")
    decimal_mark: str = Field(default=".", pattern="^[.,]$")
    currency: str = ""
    mixed_locales: bool = False  # from several countries: each document shows how it writes numbers and dates
    second_reader: bool = Field(
        default=False,
        description="Tesseract reads the place of every value that was read from an image once more, and whether it "
        "agrees counts in the confidence. Off by default, because the gain is not established: on 200 receipts out of "
        "fold 97 % of the values were right where it agreed and 90 % where it did not, yet beside the other evidence "
        "AUROC rose by .006 [-.003, .015] and the share accepted at 2 % error by .8 points [-2.1, 4.8], for .1 CPU "
        "seconds a document. A type takes it up when it is learned the next time.",
    )
    error_target: float = Field(default=0.02, gt=0, lt=1)
    # stored versions may have none; a new one is refused without (`workspaces.save_type`)
    fields: tuple[FieldSpec, ...] = Field(json_schema_extra={"minItems": 1})
    checks: tuple[Check, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> DocumentType:
        names = [f.name for f in self.fields]
        if len(names) != len(set(names)):
            raise ValueError(f"document type {self.name}: field names must be unique")
        unknown = {n for c in self.checks for n in c.fields} - set(names)
        if unknown:
            raise ValueError(f"document type {self.name}: checks name unknown fields {sorted(unknown)}")
        return self

    @property
    def tables(self) -> dict[str, tuple[str, ...]]:
        """The tables of the type with the names of their columns."""
        tables = [spec for spec in self.fields if spec.kind is Kind.TABLE]
        return {spec.name: tuple(column.name for column in spec.columns) for spec in tables}

    def field(self, name: str) -> FieldSpec:
        """The field called `name`; KeyError if the type has none."""
        for spec in self.fields:
            if spec.name == name:
                return spec
        raise KeyError(f"{self.name} has no field {name}")


def load_document_type(path: Path) -> DocumentType:
    """Read one TOML file. Raises `pydantic.ValidationError` or `tomllib.TOMLDecodeError`."""
    return DocumentType.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
