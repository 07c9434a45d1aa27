"""The audit log on the real database: written with the change, sealed once committed, never changed again."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from app.adapters.db.audit import AUDITED, NOT_AUDITED, head, seal_audit_log, sealed_entries, triggers
from app.adapters.db.tables import METADATA
from app.domain.audit.model import Chain, Fault, Head
from app.domain.deeds import Deed, doing
from app.domain.ports import Ports
from app.wiring import Opened
from tests import make

ADA = "person:00000000-0000-7000-8000-000000000001"


async def rows(opened: Opened, statement: str = "select * from audit_log order by id") -> list[dict[str, Any]]:
    async with opened.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(sa.text(statement))).mappings()]


async def seal(opened: Opened) -> int:
    async with opened.engine.connect() as connection:
        return await seal_audit_log(connection)


async def faults(dsn: str, known: Head | None = None) -> list[Fault]:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    try:
        chain = Chain(known)
        found = [fault async for batch in sealed_entries(pool, limit=2) for fault in chain.check(batch)]
        return [*found, *chain.end()]
    finally:
        await pool.close()


async def five_rows(ports: Ports, opened: Opened) -> None:
    for name in "abcde":
        async with ports.uow() as u:
            await u.teams.add(make.team(f"team-{name}"))
            await u.commit()
    assert await seal(opened) == 5


async def tamper(dsn: str, statement: str) -> None:
    """As somebody who may switch the triggers off."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"set session_replication_role = replica; {statement}")
    await connection.close()


def test_every_table_is_recorded_or_says_why_it_is_not() -> None:
    listed = AUDITED.keys() | NOT_AUDITED.keys()
    assert METADATA.tables.keys() - listed == set(), "put it into AUDITED or NOT_AUDITED (app/adapters/db/audit.py)"
    assert AUDITED.keys() & NOT_AUDITED.keys() == set()


async def test_every_recorded_table_has_its_trigger(opened: Opened) -> None:
    found = await rows(opened, "select tgrelid::regclass::text as name from pg_trigger where tgname = 'norepeat_audit'")
    assert {row["name"] for row in found} == set(triggers())


def test_no_column_that_holds_a_secret_is_recorded() -> None:
    for name, audited in AUDITED.items():
        for column in METADATA.tables[name].c:
            is_secret = isinstance(column.type, sa.LargeBinary) or "secret" in column.name or "token" in column.name
            assert not is_secret or column.name in audited.hidden, f"{name}.{column.name} would be in the audit log"


async def test_a_change_is_recorded_with_who_did_it_what_was_and_what_became(ports: Ports, opened: Opened) -> None:
    team = make.team()
    with doing(Deed("create_team", ADA, "req-1")):
        async with ports.uow() as u:
            await u.teams.add(team)
            await u.commit()
    with doing(Deed("update_team", ADA, "req-2")):
        async with ports.uow() as u:
            await u.teams.save(replace(await u.teams.get(team.id), name="Money"))
            await u.commit()
    made, changed = await rows(opened)
    assert (made["actor"], made["action"], made["request_id"]) == (ADA, "create_team", "req-1")
    assert (made["object_kind"], made["object_id"], made["before"]) == ("team", str(team.id), None)
    assert made["after"]["slug"] == team.slug
    assert (changed["action"], changed["before"], changed["after"]) == (
        "update_team", {"name": team.name, "version": 1}, {"name": "Money", "version": 2},
    )  # fmt: skip


async def test_what_is_not_committed_is_not_recorded(ports: Ports, opened: Opened) -> None:
    async with ports.uow() as u:
        await u.teams.add(make.team())
    assert await rows(opened) == []


async def test_a_hand_at_the_console_is_recorded_too(ports: Ports, opened: Opened, dsn: str) -> None:
    async with ports.uow() as u:
        await u.teams.add(make.team())
        await u.commit()
    connection = await asyncpg.connect(dsn)
    await connection.execute("update teams set name = 'Ours'")
    await connection.close()
    _, by_hand = await rows(opened)
    assert by_hand["actor"].startswith("database:")
    assert by_hand["after"] == {"name": "Ours"}


async def test_a_secret_is_never_in_it(ports: Ports, opened: Opened) -> None:
    person = make.person()
    async with ports.uow() as u:
        await u.people.add(person)
        await u.api_keys.add(make.api_key(person))
        await u.commit()
    _, made = await rows(opened)
    assert made["object_kind"] == "api_key"
    assert "secret_hash" not in made["after"]


async def test_what_the_service_computes_is_not_recorded(ports: Ports, opened: Opened) -> None:
    item = make.action_item(owner_id=None)
    async with ports.uow() as u:
        await u.action_items.add(item)
        await u.commit()
    before = len(await rows(opened))
    async with opened.engine.begin() as connection:
        await connection.execute(sa.text("update action_items set risk = 0.5, risk_as_of = now()"))
    assert len(await rows(opened)) == before


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_log set actor = 'somebody' where id > 0",
        "update audit_log set position = 9, hash = null where id > 0",
        "update audit_log set position = 9, hash = '\\x00', actor = 'somebody' where id > 0",
        "delete from audit_log",
        "truncate audit_log",
    ],
)
async def test_a_row_can_be_neither_changed_nor_removed(ports: Ports, opened: Opened, dsn: str, statement: str) -> None:
    async with ports.uow() as u:
        await u.teams.add(make.team())
        await u.commit()
    connection = await asyncpg.connect(dsn)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute(statement)
    await seal(opened)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute("update audit_log set hash = '\\x00'")
    await connection.close()


async def test_an_untouched_chain_has_no_fault(ports: Ports, opened: Opened, dsn: str) -> None:
    await five_rows(ports, opened)
    assert await faults(dsn) == []
    assert await seal(opened) == 0


@pytest.mark.parametrize(
    ("statement", "position", "words"),
    [
        ("update audit_log set actor = 'somebody' where position = 3", 3, "was changed"),
        ('update audit_log set after = after || \'{"name": "x"}\' where position = 2', 2, "was changed"),
        ("delete from audit_log where position = 4", 4, "4 is missing"),
        ("delete from audit_log where position in (2, 3)", 2, "2 to 3 are missing"),
        (
            "update audit_log set position = -position where position in (2, 3);"
            " update audit_log set position = case position when -2 then 3 else 2 end where position < 0",
            2,
            "was changed, or moved",
        ),
    ],
)
async def test_a_row_that_was_tampered_with_is_named(
    ports: Ports, opened: Opened, dsn: str, statement: str, position: int, words: str
) -> None:
    await five_rows(ports, opened)
    await tamper(dsn, statement)
    first, *_ = await faults(dsn)
    assert first.position == position
    assert words in first.message


async def test_who_kept_the_head_notices_that_the_end_was_cut_off_or_written_anew(
    ports: Ports, opened: Opened, dsn: str
) -> None:
    await five_rows(ports, opened)
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    kept = await head(pool)
    await pool.close()
    assert await faults(dsn, kept) == []
    forged = Head(kept.position, b"\x01" * 32)
    assert [fault.message for fault in await faults(dsn, forged)] == [
        "is not the row whose hash was kept: the chain was written anew"
    ]
    await tamper(dsn, "delete from audit_log where position > 3")
    assert [fault.message for fault in await faults(dsn, kept)] == ["is missing: the log was cut off after 3"]
