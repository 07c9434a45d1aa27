"""The audit log: triggers write it in the transaction that changes a record, the stamper seals it once committed.

The database itself is the one place that no use case, bulk statement, import or hand at a console passes by.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.adapters.db.tables import METADATA
from app.domain.audit.model import START, AuditEntry, Head

LOCK = 7_246_021
SEALED_AT_ONCE = 1000
READ_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Audited:
    """How a table is recorded: `hidden` columns never; rows in which only `quiet` ones changed, or all of a table
    with `people_only`, only where a person or a service account acted and not the service by itself."""

    kind: str
    key: str = "id"
    hidden: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    people_only: bool = False


_DRAFTED = ("evidence", "dropped", "sources", "redactions", "timeline", "contradictions", "sections")
"""What a draft was made of and says: large, and kept in the draft itself."""
AUDITED: Mapping[str, Audited] = {
    "teams": Audited("team"),
    "services": Audited("service"),
    "people": Audited("person"),
    "service_accounts": Audited("service_account"),
    "api_keys": Audited("api_key", hidden=("secret_hash",), quiet=("last_used_at",)),
    "factors": Audited("factor", key="code"),
    "root_causes": Audited("root_cause"),
    "incidents": Audited("incident"),
    "incident_services": Audited("incident_service", key="incident_id"),
    "incident_viewers": Audited("incident_viewer", key="incident_id"),
    "incident_refs": Audited("incident_ref", key="incident_id"),
    "postmortems": Audited("postmortem"),
    "timeline_entries": Audited("timeline_entry"),
    "postmortem_factors": Audited("postmortem_factor", key="postmortem_id"),
    "sign_offs": Audited("sign_off"),
    "publications": Audited("publication", key="postmortem_id"),
    "action_items": Audited(
        "action_item", quiet=("risk", "risk_detail", "risk_as_of", "cause_recurred_at", "priority_due_at")
    ),
    "checks": Audited("check"),
    "tickets": Audited("ticket", quiet=("version", "last_synced_at", "source_updated_at")),
    "local_tickets": Audited("local_ticket", key="number"),
    "deliveries": Audited("delivery", people_only=True),
    "findings": Audited("finding"),
    "boosts": Audited(
        "boost", quiet=("version", "observed_at", "vouched_until", "clear_since", "burn_rate", "remaining")
    ),
    "slos": Audited("slo"),
    "incident_facts": Audited("incident_fact", key="incident_id", people_only=True),
    "incident_accounts": Audited("incident_account", key="incident_id", people_only=True),
    "deployments": Audited("deployment"),
    "deployment_services": Audited("deployment_service", key="deployment_id"),
    "deployment_references": Audited("deployment_reference", key="deployment_id"),
    "annotations": Audited("annotation"),
    "annotation_services": Audited("annotation_service", key="annotation_id"),
    "announcements": Audited("announcement", people_only=True),
    "meta_reviews": Audited(
        "meta_review",
        quiet=("version", "build_state", "build_done", "build_of", "build_step", "build_error", "built_at", "numbers"),
    ),
    "meta_review_patterns": Audited("meta_review_pattern", people_only=True),
    "meta_review_themes": Audited("meta_review_theme", people_only=True),
    "suggestion_answers": Audited("suggestion_answer", people_only=True),
    "webhook_endpoints": Audited(
        "webhook_endpoint", hidden=("secrets",), quiet=("version", "position", "failing_since")
    ),
    "webhook_deliveries": Audited("webhook_delivery", people_only=True),
    "drafts": Audited("draft", hidden=_DRAFTED, quiet=("version", "attempts", "lease_until", *_DRAFTED)),
    "transcripts": Audited("transcript", hidden=("facts",)),
}  # fmt: skip
NOT_AUDITED: Mapping[str, str] = {
    "audit_log": "it is the log",
    "events": "they follow from a change that is recorded",
    "action_item_changes": "the history of items, written with them",
    "inbox": "what came in, not what was changed",
    "chat_posts": "what was sent, not what was changed",
    "webhook_attempts": "what was sent, not what was changed",
    "budget_readings": "measurements",
    "gauges": "measurements",
    "acceptances": "computed from what is recorded",
    "idempotency_keys": "they name requests whose changes are recorded",
    "risk_fits": "computed from what is recorded",
}
"""Every table is in one of the two; a test says so."""

NAME_DEED = "select set_config('norepeat.deed', $1, true)"
FUNCTION = """
create or replace function norepeat_audit() returns trigger language plpgsql as $$
declare
    deed jsonb := coalesce(nullif(current_setting('norepeat.deed', true), ''), '{}')::jsonb;
    who text := coalesce(deed ->> 'actor', 'database:' || session_user);
    by_somebody boolean := who like 'person:%' or who like 'service_account:%';
    hidden text[] := tg_argv[2]::text[];
    quiet text[] := tg_argv[3]::text[];
    whole jsonb; was jsonb; became jsonb;
