"""Migrations: each goes up, down and up again; the tables they make are the tables of the code; old data survives."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from app.adapters.db.migrate import alembic_config, migrate
from app.adapters.db.tables import METADATA
from app.domain.access import SYSTEM
from app.domain.organisation.model import Provider
from app.settings import Settings
from app.wiring import open_ports

PREVIOUS_RELEASE = "0003"
TEAM, SERVICE, PERSON, INCIDENT, ITEM, TICKET, DELIVERY = (
    UUID(f"00000000-0000-7000-8000-00000000000{number}") for number in range(1, 8)
)
OLD_DATA = f"""
insert into teams (id, version, created_at, updated_at, slug, name, time_zone, working_days)
  values ('{TEAM}', 3, now(), now(), 'payments', 'Payments', 'Europe/Berlin', '{{1,2,3,4,5}}');
insert into services (id, version, created_at, updated_at, slug, name, team_id)
  values ('{SERVICE}', 1, now(), now(), 'checkout', 'Checkout', '{TEAM}');
insert into people (id, version, created_at, updated_at, email, name, role, active)
  values ('{PERSON}', 1, now(), now(), 'ada@acme.test', 'Ada', 'responder', true);
insert into incidents (id, version, created_at, updated_at, title, summary, severity, mode, customer_impact,
    primary_service_id, restricted, started_at, detected_at)
  values ('{INCIDENT}', 2, now(), now(), 'Checkout down', '', 1, 'standard', 'none', '{SERVICE}', true,
    now() - interval '2 hours', now() - interval '1 hour');
insert into incident_services (incident_id, service_id, position) values ('{INCIDENT}', '{SERVICE}', 0);
insert into incident_viewers (incident_id, person_id) values ('{INCIDENT}', '{PERSON}');
insert into action_items (id, version, created_at, updated_at, incident_id, service_id, team_id, owner_id, title,
    description, control_type, systemic, status, slips, base_priority, effective_priority, times_passed_over)
  values ('{ITEM}', 4, now(), now(), '{INCIDENT}', '{SERVICE}', '{TEAM}', '{PERSON}', 'Alert on the queue', '',
    'detect', true, 'open', 1, 2, 1, 0);
insert into tickets (id, version, created_at, updated_at, action_item_id, provider, route, status, status_text,
    sync_state, adopted, priority)
  values ('{TICKET}', 1, now(), now(), '{ITEM}', 'github',
    '{{"project": "acme/shop", "labels": [], "restricted": false}}',
    'todo', 'open', 'pending', false, 'high');
insert into deliveries (id, key, kind, ticket_id, provider, marker, created_at, state, attempts)
  values ('{DELIVERY}', 'create:1', 'create', '{TICKET}', 'github', gen_random_uuid(), now(), 'pending', 2);
insert into inbox (id, source, delivery_id, headers, body, received_at, attempts)
  values (gen_random_uuid(), 'github', 'd-1', '{{}}', '{{}}', now(), 0);
insert into events (id, type, subject_id, actor, occurred_at, attempts)
  values (gen_random_uuid(), 'incident.created.v1', '{INCIDENT}', 'system', now(), 0);
insert into findings (id, version, code, subject_kind, subject_id, message, remedy, opened_at)
  values (gen_random_uuid(), 1, 'ticket_lost', 'ticket', '{TICKET}', 'Lost.', 'Look.', now());
"""
"""Rows as the release before this one left them."""


@pytest.fixture
def fresh(dsn: str) -> Iterator[str]:
    """An empty database of this test's own."""
    asyncio.run(execute(dsn, 'create database "migrating"'))
    yield dsn.replace(urlsplit(dsn).path, "/migrating", 1)
    asyncio.run(execute(dsn, 'drop database "migrating" with (force)'))


async def execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def fetched(dsn: str, question: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def test_every_migration_goes_up_and_down_and_up_again(fresh: str) -> None:
    config = alembic_config(fresh)
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    assert revisions == sorted(revisions)
    for revision in revisions:
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
    command.downgrade(config, "base")
    left = "select string_agg(tablename, ' ') from pg_tables where schemaname = 'public' and tablename !~ 'alembic'"
    assert asyncio.run(fetched(fresh, left)) is None


def test_the_tables_of_the_migrations_are_the_tables_of_the_code(fresh: str) -> None:
    command.upgrade(alembic_config(fresh), "head")

    def differences(connection: sa.Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), METADATA)

    async def compare() -> list[Any]:
        engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(fresh))
        async with engine.connect() as connection:
            found = await connection.run_sync(differences)
        await engine.dispose()
        return found

    assert asyncio.run(compare()) == []


async def test_data_of_the_previous_release_is_there_after_the_upgrade(dsn: str) -> None:
    await execute(dsn, 'create database "upgraded"')
    old = dsn.replace(urlsplit(dsn).path, "/upgraded", 1)
    await asyncio.to_thread(command.upgrade, alembic_config(old), PREVIOUS_RELEASE)
    await execute(old, OLD_DATA)
    await migrate(old)
    await migrate(old)
    async with open_ports(Settings(_env_file=None, database_url=old)) as opened, opened.ports.uow() as u:
        assert (await u.teams.get(TEAM)).time_zone == "Europe/Berlin"
        incident = await u.incidents.get(INCIDENT, SYSTEM)
        assert (incident.title, incident.restricted, incident.version) == ("Checkout down", True, 2)
        assert incident.viewer_ids == frozenset({PERSON})
        item = await u.action_items.get(ITEM, SYSTEM)
        assert (item.title, int(item.effective_priority), item.slips) == ("Alert on the queue", 1, 1)
        ticket = await u.tickets.get(TICKET)
        assert (ticket.route.project, ticket.plan_seen_over) == ("acme/shop", False)
        assert await u.deliveries.due(opened.ports.clock(), Provider.GITHUB, 10) == (DELIVERY,)
    for table in ("inbox", "events", "findings", "incident_services"):
        assert await fetched(old, f"select count(*) from {table}") == 1
    await execute(dsn, 'drop database "upgraded" with (force)')
