"""Bytes become pages, words and readings: what arrives, its group and fold, and what is kept of it."""
