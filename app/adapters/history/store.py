"""Imported records as rows, a batch at a time: found with one query per table, written with COPY."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

from app.adapters.db import action_items, postmortems
from app.adapters.db.incidents import of_incident
from app.adapters.db.statements import Statements, name_deed, table
from app.adapters.db.tables import (
    ActionItemRow,
    EventRow,
    IncidentRefRow,
    IncidentRow,
    IncidentServiceRow,
    PersonRow,
    PostmortemFactorRow,
    PostmortemRow,
    RootCauseRow,
    ServiceRow,
    TeamRow,
    TimelineEntryRow,
)
from app.domain.errors import AlreadyExists, Invalid
from app.domain.events import Event
from app.domain.incidents.catalogue import slug_of
from app.domain.incidents.history import Additions, Known, Names, Place
from app.domain.incidents.model import ExternalRef, Incident
from app.domain.postmortems.model import Postmortem

Row = dict[str, Any]
_refs, _services, _teams = table(IncidentRefRow), table(ServiceRow), table(TeamRow)
_people, _causes = table(PersonRow), table(RootCauseRow)


class SqlHistory:
    """Past incidents in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def existing(self, refs: Sequence[ExternalRef]) -> frozenset[tuple[str, str]]:
        sources, ids = _texts(ref.source for ref in refs), _texts(ref.id for ref in refs)
        asked = sa.func.unnest(sources, ids).table_valued("source", "external_id").render_derived(name="asked")
        same = (_refs.c.source == asked.c.source) & (_refs.c.external_id == asked.c.external_id)
        rows = await self._run.all(sa.select(_refs.c.source, _refs.c.external_id).join(asked, same))
        return frozenset((row["source"], row["external_id"]) for row in rows)

    async def find(self, names: Names) -> Known:
        return Known(
            services=await self._places(names.services),
            teams=await self._ids(_teams.c.slug, names.teams),
            people=await self._ids(_people.c.email, names.people),
            root_causes=await self._cause_ids(names.root_causes),
        )

    async def _places(self, names: Iterable[str]) -> dict[str, Place]:
        slugs = sa.any_(_texts(map(slug_of, names)))
        named = sa.func.lower(_services.c.name)
        either = sa.or_(_services.c.slug == slugs, named == sa.any_(_texts(name.lower() for name in names)))
        columns = (_services.c.id, _services.c.slug, named.label("name"), _services.c.team_id)
        rows = await self._run.all(sa.select(*columns).where(either))
        places = {row["id"]: Place(row["id"], row["team_id"]) for row in rows}
        by_name = {row["name"]: places[row["id"]] for row in rows}
        return by_name | {row["slug"]: places[row["id"]] for row in rows}

    async def _ids(self, column: sa.Column[str], names: Iterable[str]) -> dict[str, UUID]:
        statement = sa.select(column.label("name"), column.table.c.id).where(column == sa.any_(_texts(names)))
        return {row["name"]: row["id"] for row in await self._run.all(statement)}

    async def _cause_ids(self, slugs: Iterable[str]) -> dict[str, UUID]:
        """A merge repoints earlier ones, so that one step always leads to the entry that counts."""
        counts = sa.func.coalesce(_causes.c.merged_into_id, _causes.c.id).label("id")
        statement = sa.select(_causes.c.slug, counts).where(_causes.c.slug == sa.any_(_texts(slugs)))
        return {row["slug"]: row["id"] for row in await self._run.all(statement)}

    async def add(self, additions: Additions, now: datetime) -> None:
        # SQLAlchemy begins the transaction with its first statement, which COPY on the raw connection is not.
        await name_deed(self._run.connection)
        try:
            for row_class, rows in _rows(additions, now):
                await self._copy(row_class, rows)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyExists(_in_one_line(error)) from error
        except _REFUSALS as error:
            raise Invalid(_in_one_line(error)) from error

    async def _copy(self, row_class: type[SQLModel], rows: Iterable[Row]) -> None:
        whole = list(rows)
        if not whole:
            return
        into, columns = table(row_class), list(whole[0])
        jsons = [name for name in columns if isinstance(into.c[name].type, JSONB)]
        raw = (await self._run.connection.get_raw_connection()).driver_connection
        assert raw is not None, "the connection is open"
        for row in whole:
            row.update({name: _json(row[name]) for name in jsons})
        records = [tuple(row.values()) for row in whole]
        await raw.copy_records_to_table(into.name, columns=columns, records=records)


_REFUSALS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.TransactionRollbackError,
)
"""What is about the rows; anything else, such as a server that stops, ends the import."""


def _texts(values: Iterable[str]) -> sa.ColumnElement[Any]:
    return sa.literal(list(values), sa.ARRAY(sa.Text))


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _json(value: object) -> str | None:
    """The driver's codec for jsonb takes text."""
    return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def _rows(additions: Additions, now: datetime) -> Iterator[tuple[type[SQLModel], Iterable[Row]]]:
    """By table, in the order that foreign keys ask for."""
    written = additions.postmortems
    yield TeamRow, _plain_rows(_teams, additions.teams)
    yield PersonRow, _plain_rows(_people, additions.people)
    yield ServiceRow, _plain_rows(_services, additions.services)
    yield RootCauseRow, _plain_rows(_causes, additions.root_causes)
    yield IncidentRow, map(of_incident, additions.incidents)
    yield IncidentServiceRow, _service_rows(additions.incidents)
    yield IncidentRefRow, _ref_rows(additions.incidents)
    yield PostmortemRow, map(postmortems.to_row, written)
    yield TimelineEntryRow, _entry_rows(written)
    yield PostmortemFactorRow, _factor_rows(written)
    yield ActionItemRow, map(action_items.to_row, additions.action_items)
    yield EventRow, (_event_row(event, now) for event in additions.events)


def _plain_rows(into: sa.Table, entities: Iterable[object]) -> Iterator[Row]:
    """Of entities whose fields are the columns."""
    names = into.c.keys()
    for entity in entities:
        yield {name: getattr(entity, name) for name in names}


def _service_rows(incidents: Iterable[Incident]) -> Iterator[Row]:
    for incident in incidents:
        for position, service_id in enumerate(incident.service_ids):
            yield {"incident_id": incident.id, "service_id": service_id, "position": position}


def _ref_rows(incidents: Iterable[Incident]) -> Iterator[Row]:
    for incident in incidents:
        for ref in incident.external_refs:
            yield {"source": ref.source, "external_id": ref.id, "incident_id": incident.id}


def _entry_rows(written: Iterable[Postmortem]) -> Iterator[Row]:
    for postmortem in written:
        for entry in postmortem.timeline:
            yield {"postmortem_id": postmortem.id} | {name: getattr(entry, name) for name in _ENTRY}


def _factor_rows(written: Iterable[Postmortem]) -> Iterator[Row]:
    for postmortem in written:
        for factor in postmortem.factors:
            yield {"postmortem_id": postmortem.id, "code": factor.code, "sub_code": factor.sub_code, "why": factor.why}


def _event_row(event: Event, now: datetime) -> Row:
    plain = {name: getattr(event, name) for name in _EVENT}
    return plain | {"data": event.data, "handled_at": now}


_ENTRY = ("id", "occurred_at", "recorded_at", "kind", "text", "source", "machine_written", "pinned")
_EVENT = ("id", "type", "subject_id", "incident_id", "actor", "occurred_at", "attempts")
