"""Fixtures that every kind of test shares: one PostgreSQL for the whole run, emptied after each test that used it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from app.adapters.db.migrate import migrate
from app.adapters.identity import SqlCredentials
from app.adapters.postgres.server import EmbeddedPostgres
from app.domain.organisation.use_cases import bootstrap_admin
from app.domain.ports import Ports
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened, open_ports

ADMIN_KEY = "nr_tests_0123456789abcdefghijABCDEFGHIJ0123456789"
_KEPT = ("alembic_version", "factors", "root_causes")
CONTRACTS = Path(__file__).parents[2] / "shared" / "contracts"


@pytest.fixture(scope="session")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of our own, without fsync: it is thrown away."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False)
    try:
        address = server.start()
        asyncio.run(migrate(address))
        yield address
    finally:
        server.stop()


@pytest.fixture(scope="session")
def settings(dsn: str) -> Settings:
    return Settings(
        _env_file=None, database_url=dsn, github_webhook_secrets=["whsec-one", "whsec-two"],
        rate_limit_address=0, rate_limit_credential=0, rate_limit_webhooks=0, rate_limit_failures=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    async with open_ports(settings) as resources:
        yield resources


@pytest.fixture
async def ports(opened: Opened, dsn: str) -> AsyncIterator[Ports]:
    """The real ports on an empty database."""
    yield opened.ports
    credentials = opened.ports.credentials
    assert isinstance(credentials, SqlCredentials)
    await credentials.close()
    await empty(dsn)


async def empty(dsn: str) -> None:
    """Delete every row in one batch; append-only triggers and foreign keys stand aside for it."""
    connection = await asyncpg.connect(dsn)
    names = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    tables = [name for (name,) in names if name not in _KEPT]
    deletes = "".join(f'delete from "{name}";' for name in tables)
    await connection.execute(
        f"set session_replication_role = replica; {deletes} delete from root_causes where slug <> 'undetermined'"
    )
    await connection.close()


@pytest.fixture(scope="session")
def application(settings: Settings) -> FastAPI:
    """Made once: its routes take longer to build than a test to run."""
    return create_app(settings)


@pytest.fixture
async def client(application: FastAPI, ports: Ports) -> AsyncIterator[httpx2.AsyncClient]:
    """The whole application in this process, called by an admin."""
    await bootstrap_admin(ports.uow, ports.clock, given_key=ADMIN_KEY)
    application.state.ports = ports
    transport = httpx2.ASGITransport(app=application, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://norepeat.test", headers={"Authorization": f"Bearer {ADMIN_KEY}"}
    ) as http:
        yield http
