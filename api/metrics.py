"""Numbers for Prometheus: requests of this process, and what waits in the database at the moment of the scrape."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl.platform.gauges import gauges

MEDIA_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry()
REQUESTS = Counter("countersign_requests_total", "Requests", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram("countersign_request_seconds", "Seconds per request", ["method", "route"], registry=REGISTRY)


class Queues(Collector):
    """Reads the gauges from the database when it is scraped."""

    def collect(self) -> Iterable[Metric]:
        for gauge in gauges():
            family = GaugeMetricFamily(f"countersign_{gauge.name}", gauge.meaning, labels=[gauge.label])
            for key, number in gauge.numbers:
                family.add_metric([key], number)
            yield family


def render() -> bytes:
    """The counters of all web processes of this machine, and the gauges, in the text format."""
    scrape = CollectorRegistry()
    scrape.register(Queues())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # serve --processes
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together) + generate_latest(scrape)
    return generate_latest(REGISTRY) + generate_latest(scrape)


class CountRequests:
    """Count every request under its route's pattern, so that identifiers do not become labels."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, begun = 500, time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(scope["method"], route).observe(time.perf_counter() - begun)
