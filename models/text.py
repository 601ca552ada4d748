"""Text from outside: which characters nothing that people name or key contains, and names of files without them."""

from __future__ import annotations

import os
import re
from pathlib import Path

_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_SURROGATES = r"\ud800-\udfff"
_DIRECTION = (
    r"\u202a-\u202e\u2066-\u2069"  # they make "fdp.exe" look like "exe.pdf"; marks of Arabic text are none of them
)
_NO_CHARACTERS = r"\ufdd0-\ufdef\ufffe\uffff"
_KINDS = {
    "a control character": re.compile(f"[{_CONTROLS}]"),
    "half a surrogate pair": re.compile(f"[{_SURROGATES}]"),
    "a character that turns the direction of text": re.compile(f"[{_DIRECTION}]"),
    "a code point that is no character": re.compile(f"[{_NO_CHARACTERS}]"),
}
_ANY = re.compile(f"[{_CONTROLS}{_SURROGATES}{_DIRECTION}{_NO_CHARACTERS}]")
_NOT_IN_NAMES = re.compile(rf"[\t\n\r\u061c\u200e\u200f{_CONTROLS}{_SURROGATES}{_DIRECTION}{_NO_CHARACTERS}]")
# What `fault_of` accepts, as a pattern of JSON Schema; half surrogates cannot be written in one, nor sent as UTF-8.
WELL_FORMED = rf"^[^{_CONTROLS}{_DIRECTION}{_NO_CHARACTERS}]*$"
LONGEST_NAME = 255


def fault_of(text: str) -> str | None:
    """What no text of ours may contain and this one does, as half a sentence; None when it is well formed."""
    found = _ANY.search(text)
    if found is None:
        return None
    what = next(kind for kind, pattern in _KINDS.items() if pattern.match(found[0]))
    return f"{what} (U+{ord(found[0]):04X}) at place {found.start() + 1}"


def file_name(given: str) -> str:
    """The last part of a file's name as it may be shown and stored: nothing hidden in it, at most 255 characters."""
    last = re.split(r"[/\\]", given)[-1]
    return " ".join(_NOT_IN_NAMES.sub("", last).split())[:LONGEST_NAME]


def path_as_text(path: str | Path) -> str:
    """A path as it can be written as text; bytes of the file system that are not UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")
