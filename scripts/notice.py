"""Writes NOTICE from the licences of what is installed, and refuses licences outside the allow list. `make notice`."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Permissive, or weak copyleft that stays within its own files (MPL, LGPL as a separate library).
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC",
        "LGPL-3.0-only", "LGPL-3.0-or-later", "LLVM-exception", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "OFL-1.1",
        "PSF-2.0", "PostgreSQL", "Unlicense", "Zlib",
    }
)  # fmt: skip

# What the metadata of these packages does not say in a form that a program can read; each was looked up in its files.
LOOKED_UP: dict[str, str] = {
    "axe-playwright-python": "MIT AND MPL-2.0",  # its LICENSE, and the head of axe.min.js in it
    "font-intuitive": "OFL-1.1",  # the metadata writes "SIL OFL 1.1"
    "font-source-sans-pro": "OFL-1.1",
    "promql-parser": "MIT",  # its LICENSE
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",  # and the permissive licences of what PDFium is built of, in its files
}

CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "BSD License": "BSD",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
}

HEADER = """Countersign
Copyright the Countersign authors

Licensed under the Apache License, Version 2.0. It runs with the packages below, each under its own licence; their texts
come with the packages. Made by `make notice`.

"""


@dataclass(frozen=True)
class Entry:
    """One package and its licence as an expression; empty when nobody says."""

    name: str
    version: str
    licence: str
    homepage: str

    @property
    def is_allowed(self) -> bool:
        """One allowed alternative is enough for OR; every part is wanted for AND."""
        alternatives = re.split(r"\s+OR\s+", self.licence.replace("(", " ").replace(")", " "))
        return any(ALLOWED.issuperset(re.split(r"\s+AND\s+|\s+WITH\s+", one.strip())) for one in alternatives)


def locked(*files: str) -> list[str]:
    """The names in the lock files, and torch, which is installed apart."""
    names = {"torch"}
    for file in files:
        names |= set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / file).read_text(), re.MULTILINE))
    return sorted(names)


def entry(name: str) -> Entry:
    """Raises PackageNotFoundError when the package is not installed."""
    found = distribution(name)
    return Entry(found.metadata["Name"], found.version, LOOKED_UP.get(name) or licence_of(found), homepage_of(found))


def licence_of(found: Distribution) -> str:
    """The licence expression, else the classifiers, else a short licence field."""
    meta = found.metadata
    if meta.get("License-Expression"):
        return str(meta["License-Expression"])
    classifiers = [c.rpartition(" :: ")[2] for c in meta.get_all("Classifier") or [] if c.startswith("License ::")]
    known = [CLASSIFIERS[c] for c in classifiers if c in CLASSIFIERS]
    if known:
        return " AND ".join(dict.fromkeys(known))
    stated = str(meta.get("License") or "").strip()
    return _tidy(stated) if "\n" not in stated and len(stated) < 60 else ""


USUAL = {
    "3-clause bsd": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache software": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
}


def _tidy(stated: str) -> str:
    """Usual ways of writing the usual licences."""
    plain = re.sub(r"\b(the|license|licence|version|v)\b", "", stated, flags=re.IGNORECASE)
    return USUAL.get(re.sub(r"[\s,]+", " ", plain).strip().lower(), stated)


def homepage_of(found: Distribution) -> str:
    given = [line.split(", ", 1) for line in found.metadata.get_all("Project-URL") or [] if ", " in line]
    urls = {name.lower(): url for name, url in given}
    for name in ("homepage", "home", "source", "repository", "source code", "github"):
        if name in urls:
            return urls[name]
    return str(found.metadata.get("Home-page") or next(iter(urls.values()), ""))


def refused(entries: list[Entry]) -> list[Entry]:
    return [one for one in entries if not one.is_allowed]


def main() -> int:
    try:
        to_run = [entry(name) for name in locked("requirements.lock")]
        to_test = [entry(name) for name in locked("requirements-dev.lock")]
    except PackageNotFoundError as error:
        sys.stderr.write(f"{error} is locked but not installed.\n-> make install-dev\n")
        return 2
    for one in refused(to_test):
        sys.stderr.write(f"{one.name} {one.version}: licence {one.licence or 'unknown'!r} is not on the allow list.\n")
    if refused(to_test):
        sys.stderr.write("-> Choose another package, or look the licence up and add it in scripts/notice.py.\n")
        return 1
    lines = [f"{one.name} {one.version}: {one.licence}. {one.homepage}".rstrip() for one in to_run]
    (ROOT / "NOTICE").write_text(HEADER + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
