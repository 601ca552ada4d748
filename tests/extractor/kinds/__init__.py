"""Kinds of values."""
