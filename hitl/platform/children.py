"""What work in child processes shares in one worker: how many of them are at it, and the engine that reads."""

from __future__ import annotations

import threading
from functools import lru_cache

from extractor.ocr import DEFAULT_ENGINE
from hitl.settings import settings


@lru_cache(maxsize=1)
def cpu() -> threading.BoundedSemaphore:
    """Entered for work in a child process, so that a worker has no more of them than it may."""
    return threading.BoundedSemaphore(settings().worker_children)


def engine() -> str:
    """The engine that reads images; `auto` is the default of the extractor."""
    chosen = settings().ocr_engine
    return DEFAULT_ENGINE if chosen == "auto" else chosen
