"""The running site of the page tests, for benches that key."""

from __future__ import annotations

from tests.web.conftest import context, site

__all__ = ["context", "site"]
