"""A statement being written: its tables under aliases, its parameters, its conditions; the caller's above all.

Every table that enters a statement enters through `visible_sql`, so a read without the caller's predicate cannot be
built.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from app.adapters.db.reads.catalog import KINDS, As, Column, Kind
from app.adapters.db.reads.writing import Unknown
from app.domain.selection import Filter, Op, Page, Sort

_COMPARE = {Op.LT: "<", Op.LTE: "<=", Op.GT: ">", Op.GTE: ">="}
CALLER = "($1::uuid is null or $2::boolean or true)"
"""Gives the caller's parameters their types in statements whose tables nobody is kept from; planned away."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What stands behind `$n`: a variable of the read, and whether it is a list."""

    variable: str
    type: As
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Paged:
    """A page in the statement, whose cursors go in and out: its parameters begin with `prefix`."""

    page: Page
    prefix: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """The statement; its parameters start at `$3` (`$1` is the caller's person, `$2` whether they see everything)."""

    sql: str
    parameters: tuple[Parameter, ...]
    pages: tuple[Paged, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A kind under an alias."""

    kind: Kind
    alias: str

    def sql(self, expression: str) -> str:
        return expression.format(t=self.alias)

    @property
    def key(self) -> tuple[str, As]:
        column = self.kind.columns.get("id") or self.kind.columns[self.kind.order]
        return self.sql(column.sql), column.type

    @property
    def table(self) -> str:
        return f"{self.kind.table} {self.alias}"

    def keys(self, sort: Sort) -> list[tuple[str, As]]:
        column = column_of(self.kind, sort.field)
        sql = self.sql(column.sql)
        return [(f"coalesce({sql}, {column.sort_null})" if column.sort_null else sql, column.type), self.key]


@dataclass
class Statement:
    aliases: Iterator[int] = field(default_factory=count)
    parameters: list[Parameter] = field(default_factory=list)
    pages: list[Paged] = field(default_factory=list)

    def row(self, kind: str) -> Row:
        if kind not in KINDS:
            raise Unknown(kind)
        return Row(KINDS[kind], self.alias())

    def alias(self) -> str:
        return f"t{next(self.aliases)}"

    def parameter(self, variable: str, type: As, *, is_list: bool = False) -> str:
        wanted = Parameter(variable, type, is_list)
        if wanted not in self.parameters:
            self.parameters.append(wanted)
        return f"${self.parameters.index(wanted) + 3}::{type}{'[]' if is_list else ''}"

    def paged(self, page: Page) -> str:
        self.pages.append(Paged(page, f"page_{len(self.pages)}_"))
        return self.pages[-1].prefix

    def compiled(self, sql: str) -> Compiled:
        return Compiled(sql, tuple(self.parameters), tuple(self.pages))


def column_of(kind: Kind, name: str) -> Column:
    if name not in kind.columns:
        raise Unknown(name)
    return kind.columns[name]


def where_sql(statement: Statement, row: Row, filters: Iterable[Filter], others: Iterable[str] = ()) -> str:
    conditions = (_condition(statement, row, one) for one in filters)
    return " and ".join([*others, visible_sql(row), *conditions])


def visible_sql(row: Row, known: str | None = None) -> str:
    """The caller's predicate, for every table, here and nowhere else; over an incident that is known, or its own."""
    return "true" if row.kind.incident is None else sees_sql(known or row.sql(row.kind.incident))


def sees_sql(incident: str) -> str:
    return (
        f"($2::boolean or not exists (select 1 from incidents v where v.id = {incident} and v.restricted and not exists"
        " (select 1 from incident_viewers w where w.incident_id = v.id and w.person_id = $1::uuid)))"
    )


def _condition(statement: Statement, row: Row, f: Filter) -> str:
    if f.op is Op.EQ and f.field in row.kind.names:
        return compared_sql(row, f.field, f.op, statement.parameter(f.variable, As.TEXT), None)
    if f.field in row.kind.conditions:
        return compared_sql(row, f.field, f.op, "", statement.parameter(f.variable, As.TEXT, is_list=True))
    type = column_of(row.kind, f.field).type
    match f.op:
        case Op.IN:
            return compared_sql(row, f.field, f.op, "", statement.parameter(f.variable, type, is_list=True))
        case Op.IS_NULL:
            type = As.FLAG
        case Op.SEARCH:
            type = As.TEXT
        case _:
            pass
    return compared_sql(row, f.field, f.op, statement.parameter(f.variable, type), None)


def compared_sql(row: Row, name: str, op: Op, value: str, values: str | None) -> str:
    """A field or a condition of the kind against a value; against a list of them where `values` is one."""
    if values is None and name in row.kind.names:
        return row.kind.names[name].format(t=row.alias, v=value)
    if name in row.kind.conditions:
        return row.kind.conditions[name].format(t=row.alias, v=values or f"array[{value}]")
    column = column_of(row.kind, name)
    sql = f"({row.sql(column.sql)})"
    match op:
        case Op.EQ:
            return f"{sql} = {value}::{column.type}"
        case Op.IN:
            return f"{sql} = any({values or f'array[{value}::{column.type}]'})"
        case Op.IS_NULL:
            return f"({sql} is null) = {value}"
        case Op.SEARCH:
            return f"position(lower({value}) in lower({sql})) > 0"
        case _:
            return f"{sql} {_COMPARE[op]} {value}"
