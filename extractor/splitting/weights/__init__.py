"""The built-in splitter: the trees that `scripts/splitting` trains, apart from the bundle."""

from pathlib import Path

SPLITTER = Path(__file__).parent
