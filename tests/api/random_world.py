"""A few rows of every table with values of every sort: nulls, odd texts, numbers at the edges, restricted incidents.

What a column may hold is read from the database and from the schema, so a new table or field takes part by itself.
"""

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
)
from pydantic import TypeAdapter

from app.adapters.db.reads.catalog import KINDS
from app.api.graphql.fields import ColumnField
from app.api.graphql.records import RECORDS, type_name
from app.api.graphql.schema import SCHEMA
from app.domain.drafting.proposal import ProposedSection, ProposedSections, Sentence, Writing
from app.domain.postmortems.content import SectionName

ROWS = 5
TEXTS = ("", "plain", 'it\'s "said" \\ here/', "“é” \n\t\r\b\f \u2028 \x7f \x01 \x1f 😀", "null", "{}", "A" * 90)
NUMBERS = (0.0, 1.0, -2.5, 0.1, 0.30000000000000004, 1e-5, 3.4e-7, 1e15, 1.5e16, 2e20, 123456.789, 1 / 3)
DOCUMENTS: tuple[Any, ...] = (
    {},
    [],
    {"b": [1, 2.50, {"é": None}], "a": "\n"},
    "text",
    7,
    {"n": 12345678901234567890123},
)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIXED: Mapping[str, Any] = {
    "action_items.base_priority": (1, 2, 3, 4),
    "action_items.effective_priority": (1, 2, 3, 4),
    "incidents.change_role": ("caused",),
    "incidents.change_kind": ("deployment", "config"),
    "incidents.change_rollout": ("canary", None),
    "meta_reviews.build_state": ("done",),
    "incidents.severity": (1, 2, 3, 4, 5),
    "api_keys.service_account_id": (None,),
    "publications.content": ({"linked_items": [], "n": 1.50, "é": {"b": None}}, {"linked_items": [], "text": TEXTS[3]}),
    "people.handles": ({}, {"github": "octo", "slack": "U1"}),
    "incidents.moment_sources": ({}, {"started_at": "manual", "detected_at": TEXTS[3]}),
    "postmortems.sections": ({}, {"summary": {"text": TEXTS[3], "machine_written": True, "reviewed": False}}),
    "drafts.decisions": ({},),
    "drafts.redactions": ({}, {"email": 2}),
    "drafts.sections": (
        TypeAdapter(ProposedSections).dump_python(ProposedSections(), mode="json"),
        TypeAdapter(ProposedSections).dump_python(
            ProposedSections(
                Writing.WRITTEN, TEXTS[3], (ProposedSection(SectionName.IMPACT, (Sentence(TEXTS[2], ("a",)),)),)
            ),
            mode="json",
        ),
    ),
    "postmortems.phase_explanations": ({}, {"response": TEXTS[2], "detection": "x"}),
}
SAFE = {(kind.table, name) for kind in KINDS.values() for name, column in kind.columns.items() if column.safe}
"""Columns that hold nothing but what we wrote."""
NEEDED = {"api_keys.person_id"}
"""What neither the database nor the schema says of a column."""


