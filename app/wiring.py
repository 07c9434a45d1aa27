"""The one place that builds engine, pools, HTTP client and adapters, and puts them into `Ports`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import asyncpg
import httpx2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.clock import DatabaseClock
from app.adapters.db.doctor import check_database
from app.adapters.db.engine import open_engine, open_pool
from app.adapters.db.facts import SqlFacts
from app.adapters.db.health import SqlHealth, head
from app.adapters.db.inbox import SqlInbox
from app.adapters.db.reads.prepared import SqlReads
from app.adapters.db.uow import open_unit_of_work
from app.adapters.diagnosis import Diagnosis, checked_client, secrets
from app.adapters.identity import SqlCredentials
from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.adapters.postgres import running_dsn
from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_doctor import check_github
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.jira_doctor import check_jira
from app.adapters.trackers.jira_issue import DECLINED, DUPLICATE, Endings
from app.adapters.trackers.jira_webhooks import JiraWebhooks
from app.adapters.trackers.linear import LinearIssues
from app.adapters.trackers.linear_doctor import check_linear
from app.adapters.trackers.linear_webhooks import LinearWebhooks
from app.adapters.trackers.local import LocalTracker
from app.domain.learning.measures import MetricsPolicy
from app.domain.learning.risk import RiskPolicy
from app.domain.organisation.model import Provider
from app.domain.policy import DeliveryPolicy, Policy
from app.domain.ports import Clock, Ports, SignalSource, Tracker, WebhookSource
from app.settings import Settings


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
        prometheus = _prometheus(settings, client)
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
                trackers=_trackers(settings, engine, client),
                webhooks=_webhooks(settings),
                signals=_signals(settings),
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


def _trackers(settings: Settings, engine: AsyncEngine, client: httpx2.AsyncClient) -> Mapping[Provider, Tracker]:
    trackers: dict[Provider, Tracker] = {Provider.LOCAL: LocalTracker(engine, settings.url)}
    if settings.github_token is not None:
        token = settings.github_token.get_secret_value()
        trackers[Provider.GITHUB] = GitHubIssues(client, token=token, base_url=settings.github_url)
    if settings.jira_url is not None and settings.jira_token is not None:
        trackers[Provider.JIRA] = JiraIssues(
            client, base_url=settings.jira_url, token=settings.jira_token.get_secret_value(),
            email=settings.jira_email, data_center=settings.jira_data_center, endings=_endings(settings),
        )  # fmt: skip
    if settings.linear_token is not None:
        token = settings.linear_token.get_secret_value()
        trackers[Provider.LINEAR] = LinearIssues(client, token=token, url=settings.linear_url)
    return trackers


def _endings(settings: Settings) -> Endings:
    declined, duplicate = settings.jira_declined_resolutions, settings.jira_duplicate_resolutions
    return Endings.named(DECLINED if declined is None else declined, DUPLICATE if duplicate is None else duplicate)


def _webhooks(settings: Settings) -> Mapping[str, WebhookSource]:
    jira = JiraWebhooks(settings.jira_account or settings.jira_email, _endings(settings))
    return {
        "github": WebhookSource(GitHubWebhooks(settings.github_login), _live(settings.github_webhook_secrets)),
        "jira": WebhookSource(jira, _live(settings.jira_webhook_secrets)),
        # Linear takes anything but 200 for a failure.
        "linear": WebhookSource(LinearWebhooks(settings.linear_user), _live(settings.linear_webhook_secrets), 200),
    }


def _live(secrets: Sequence[SecretStr]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets if secret.get_secret_value())


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


async def diagnose(
    settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Diagnosis]:
    """Look at the database and at every configured provider, live."""
    found, projects = await check_database(database_url(settings), head(), settings.command_timeout)
    for diagnosis in found:
        yield diagnosis
    for provider, (check, live) in _checks(settings).items():
        async with checked_client(transport) as (client, dates):
            async for diagnosis in check(client, projects.get(provider, [])):
                yield diagnosis
        clock = dates.diagnosis(provider)
        if clock is not None:
            yield clock
        yield secrets(provider, bool(live))
    for provider in sorted(projects.keys() - _checks(settings).keys() - {Provider.LOCAL}):
        names = ", ".join(projects[provider])
        remedy = f"Tickets go to {names}, but there are no credentials. Set NOREPEAT_{provider.upper()}_TOKEN."
        yield Diagnosis(f"{provider} credentials", False, remedy)


Check = Callable[[httpx2.AsyncClient, Sequence[str]], AsyncIterator[Diagnosis]]


def _checks(settings: Settings) -> Mapping[str, tuple[Check, Sequence[str]]]:
    """For each configured provider how it is checked, and its live webhook secrets."""
    checks: dict[str, tuple[Check, Sequence[str]]] = {}
    if settings.github_token is not None:
        token = settings.github_token.get_secret_value()
        github = partial(check_github, token=token, base_url=settings.github_url, login=settings.github_login)
        checks[Provider.GITHUB] = (lambda c, p: github(c, projects=p)), _live(settings.github_webhook_secrets)
    if settings.jira_url is not None and settings.jira_token is not None:
        jira = partial(
            check_jira, base_url=settings.jira_url, token=settings.jira_token.get_secret_value(),
            email=settings.jira_email, data_center=settings.jira_data_center,
        )  # fmt: skip
        checks[Provider.JIRA] = (lambda c, p: jira(c, projects=p)), _live(settings.jira_webhook_secrets)
    if settings.linear_token is not None:
        token = settings.linear_token.get_secret_value()
        linear = partial(check_linear, token=token, url=settings.linear_url)
        checks[Provider.LINEAR] = (lambda c, p: linear(c, projects=p)), _live(settings.linear_webhook_secrets)
    return checks
