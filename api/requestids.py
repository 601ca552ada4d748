"""Every request has an id: its own X-Request-ID or a new one, told in the answer, the log, the trace and its jobs."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl.platform import logs, traces

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
USABLE = re.compile(r"[A-Za-z0-9._:-]{8,64}")
QUIET = frozenset({"GET", "HEAD", "OPTIONS"})  # their lines are of level DEBUG
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestIds:
    """Outermost but for what counts: all that happens in a request is about its id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(HEADER, "")
        request_id = given if USABLE.fullmatch(given) else uuid.uuid4().hex
        begun, status = time.perf_counter(), 500

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        origin = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        with logs.about(request_id=request_id), traces.span(scope["method"], origin) as span:
            try:
                await self.app(scope, receive, named)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")  # the address itself may carry values
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                level = logging.DEBUG if scope["method"] in QUIET and status < 500 else logging.INFO
                took = 1000 * (time.perf_counter() - begun)
                log.log(level, "%s %s: %s in %.0f ms", scope["method"], route, status, took)
