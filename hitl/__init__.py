"""Decides who looks at what, and what becomes of the answer. No HTTP. `pipeline.py` is the main line."""
