"""The running site and the browser of the page tests, for benches that key."""

from __future__ import annotations

from tests.web.conftest import browser, context, site

__all__ = ["browser", "context", "site"]