begin
    if tg_argv[4]::boolean and not by_somebody then
        return null;
    elsif tg_op = 'INSERT' then
        whole := to_jsonb(new);
        became := jsonb_strip_nulls(whole - hidden);
    elsif tg_op = 'DELETE' then
        whole := to_jsonb(old);
        was := jsonb_strip_nulls(whole - hidden);
    else
        whole := to_jsonb(new);
        select jsonb_object_agg(o.key, case when o.key = any(hidden) then '"(hidden)"' else o.value end),
               jsonb_object_agg(o.key, case when o.key = any(hidden) then '"(hidden)"' else whole -> o.key end)
          into was, became
          from jsonb_each(to_jsonb(old)) o
         where o.key <> 'updated_at' and o.value is distinct from whole -> o.key;
        if was is null or (not by_somebody and was - quiet = '{}') then
            return null;
        end if;
    end if;
    insert into audit_log (at, actor, action, object_kind, object_id, request_id, before, after)
    values (clock_timestamp(), who, coalesce(deed ->> 'action', lower(tg_op)), tg_argv[0], whole ->> tg_argv[1],
            deed ->> 'request_id', was, became);
    return null;
end $$
"""


def triggers() -> Mapping[str, str]:
    """table → its trigger. An update of nothing but quiet columns, as the risk's nightly one, does not even fire it."""
    return {name: _trigger(METADATA.tables[name], audited) for name, audited in AUDITED.items()}


def _trigger(table: sa.Table, audited: Audited) -> str:
    loud = ", ".join(f'"{column.name}"' for column in table.c if column.name not in audited.quiet)
    hidden, quiet = ("{" + ",".join(names) + "}" for names in (audited.hidden, audited.quiet))
    arguments = f"'{audited.kind}', '{audited.key}', '{hidden}', '{quiet}', '{str(audited.people_only).lower()}'"
    return (
        f"create or replace trigger norepeat_audit after insert or delete or update of {loud} on {table.name}"
        f" for each row execute function norepeat_audit({arguments})"
    )


async def install_audit(dsn: str) -> None:
    """Put the triggers on every audited table, where they are not there as they are now."""
    connection = await asyncpg.connect(dsn, command_timeout=60)
    try:
        await connection.execute(FUNCTION)
        known = await connection.fetch(
            "select tgrelid::regclass::text, obj_description(oid, 'pg_trigger') from pg_trigger"
            " where tgname = 'norepeat_audit'"
        )
        for table, statement in triggers().items():
            mark = hashlib.sha256(statement.encode()).hexdigest()[:16]
            if (table, mark) not in {tuple(row) for row in known}:
                await connection.execute(f"{statement}; comment on trigger norepeat_audit on {table} is '{mark}'")
    finally:
        await connection.close()


# ── Sealing ──────────────────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = (
    "id, at, actor, action, object_kind, object_id, request_id, before::text as before, after::text as after,"
    " position, hash"
)
_HEAD = "select position, hash from audit_log where position is not null order by position desc limit 1"
_UNSEALED = f"select {_COLUMNS} from audit_log where position is null order by id limit {SEALED_AT_ONCE}"
_SEAL = """
update audit_log set position = sealed.position, hash = sealed.hash
from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as sealed (id, position, hash) where audit_log.id = sealed.id
"""


async def seal_audit_log(connection: AsyncConnection) -> int:
    """Give every committed row that has none its position and its place in the chain; how many there were."""
    count = 0
    while sealed := await _seal_some(connection):
        count += sealed
        if sealed < SEALED_AT_ONCE:
            break
    return count


async def _seal_some(connection: AsyncConnection) -> int:
    async with connection.begin():
        if (await connection.exec_driver_sql("select 1 from audit_log where position is null limit 1")).first() is None:
            return 0
        # A statement of its own, so that the next one sees what the one before us has committed.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        row = (await connection.exec_driver_sql(_HEAD)).mappings().first()
        last, previous = (row["position"], row["hash"]) if row else (0, START)
        entries = [_to_entry(row) for row in (await connection.exec_driver_sql(_UNSEALED)).mappings()]
        sealed: list[tuple[int, int, bytes]] = []
        for place, entry in enumerate(entries, last + 1):
            previous = entry.seal(place, previous)
            sealed.append((entry.id, place, previous))
        if sealed:
            await connection.exec_driver_sql(_SEAL, tuple(list(values) for values in zip(*sealed, strict=True)))
    return len(sealed)


def _to_entry(row: Mapping[str, Any] | sa.RowMapping) -> AuditEntry:
    return AuditEntry(**row)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def sealed_entries(
    pool: "asyncpg.Pool[asyncpg.Record]", *, after: int = 0, limit: int = READ_AT_ONCE
) -> AsyncIterator[Sequence[AuditEntry]]:
    """Every sealed row by position, in batches, so that a long log costs no more memory than a short one."""
    statement = f"select {_COLUMNS} from audit_log where position > $1 order by position limit {limit}"
    while rows := await pool.fetch(statement, after):
        batch = [_to_entry(dict(row)) for row in rows]
        yield batch
        assert batch[-1].position is not None
        after = batch[-1].position


async def unsealed(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    """Rows that wait to be sealed; more than a moment's worth says that no worker runs."""
    statement = "select count(*) from audit_log where position is null and at < now() - interval '1 minute'"
    return int(await pool.fetchval(statement))


async def head(pool: "asyncpg.Pool[asyncpg.Record]") -> Head:
    """The end of the chain."""
    row = await pool.fetchrow(_HEAD)
    return Head() if row is None else Head(row["position"], bytes(row["hash"]))
