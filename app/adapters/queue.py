"""The job queue, PgQueuer: jobs only wake the worker, what there is to do stands in our own tables."""

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import pgqueuer
import structlog
from pgqueuer.core.tm import TaskManager
from pgqueuer.models import Job, Schedule
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.queries import Queries
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.process_metrics import job_finished
from app.adapters.trace_context import continuing, job_headers

_log = structlog.get_logger(__name__)
Work = Callable[[], Awaitable[object]]
"""What an entrypoint does; a job carries no data, the work finds what is due."""

COMMAND_TIMEOUT = 10.0
RESTART_DELAY = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
# A cut listener is noticed only after 10 to 20 s; until then jobs are found by asking.
POLL = timedelta(seconds=3)
KEPT_LOG = timedelta(hours=36)
CLOSING = 1.0


class ConnectionDriver:
    """PgQueuer's driver over an SQLAlchemy connection.

    The raw asyncpg connection below would not do: SQLAlchemy opens the transaction lazily, so a job enqueued
    before the first statement would be committed even if the transaction is rolled back.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._shutdown = asyncio.Event()
        self._tasks = TaskManager()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        result = await self._connection.exec_driver_sql(query, args)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []

    async def execute(self, query: str, *args: object) -> str:
        return str((await self._connection.exec_driver_sql(query, args)).rowcount)

    async def notify(self, channel: str, payload: str) -> None:
        await self.fetch("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        raise NotImplementedError(f"A transaction cannot listen to {channel} for {callback}.")

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return self._tasks

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@functools.cache
def _texts() -> Queries:
    """PgQueuer's statements, whose settings are read from the environment once and not for every job."""
    return Queries(None)  # type: ignore[arg-type]


def _queries(connection: AsyncConnection) -> Queries:
    texts = _texts()
    return Queries(ConnectionDriver(connection), qbe=texts.qbe, qbq=texts.qbq, qbs=texts.qbs)


async def wake(
    connection: AsyncConnection, entrypoint: str, *, after: timedelta | None = None, key: str | None = None
) -> None:
    """Queue a job that wakes this entrypoint: it exists if and only if the connection's transaction commits.

    A wake-up for new state has no key: while the first job runs, a second one with its key would be skipped.
    """
    await _queries(connection).enqueue(
        entrypoint, None, execute_after=after, dedupe_key=key, on_conflict="skip", headers=job_headers()
    )


async def wake_at(connection: AsyncConnection, entrypoint: str, at: datetime) -> None:
    """Queue a job for later, when something is to be tried again."""
    await wake(connection, entrypoint, after=max(at - datetime.now(UTC), timedelta(0)))


def wake_if(source: str, entrypoint: str, headers: str = "null") -> str:
    """Common table expressions for a raw statement: one job if the expression `source` has a row.

    `headers` is an expression too: what the job carries.
    """
    names = _texts().qbe.settings
    return f"""
    waking as (
        insert into {names.queue_table} (priority, entrypoint, status, headers)
        select 0, '{entrypoint}', 'queued', {headers} where exists (select 1 from {source})
        returning id, entrypoint, priority
    ),
    logging as (
        insert into {names.queue_table_log} (job_id, status, entrypoint, priority)
        select id, 'queued', entrypoint, priority from waking
    )"""


async def install(dsn: str) -> None:
    """Create PgQueuer's tables or bring them up to date; the caller holds an advisory lock."""
    connection = await asyncpg.connect(dsn, command_timeout=60)
    try:
        queries = Queries.from_asyncpg_connection(connection)
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
        await queries.optimize_autovacuum()
    finally:
        await connection.close()


async def prune_log(connection: AsyncConnection) -> int:
    """PgQueuer keeps three rows of log per job for ever; a day and a half of them is enough."""
    table = _texts().qbe.settings.queue_table_log
    statement = f"delete from {table} where created < now() - $1::interval"
    return (await connection.exec_driver_sql(statement, (KEPT_LOG,))).rowcount


async def _keep(connection: asyncpg.Connection) -> None:
    """The queue's statements leave nothing behind; to reset a dead connection would wait for it a second time."""


