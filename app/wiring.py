"""The one place that builds engine, pools, HTTP client and adapters, and puts them into `Ports`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.clock import utc_now
from app.adapters.db.engine import open_engine, open_pool
from app.adapters.db.facts import SqlFacts
from app.adapters.db.health import SqlHealth
from app.adapters.db.inbox import SqlInbox
from app.adapters.db.migrate import head
from app.adapters.db.reads.prepared import SqlReads
from app.adapters.db.uow import open_unit_of_work
from app.adapters.identity import SqlCredentials
from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.adapters.trackers.local import LocalTracker
from app.domain.learning.measures import MetricsPolicy
from app.domain.learning.risk import RiskPolicy
from app.domain.organisation.model import Provider
from app.domain.policy import Policy
from app.domain.ports import Clock, Ports, SignalSource, Tracker, WebhookSource
from app.settings import Settings


class NoDatabase(Exception):
    """No database is named; `make run` starts one, or set DATABASE_URL."""


def database_url(settings: Settings) -> str:
    """The DSN as asyncpg takes it."""
    if settings.database_url is None:
        raise NoDatabase(NoDatabase.__doc__)
    return settings.database_url.get_secret_value().replace("postgresql+asyncpg://", "postgresql://", 1)


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
    clock: Clock = utc_now,
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
        credentials = SqlCredentials(pool, clock=clock)
        stack.push_async_callback(credentials.close)
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, timeout=15, trust_env=False))
        prometheus = _prometheus(settings, client)
        yield Opened(
            Ports(
                uow=open_unit_of_work(engine),
                reads=SqlReads(pool),
                facts=SqlFacts(pool),
                credentials=credentials,
                health=SqlHealth(pool, head()),
                inbox=SqlInbox(pool),
                clock=clock,
                policy=policy(settings),
                risk_policy=RiskPolicy(),
                metrics_policy=MetricsPolicy(),
                trackers=_trackers(settings, engine, client),
                webhooks=_webhooks(settings),
                signals=_signals(settings),
                monitoring=prometheus,
                slo_source=SlothBudgets(prometheus) if prometheus else None,
            ),
            engine,
            dsn,
        )


def policy(settings: Settings) -> Policy:
    """The rules' numbers, as far as settings override them."""
    return Policy(organisation_time_zone=settings.organisation_time_zone, public_url=settings.url)


def _trackers(settings: Settings, engine: AsyncEngine, client: httpx2.AsyncClient) -> Mapping[Provider, Tracker]:
    trackers: dict[Provider, Tracker] = {Provider.LOCAL: LocalTracker(engine, settings.url)}
    if settings.github_token is not None:
        token = settings.github_token.get_secret_value()
        trackers[Provider.GITHUB] = GitHubIssues(client, token=token, base_url=settings.github_url)
    return trackers


def _webhooks(settings: Settings) -> Mapping[str, WebhookSource]:
    secrets = tuple(s.get_secret_value() for s in settings.github_webhook_secrets if s.get_secret_value())
    return {"github": WebhookSource(GitHubWebhooks(settings.github_login), secrets)}


def _signals(settings: Settings) -> Mapping[str, SignalSource]:
    secrets = tuple(s.get_secret_value() for s in settings.alertmanager_tokens if s.get_secret_value())
    return {"alertmanager": SignalSource(AlertmanagerWebhooks(), secrets)}


def _prometheus(settings: Settings, client: httpx2.AsyncClient) -> Prometheus | None:
    if settings.prometheus_url is None:
        return None
    token = settings.prometheus_token
    return Prometheus(
        client,
        settings.prometheus_url,
        credential=token.get_secret_value() if token else None,
        org_id=settings.prometheus_org_id,
        public_url=settings.prometheus_public_url,
    )
