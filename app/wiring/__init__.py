"""The one place that builds engine, pools, HTTP client and adapters, and puts them into `Ports`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.clock import DatabaseClock
from app.adapters.db.engine import open_engine, open_pool
from app.adapters.db.facts import SqlFacts
from app.adapters.db.health import SqlHealth, head
from app.adapters.db.inbox import SqlInbox
from app.adapters.db.reads.prepared import SqlReads
from app.adapters.db.uow import open_unit_of_work
from app.adapters.identity import SqlCredentials
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.adapters.postgres import running_dsn
from app.domain.learning.measures import MetricsPolicy
from app.domain.learning.risk import RiskPolicy
from app.domain.policy import DeliveryPolicy, Policy
from app.domain.ports import Clock, Ports
from app.settings import Settings
from app.wiring.monitoring import prometheus as open_prometheus
from app.wiring.monitoring import signals
from app.wiring.trackers import trackers, webhooks


class NoDatabase(Exception):
    """No database is running here: start one with `make run` in another terminal, or set DATABASE_URL."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def database_url(settings: Settings) -> str:
    """The DSN as asyncpg takes it: the setting, else the server that `make run` runs on our data directory."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value().replace("postgresql+asyncpg://", "postgresql://", 1)
    dsn = running_dsn(settings.data_dir / "postgres")
    if dsn is None:
        raise NoDatabase
    return dsn


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports, and what only the processes themselves need."""

    ports: Ports
    engine: AsyncEngine
    dsn: str


@asynccontextmanager
async def open_ports(
    settings: Settings,
    *,
    clock: Clock | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[Opened]:
    """Everything opened, and closed again in reverse. `transport` stands in for the network in tests."""
    dsn = database_url(settings)
    timeout = settings.command_timeout
    async with AsyncExitStack() as stack:
        engine = open_engine(dsn, pool_size=settings.pool_size, command_timeout=timeout)
        stack.push_async_callback(engine.dispose)
        pool = await open_pool(dsn, size=settings.read_pool_size, command_timeout=timeout)
        stack.push_async_callback(pool.close)
        now = clock or await _shared_clock(pool, stack)
        credentials = SqlCredentials(pool, clock=now)
        stack.push_async_callback(credentials.close)
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, timeout=15, trust_env=False))
        prometheus = open_prometheus(settings, client)
        yield Opened(
            Ports(
                uow=open_unit_of_work(engine),
                reads=SqlReads(pool),
                facts=SqlFacts(pool),
                credentials=credentials,
                health=SqlHealth(pool, head()),
                inbox=SqlInbox(pool),
                clock=now,
                policy=policy(settings),
                risk_policy=RiskPolicy(),
                metrics_policy=MetricsPolicy(),
                trackers=trackers(settings, engine, client),
                webhooks=webhooks(settings),
                signals=signals(settings),
                monitoring=prometheus,
                slo_source=SlothBudgets(prometheus) if prometheus else None,
            ),
            engine,
            dsn,
        )


async def _shared_clock(pool: "asyncpg.Pool[asyncpg.Record]", stack: AsyncExitStack) -> Clock:
    clock = DatabaseClock(pool)
    await clock.measure()
    measuring = asyncio.create_task(clock.keep())
    stack.callback(measuring.cancel)
    return clock


def policy(settings: Settings) -> Policy:
    """The rules' numbers, as far as settings override them."""
    return Policy(
        organisation_time_zone=settings.organisation_time_zone,
        public_url=settings.url,
        delivery=_delivery_policy(settings),
    )


def _delivery_policy(settings: Settings) -> DeliveryPolicy:
    usual = DeliveryPolicy()
    settle, lease, wait = (
        None if seconds is None else timedelta(seconds=seconds)
        for seconds in (
            settings.delivery_settle_seconds, settings.delivery_lease_seconds, settings.delivery_backoff_seconds,
        )
    )  # fmt: skip
    return replace(
        usual,
        settle=usual.settle if settle is None else dict.fromkeys(usual.settle, settle),
        lease=lease or usual.lease,
        backoff_first=wait or usual.backoff_first,
    )
