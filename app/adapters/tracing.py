"""Traces by OpenTelemetry, loaded only where a collector is configured; FastAPI spans its requests by itself.

SQLAlchemy and outbound HTTP are instrumented here, asyncpg is not: below SQLAlchemy it would only repeat every span.
"""

from collections.abc import Callable
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start_tracing(endpoint: str, process: str) -> Callable[[], None]:
    """Send spans of this process to the collector; call what is returned before the process ends."""
    resource = Resource.create(
        {"service.name": f"norepeat-{process}", "service.namespace": "norepeat", "service.version": version("norepeat")}
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    # Without `skip_dep_check` it does nothing, silently: it declares SQLAlchemy below 2.1.
    SQLAlchemyInstrumentor().instrument(skip_dep_check=True, tracer_provider=provider)
    HTTPX2ClientInstrumentor().instrument(tracer_provider=provider)
    return provider.shutdown
