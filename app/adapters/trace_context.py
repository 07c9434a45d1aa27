"""Where a trace goes on: in the headers of a job, and in every line of log. Free while no traces are kept."""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind

SECTION = "otel"
"""Where PgQueuer looks for it too."""
_tracer = trace.get_tracer("norepeat")


def job_headers() -> dict[str, Any] | None:
    """What a job carries so that the worker continues this trace; None outside of one."""
    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        propagate.inject(carrier)
    return {SECTION: carrier} if carrier else None


@contextmanager
def continuing(name: str, carrier: Mapping[str, object] | None) -> Iterator[None]:
    """A span of the worker, in the trace of who woke it. Who wakes it while it runs is served by that same span."""
    token = context.attach(propagate.extract({k: str(v) for k, v in (carrier or {}).items()}))
    try:
        with _tracer.start_as_current_span(name, kind=SpanKind.CONSUMER):
            yield
    finally:
        context.detach(token)


def with_trace(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The ids by which a line of log is found from its trace, and the other way round."""
    here = trace.get_current_span().get_span_context()
    if here.is_valid:
        line["trace_id"] = trace.format_trace_id(here.trace_id)
        line["span_id"] = trace.format_span_id(here.span_id)
    return line
