"""Kinds of values: how each is parsed, normalised, compared and checked."""
