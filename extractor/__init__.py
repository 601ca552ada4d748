"""Bytes become readings. Pure: no database, no people. `read.py` is the main line."""
