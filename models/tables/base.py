"""Column helpers that every table shares: identifiers, times, states with a named check, JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def reference(foreign: str, *, nullable: bool = False, index: bool = True, cascade: bool = True) -> Any:
    """A reference to another table's id."""
    ondelete = "CASCADE" if cascade else ("SET NULL" if nullable else "RESTRICT")
    default: Any = None if nullable else ...
    return Field(default=default, foreign_key=foreign, nullable=nullable, index=index, ondelete=ondelete)  # type: ignore[call-overload]


def moment(*, nullable: bool = False, index: bool = False) -> Any:
    """A time with its zone. Nobody here calls the clock: the caller hands `now` in."""
    default: Any = None if nullable else ...
    zoned: Any = DateTime(timezone=True)
    return Field(default=default, sa_type=zoned, nullable=nullable, index=index)


def json_column(default: Any = dict, *, nullable: bool = False) -> Any:
    """A JSONB column."""
    if nullable:
        return Field(default=None, sa_type=JSONB, nullable=True)
    return Field(default_factory=default, sa_type=JSONB, nullable=False)


def one_of(column: str, allowed: Iterable[StrEnum], table: str) -> CheckConstraint:
    """A named CHECK: states are short strings, because a native enum would need a type migration for each new state."""
    names = ", ".join(f"'{value.value}'" for value in allowed)
    return CheckConstraint(f"{column} IN ({names})", name=f"{table}_{column}_known")


Moment = datetime
