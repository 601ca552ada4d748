"""Who is looking: when their day began."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api.web.visitor import Visitor, zone_of


@pytest.mark.parametrize(
    ("cookie", "midnight"),
    [
        ("Asia%2FTokyo", "2026-03-02T15:00:00+00:00"),
        ("America/New_York", "2026-03-02T05:00:00+00:00"),
        ("", "2026-03-02T00:00:00+00:00"),
        ("../../etc/passwd", "2026-03-02T00:00:00+00:00"),
        ("Europe", "2026-03-02T00:00:00+00:00"),
        ("\0", "2026-03-02T00:00:00+00:00"),
    ],
)
def test_a_day_begins_at_the_midnight_of_the_person(cookie: str, midnight: str):
    nobody: Any = None
    who = Visitor(nobody, nobody, datetime(2026, 3, 2, 20, 30, tzinfo=UTC), zone_of(cookie))
    assert who.midnight.astimezone(UTC).isoformat() == midnight
