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
from app.adapters.db.engine import close, open_engine, open_metrics_pool, open_pool
from app.adapters.db.facts import SqlFacts
from app.adapters.db.feed import SqlEventFeed
from app.adapters.db.gauges import SqlGauges
from app.adapters.db.health import SqlHealth, head
from app.adapters.db.inbox import SqlInbox
from app.adapters.db.neighbours import SqlNeighbours
from app.adapters.db.once import SqlOnce
from app.adapters.db.operations import SqlOperations
from app.adapters.db.reads.prepared import SqlReads
from app.adapters.db.uow import open_unit_of_work
from app.adapters.db.written_drafts import WrittenDrafts
from app.adapters.identity import SqlCredentials
from app.adapters.metrics import PrometheusPage
from app.adapters.models.offline import OfflineSuggester
from app.adapters.models.weights import shipped_models
from app.adapters.outbound import GuardedSender
from app.adapters.postgres import running_dsn
from app.adapters.vault import FernetVault
from app.domain.learning.measures import MetricsPolicy
from app.domain.learning.risk import RiskPolicy
from app.domain.learning.suggestions import SuggestionPolicy
from app.domain.outbound.addresses import networks
from app.domain.policy import BudgetPolicy, DeliveryPolicy, OutboundPolicy, Policy
from app.domain.ports import Clock, Ports
from app.settings import Settings
from app.wiring.boards import boards
from app.wiring.chat import chat_room, chats, follow_through_policy
from app.wiring.drafting import draft_policy, draft_sources, find_phones, redaction_policy
from app.wiring.identity import credentials
from app.wiring.incidents import deployment_policy, forges, pages, paging, paging_policy, timeline_sources
from app.wiring.limits import rate_limits
from app.wiring.models import drafter, suggester
from app.wiring.monitoring import monitoring, signals, slo_sources
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


def read_url(settings: Settings) -> str | None:
    """The replica that metrics and reports ask, if there is one."""
    url = settings.database_read_url
    return url.get_secret_value().replace("postgresql+asyncpg://", "postgresql://", 1) if url else None


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
        stack.push_async_callback(close, pool)
        metrics_pool = await open_metrics_pool(dsn, size=settings.metrics_pool_size, command_timeout=timeout)
        stack.push_async_callback(close, metrics_pool)
        facts_pool = metrics_pool
        if (replica := read_url(settings)) is not None:
            facts_pool = await open_metrics_pool(replica, size=settings.metrics_pool_size, command_timeout=timeout)
            stack.push_async_callback(close, facts_pool)
        gauges = SqlGauges(metrics_pool)
        now = clock or await _shared_clock(pool, stack)
        keys = SqlCredentials(pool, clock=now)
        stack.push_async_callback(keys.close)
        client = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, timeout=15, trust_env=False))
        rules = policy(settings)
        feed = SqlEventFeed(pool, dsn)
        stack.push_async_callback(feed.close)
        sender = await stack.enter_async_context(GuardedSender(networks(rules.outbound.allowed_networks)))
        vault = FernetVault([key.get_secret_value() for key in settings.encryption_keys], settings.data_dir)
        yield Opened(
            Ports(
                uow=open_unit_of_work(engine),
                reads=SqlReads(pool),
                facts=SqlFacts(facts_pool, MetricsPolicy()),
                gauges=gauges,
                scrape_page=PrometheusPage(
                    gauges,
                    token.get_secret_value() if (token := settings.metrics_token) else None,
                    operations=SqlOperations(metrics_pool, quota=rules.budgets.new_boosts_a_day),
                ),
                credentials=credentials(settings, keys, client, open_unit_of_work(engine), now),
                health=SqlHealth(pool, head(), needs_key=True),
                inbox=SqlInbox(pool),
                clock=now,
                policy=rules,
                risk_policy=RiskPolicy(),
                metrics_policy=MetricsPolicy(),
                feed=feed,
                rate_limits=rate_limits(settings),
                once=SqlOnce(engine, pool, vault, now),
                vault=vault,
                sender=sender,
                neighbours=SqlNeighbours(
                    pool, longest=(looking := SuggestionPolicy()).longest_text, candidate=looking.candidate_text
                ),
                models=shipped_models,
                suggester=suggester(settings, stack),
                offline_suggester=OfflineSuggester(shipped_models),
                drafter=drafter(settings, stack, WrittenDrafts(pool).recall),
                suggestion_policy=looking,
                trackers=trackers(settings, engine, client),
                webhooks=webhooks(settings),
                signals=signals(settings),
                paging=paging(settings, client, now),
                pages=pages(settings),
                forges=forges(),
                boards=boards(settings, client),
                chat_room=chat_room(settings, client),
                chats=chats(settings),
                timeline_sources=(
                    timelines := timeline_sources(settings, client, open_unit_of_work(engine), rules.deployments)
                ),
                monitoring=(monitors := monitoring(settings, client)),
                draft_sources=draft_sources(settings, client, timelines, monitors, open_unit_of_work(engine)),
                draft_policy=draft_policy(settings),
                find_phones=find_phones(settings),
                redaction_policy=redaction_policy(settings),
                slo_sources=slo_sources(settings, client, rules.budgets),
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
        budgets=_budget_policy(settings),
        paging=paging_policy(settings),
        deployments=deployment_policy(settings),
        follow_through=follow_through_policy(settings),
        outbound=OutboundPolicy(
            allow_http=settings.outbound_allow_http, allowed_networks=tuple(settings.outbound_allowed_networks)
        ),
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


def _budget_policy(settings: Settings) -> BudgetPolicy:
    usual = BudgetPolicy()
    burn, budget = settings.budget_burn_clear_seconds, settings.budget_clear_seconds
    return replace(
        usual,
        burn_clear=usual.burn_clear if burn is None else timedelta(seconds=burn),
        budget_clear=usual.budget_clear if budget is None else timedelta(seconds=budget),
    )
