"""What a kind of value consists of: what a text may mean, how values are keyed for comparison, and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.doctype import Kind


class Canonical(str):
    """A value in the project's own form: parsed already, never to be parsed again as if somebody had typed it."""

    __slots__ = ()


class AmbiguousValue(ValueError):
    """What was typed may mean several values, and nothing decides. `readings` are those values."""

    def __init__(self, text: str, readings: Sequence[str]) -> None:
        self.readings = tuple(readings)
        super().__init__(f"{text!r} may mean {' or '.join(readings)}.")

    @property
    def next_step(self) -> str:
        return (
            "Say which: send it again with one of the readings as `meant`, or write it so that it is plain (1234.00)."
        )


@dataclass(frozen=True)
class Locale:
    """How a document writes dates and numbers. What nothing has decided is the usual, and others are possible."""

    date_order: str = "DMY"
    decimal_mark: str = "."
    currency: str = ""
    choices: tuple[str, ...] = ()
    columns: tuple[Kind, ...] = ()  # of a table
    knows_order: bool = True  # whether the order of day and month is known of this document
    knows_mark: bool = True
    languages: frozenset[str] = frozenset()  # of the document, where they are known
    is_precise: bool = False  # quantities and unit prices: as many decimals as there are, none added


@dataclass(frozen=True)
class KindRules:
    """Pure functions. Two values are the same exactly if their keys are equal."""

    normalise: Callable[[str, Locale], str | None]  # None: cannot be parsed
    key: Callable[[str], str]
    valid: Callable[[str], bool]  # of a normalised value
    readings: Callable[[str, Locale], tuple[str, ...]] | None = None  # all it may mean, the likeliest first
