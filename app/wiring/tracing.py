"""Traces, where a collector is configured: their libraries are loaded only then."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from app.settings import Settings


@contextmanager
def tracing(settings: Settings, process: str) -> Iterator[None]:
    """Keep traces of this process for as long as the block lasts; what is not sent yet is sent at its end."""
    if settings.otlp_endpoint is None:
        yield
        return
    stop = import_module("app.adapters.tracing").start_tracing(settings.otlp_endpoint, process)
    try:
        yield
    finally:
        stop()
