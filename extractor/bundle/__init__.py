"""The built-in bundle: the model that reads out of the box. It keeps no values of the documents it learned from."""

from pathlib import Path

BUILT_IN = Path(__file__).parent
