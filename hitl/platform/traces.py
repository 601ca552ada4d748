"""Traces by OpenTelemetry: spans around requests, jobs and verbs of the main line, one trace from upload to webhook.

Without the extra `otel`, or without OTEL_EXPORTER_OTLP_ENDPOINT, a span is nothing. A span carries ids and no values.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hitl.platform import logs

log = logging.getLogger(__name__)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
P = ParamSpec("P")
R = TypeVar("R")
_tracer = trace.get_tracer("countersign")
_propagator = TraceContextTextMapPropagator()


def start(role: str) -> None:
    """Send the spans of this process where the environment says. Its other variables are OpenTelemetry's own."""
    if not os.environ.get(ENDPOINT):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces: %s is set, but the extra is missing: pip install 'countersign[otel]'", ENDPOINT)
        return
    named = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", f"countersign-{role}")})
    provider = TracerProvider(resource=named)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def flush(seconds: float = 2.0) -> None:
    """Send what is still here: for a process that does not end in the usual way."""
    force = getattr(trace.get_tracer_provider(), "force_flush", None)
    if force is not None:
        force(int(1000 * seconds))


@contextmanager
def span(name: str, origin: Mapping[str, str] | None = None) -> Iterator[Span]:
    """A span with the ids of `logs.ids`. `origin`: what `carried` said where this was begun."""
    context = _propagator.extract(origin) if origin else None
    attributes = {f"countersign.{key}": value for key, value in logs.ids().items()}
    with _tracer.start_as_current_span(
        name, context, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, logs.class_of(error)))
            raise


def spanned(verb: Callable[P, R]) -> Callable[P, R]:
    """Decorate a verb: each call of it is a span of its name."""

    @wraps(verb)
    def watched(*args: P.args, **kwargs: P.kwargs) -> R:
        with span(verb.__name__):
            return verb(*args, **kwargs)

    return watched


def carried() -> dict[str, str]:
    """The place in the trace, for a job that goes on from here. Empty outside of a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier
