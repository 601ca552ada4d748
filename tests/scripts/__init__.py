"""Tests of the scripts that make what is committed."""
