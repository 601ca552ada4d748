"""The built-in pen detector: the weights of a small network that `scripts/pen` trains, apart from the bundle."""

from pathlib import Path

PEN = Path(__file__).parent
