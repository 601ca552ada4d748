"""What a kind of value consists of: how it is normalised, keyed for comparison, and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Locale:
    """How a document type writes dates and numbers."""

    date_order: str = "DMY"
    decimal_mark: str = "."
    currency: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class KindRules:
    """Three pure functions. Two values are the same exactly if their keys are equal."""

    normalise: Callable[[str, Locale], str | None]  # None: cannot be parsed
    key: Callable[[str], str]
    valid: Callable[[str], bool]  # of a normalised value