@asynccontextmanager
async def _pool(dsn: str, command_timeout: float) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Without `command_timeout` a connection that died silently would stop the worker for ever."""
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=5, command_timeout=command_timeout, timeout=command_timeout, reset=_keep
    )
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), CLOSING)
        except TimeoutError:
            pool.terminate()


async def run(
    dsn: str,
    entrypoints: Mapping[str, Work],
    *,
    stop: asyncio.Event,
    schedules: Mapping[str, str] | None = None,
    command_timeout: float = COMMAND_TIMEOUT,
    heartbeat: timedelta = HEARTBEAT,
) -> None:
    """Run the consumer until `stop` is set; it survives the database's restarts.

    `schedules` maps an entrypoint to a cron expression (UTC); a schedule only queues a job for it. Setting
    `stop` is enough; never cancel this twice: a second cancel makes PgQueuer drop its running jobs.
    """

    @asynccontextmanager
    async def consumer() -> AsyncIterator[pgqueuer.PgQueuer]:
        async with _pool(dsn, command_timeout) as pool:
            queuer = pgqueuer.PgQueuer.from_asyncpg_pool(pool)
            for name, work in entrypoints.items():
                queuer.entrypoint(name)(_job(work))
            for name, expression in (schedules or {}).items():
                queuer.schedule(f"wake_{name}", expression, clean_old=True)(_tick(pool, name))
            yield queuer

    await pgqueuer.run(
        consumer,
        shutdown=stop,
        restart_on_failure=True,
        restart_delay=RESTART_DELAY,
        shutdown_on_listener_failure=True,
        heartbeat_timeout=heartbeat,
        dequeue_timeout=POLL,
    )


def _job(work: Work) -> Callable[[Job], Awaitable[None]]:
    async def run_job(job: Job) -> None:
        began = time.perf_counter()
        try:
            with continuing(f"job {job.entrypoint}", job.otel_headers()):
                await work()
            job_finished(job.entrypoint, "ok", time.perf_counter() - began)
        except Exception as error:
            job_finished(job.entrypoint, "failed", time.perf_counter() - began)
            _log.exception("job_failed", entrypoint=job.entrypoint)
            # Without this a database that is away for a moment would end the job for good.
            wait = timedelta(seconds=min(60, 2**job.attempts))
            raise pgqueuer.RetryRequested(delay=wait, reason=str(error)) from error

    return run_job


def _tick(pool: "asyncpg.Pool[Any]", entrypoint: str) -> Callable[[Schedule], Awaitable[None]]:
    async def enqueue(schedule: Schedule) -> None:
        await Queries.from_asyncpg_pool(pool).enqueue(
            entrypoint, None, dedupe_key=f"schedule:{entrypoint}:{schedule.next_run}", on_conflict="skip"
        )

    return enqueue


SWEEP = """
select name
from (values ('events'), ('deliveries'), ('outbound'), ('announcements'), ('drafts'), ('inbox')) as work(name)
where case name
    when 'events' then exists (
        select 1 from events where handled_at is null and coalesce(not_before, '-infinity') <= now())
    when 'deliveries' then exists (
        select 1 from deliveries where state in ('pending', 'sending')
            and greatest(lease_until, not_before, '-infinity'::timestamptz) <= now())
    when 'announcements' then exists (
        select 1 from announcements where state = 'pending'
            and greatest(lease_until, not_before, '-infinity'::timestamptz) <= now())
    when 'drafts' then exists (
        select 1 from drafts where state in ('queued', 'gathering', 'writing', 'checking')
            and coalesce(lease_until, '-infinity') <= now())
    when 'outbound' then exists (
        select 1 from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id and e.state = 'active'
         where d.state = 'pending' and d.not_before <= now())
    else exists (
        select 1 from inbox where handled_at is null and coalesce(not_before, '-infinity') <= now())
end
"""


async def sweep(connection: AsyncConnection) -> tuple[str, ...]:
    """Wake what has work but perhaps no job any more, once each; says what that was."""
    names = tuple(str(name) for name in (await connection.exec_driver_sql(SWEEP)).scalars())
    for name in names:
        await wake(connection, name, key=f"sweep:{name}")
    return names
