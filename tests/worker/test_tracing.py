"""Traces, sent to a collector that speaks OTLP over HTTP: from a request through the queue into the worker."""

import asyncio
import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncpg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.adapters import queue
from app.adapters.db.engine import open_engine

ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, json, sys
import httpx2
from app.adapters.log import configure_logging
from app.main import create_app
from app.settings import Settings
from app.wiring import open_ports
from app.wiring.tracing import tracing
from app.worker import work
from app.domain.organisation.use_cases import bootstrap_admin
from tests import make

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KEY = "nr_tests_0123456789abcdefghijABCDEFGHIJ0123456789"

async def main(settings):
    async with open_ports(settings) as opened:
        ports = opened.ports
        await bootstrap_admin(ports.uow, ports.clock, given_key=KEY)
        async with ports.uow() as u:
            await u.services.add(make.service())
            await u.commit()
        app = create_app(settings)
        app.state.ports = ports
        stop = asyncio.Event()
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x.test",
                                      headers={"Authorization": f"Bearer {KEY}"}) as http:
            made = await http.post("/v1/incidents", headers={"traceparent": PARENT},
                json={"title": "Down", "severity": "P1", "services": ["checkout"],
                      "started_at": "2026-01-01T00:00:00Z"})
            print(made.status_code, made.text[:300], flush=True)
        worker = asyncio.create_task(work(ports, opened.engine, opened.dsn, stop=stop))
        async with asyncio.timeout(30):
            async with opened.engine.connect() as connection:
                while (await connection.exec_driver_sql("select 1 from events where handled_at is null")).first():
                    await asyncio.sleep(0.1)
        stop.set()
        await worker

settings = Settings(_env_file=None)
configure_logging("info")
with tracing(settings, "worker"):
    asyncio.run(main(settings))
"""


class Collector(ThreadingHTTPServer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def spans(self) -> list[tuple[str, str, str, str]]:
        """(service, name, trace id, parent's id) of each."""
        return [
            (
                next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name"),
                span.name, span.trace_id.hex(), span.parent_span_id.hex(),
            )
            for request in self.requests for resource in request.resource_spans
            for scope in resource.scope_spans for span in scope.spans
        ]  # fmt: skip


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        if self.path == "/v1/traces":
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run_program(dsn: str, endpoint: str | None) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": dsn,
        "HOME": os.environ.get("HOME", "/"),
    }
    if endpoint:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, cwd="/", timeout=60
    )


async def test_a_trace_goes_from_the_request_through_the_queue_into_the_worker(
    dsn: str, ports: object, collector: Collector
) -> None:
    done = await asyncio.to_thread(run_program, dsn, f"http://127.0.0.1:{collector.server_port}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("201"), done.stdout
    ours = {name for _, name, trace, _ in collector.spans if trace == "0af7651916cd43dd8448eb211c80319c"}
    assert "POST /v1/incidents" in ours
    assert "job events" in ours
    assert any(name.lower().startswith(("insert", "select")) for name in ours), ours
    assert {service for service, *_ in collector.spans} == {"norepeat-worker"}


async def test_without_a_collector_no_library_of_tracing_is_loaded(dsn: str) -> None:
    code = (
        "import sys, app.main, app.worker; from app.settings import Settings; from app.wiring.tracing import tracing\n"
    )
    code += "with tracing(Settings(_env_file=None), 'api'): pass\n"
    code += "print(*[m for m in sys.modules if m.startswith(('opentelemetry.sdk.trace', 'opentelemetry.exporter'))])"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.split() == []


async def test_a_job_outside_of_a_trace_carries_nothing(dsn: str, ports: object) -> None:
    engine = open_engine(dsn, pool_size=1, command_timeout=10)
    async with engine.begin() as connection:
        await queue.wake(connection, "events")
    await engine.dispose()
    connection = await asyncpg.connect(dsn)
    carried = await connection.fetchval("select headers from pgqueuer")
    await connection.close()
    assert carried in (None, "null")