class World:
    """The rows, and the values by which queries find them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.ids: dict[str, list[Any]] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.types = _types()

    def _id(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128), version=4)

    async def fill(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("set session_replication_role = replica")
            columns = await self._columns(connection)
            for table, found in columns.items():
                is_text = any(name == "id" and type == "text" for name, type, _ in found)
                self.ids[table] = [f"{table}-{n}" if is_text else self._id() for n in range(ROWS)]
            self.ids["factors"] = [row["code"] for row in await connection.fetch("select code from factors")]
            for table, found in columns.items():
                for n in range(ROWS):
                    await self._insert(connection, table, found, n)
        finally:
            await connection.close()

    async def _columns(self, connection: Any) -> dict[str, list[tuple[str, str, bool]]]:
        tables = {kind.table for kind in KINDS.values()} | {"incident_services", "incident_viewers", "incident_refs"}
        rows = await connection.fetch(
            "select table_name, column_name, udt_name, is_nullable = 'YES' from information_schema.columns"
            " where table_schema = 'public' and is_generated = 'NEVER' and table_name = any($1) order by 1, 2",
            sorted(tables - {"factors"}),
        )
        links = await connection.fetch(
            "select c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text from pg_constraint c"
            " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]"
            " where c.contype = 'f' and cardinality(c.conkey) = 1"
        )
        self.links = {(table, column): target for table, column, target in links}
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for table, column, type, nullable in rows:
            found.setdefault(table, []).append((column, type, nullable))
        return found

    async def _insert(self, connection: Any, table: str, columns: list[tuple[str, str, bool]], n: int) -> None:
        values = {name: self._value(table, name, type, nullable, n) for name, type, nullable in columns}
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(f"${i + 1}" for i in range(len(values)))
        given = [
            json.dumps(value) if type == "jsonb" and value is not None else value
            for value, (_, type, _) in zip(values.values(), columns, strict=True)
        ]
        statement = f"insert into {table} ({names}) overriding system value values ({marks}) on conflict do nothing"
        with suppress(asyncpg.CheckViolationError):  # a row that cannot be is left out
            await connection.execute(statement, *given)

    def _value(self, table: str, name: str, type: str, nullable: bool, n: int) -> Any:
        if (fixed := FIXED.get(f"{table}.{name}")) is not None:
            return self.dice.choice(fixed)
        if name == "id" and type in ("uuid", "text"):
            return self.ids[table][n]
        if name in ("slug", "email", "period"):
            return f"{table}-{n}" + ("@example.org" if name == "email" else "")
        if name == "number":
            return n + 1
        if name == "restricted":
            return n % 2 == 0
        if nullable and self.dice.random() < 0.3 and f"{table}.{name}" not in NEEDED:
            return None
        if (target := self.links.get((table, name))) in self.ids:
            return self.dice.choice(self.ids[target])
        if type == "text" and (table, name) in SAFE and not isinstance(self.types.get((table, name)), GraphQLEnumType):
            return "code"
        return self._typed(self.types.get((table, name)), type)

    def _typed(self, shown: Any, type: str) -> Any:
        if shown is not None and (type == "jsonb" or isinstance(shown, GraphQLEnumType)):
            return self._shown(shown)
        return {
            "uuid": self._id,
            "text": lambda: self.dice.choice(TEXTS),
            "varchar": lambda: self.dice.choice(TEXTS),
            "bool": lambda: self.dice.random() < 0.5,
            "int2": lambda: self.dice.randint(0, 9),
            "int4": lambda: self.dice.randint(0, 99),
            "int8": lambda: self.dice.randint(0, 99),
            "float8": lambda: self.dice.choice(NUMBERS),
            "timestamptz": lambda: NOW + timedelta(microseconds=self.dice.randint(-(10**12), 10**12)),
            "date": lambda: NOW.date() + timedelta(days=self.dice.randint(-90, 90)),
            "jsonb": lambda: [],
            "bytea": lambda: b"x",
            "_int2": lambda: [1, 2, 5],
            "_text": lambda: ["a"],
            "_uuid": list,
        }[type]()

    def _shown(self, type: Any) -> Any:
        """A value that a field of this type can show."""
        match type:
            case GraphQLNonNull():
                return self._shown(type.of_type)
            case GraphQLList():
                return [self._shown(type.of_type) for _ in range(self.dice.randint(0, 3))]
            case GraphQLEnumType():
                return self.dice.choice([value.value for value in type.values.values()])
            case GraphQLObjectType():
                return {
                    f.extensions["strawberry-definition"].python_name: self._maybe(f.type) for f in type.fields.values()
                }
            case GraphQLScalarType():
                return self._scalar(type.name)
        raise AssertionError(type)

    def _maybe(self, type: Any) -> Any:
        return self._shown(type) if isinstance(type, GraphQLNonNull) or self.dice.random() < 0.7 else None

    def _scalar(self, name: str) -> Any:
        return {
            "Int": lambda: self.dice.randint(0, 99),
            "Float": lambda: self.dice.choice(NUMBERS),
            "Boolean": lambda: self.dice.random() < 0.5,
            "JSON": lambda: self.dice.choice(DOCUMENTS),
            "DateTime": lambda: NOW.isoformat(),
            "Date": lambda: date(2026, 2, 3).isoformat(),
            "UUID": lambda: str(self._id()),
        }.get(name, lambda: self.dice.choice(TEXTS))()


def _types() -> dict[tuple[str, str], Any]:
    """(table, column) → the type of the field that shows it, where a field does."""
    found = {}
    for kind in RECORDS:
        shown = SCHEMA._schema.type_map[type_name(kind)]
        assert isinstance(shown, GraphQLObjectType)
        for field in shown.fields.values():
            declared = field.extensions["strawberry-definition"]
            if isinstance(declared, ColumnField):
                type = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
                found[KINDS[kind].table, declared.reads] = type
    return found
