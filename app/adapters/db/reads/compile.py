"""Selection → one SQL statement whose rows are JSON texts.

    Selection ──► _Statement._object ──► '{"id":"' || t0.id || '","owner":' || case … end || '}'
                        │
                        ├─ Leaf          the column's expression, escaped as its type needs
                        ├─ Edge to one   left join lateral, 'null' where there is none or it may not be seen
                        └─ Edge to many  a sub-select that joins its rows' texts with commas

Every table that enters a statement enters through `_visible`, so a read without the caller's predicate cannot be
built. PostgreSQL writes the JSON because that is as fast as hand-written SQL and takes no time in our one thread.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from app.adapters.db.reads.catalog import KINDS, As, Column, Kind, ToMany
from app.domain.selection import Edge, Filter, Leaf, Op, Selection, Sort

_COMPARE = {Op.LT: "<", Op.LTE: "<=", Op.GT: ">", Op.GTE: ">="}


_CALLER = "($1::uuid is null or $2::boolean or true)"
"""Gives the caller's parameters their types in statements whose tables nobody is kept from; planned away."""


class Unknown(LookupError):
    """The selection names a kind, field or edge that the catalogue does not have."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What stands behind `$n`: a variable of the read, and whether it is a list."""

    variable: str
    is_list: bool
    type: As


@dataclass(frozen=True, slots=True)
class Compiled:
    """The statement; its parameters start at `$3` (`$1` is the caller's person, `$2` whether they see everything)."""

    sql: str
    parameters: tuple[Parameter, ...]
    keys: int


@dataclass
class _Statement:
    aliases: Iterator[int] = field(default_factory=count)
    parameters: list[Parameter] = field(default_factory=list)

    def alias(self) -> str:
        return f"t{next(self.aliases)}"

    def parameter(self, variable: str, type: As, *, is_list: bool = False) -> str:
        self.parameters.append(Parameter(variable, is_list, type))
        return f"${len(self.parameters) + 2}::{type}{'[]' if is_list else ''}"


def compile_selection(selection: Selection) -> Compiled:
    """One statement for all of it. Raises Unknown where something has no column."""
    kind, statement = _kind(selection.kind), _Statement()
    alias = statement.alias()
    order = selection.sort or (Sort(kind.order),)
    keys = [_sort_key(kind, sort, alias) for sort in order] + [(f"{alias}.{_key(kind)}", _key_type(kind))]
    text, joins = _object(statement, kind, alias, selection.fields)
    where = [_CALLER, _visible(kind, alias), *(_condition(statement, kind, alias, f) for f in selection.filters)]
    columns = [text, *(f"({sql})::text" for sql, _ in keys)] if selection.paged else [text]
    if selection.paged:
        where.append(_after(statement, [sql for sql, _ in keys], [t for _, t in keys], order))
    sql = f"select {', '.join(columns)} from {kind.table} {alias}{''.join(joins)} where {' and '.join(where)}"
    if not selection.single:
        sql += f" order by {_order_by([sql for sql, _ in keys], order)}"
    sql += f" limit {statement.parameter('limit', As.WHOLE)}" if selection.paged else ""
    return Compiled(sql, tuple(statement.parameters), len(keys))


def compile_count(selection: Selection) -> Compiled:
    """How many records a list holds, counted no further than the variable `at_most`."""
    kind, statement = _kind(selection.kind), _Statement()
    alias = statement.alias()
    conditions = [_condition(statement, kind, alias, f) for f in selection.filters]
    where = " and ".join([_CALLER, _visible(kind, alias), *conditions])
    limit = statement.parameter("at_most", As.WHOLE)
    sql = f"select count(*)::text from (select 1 from {kind.table} {alias} where {where} limit {limit}) n"
    return Compiled(sql, tuple(statement.parameters), 0)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Unknown(name)
    return KINDS[name]


def _key(kind: Kind) -> str:
    return "id" if "id" in kind.columns and kind.table != "local_tickets" else kind.order


def _key_type(kind: Kind) -> As:
    return kind.columns[_key(kind)].type


def _sort_key(kind: Kind, sort: Sort, alias: str) -> tuple[str, As]:
    column = _column(kind, sort.field)
    sql = column.sql.format(t=alias)
    return (f"coalesce({sql}, {column.sort_null})" if column.sort_null else sql), column.type


def _column(kind: Kind, name: str) -> Column:
    if name not in kind.columns:
        raise Unknown(name)
    return kind.columns[name]


def _visible(kind: Kind, alias: str) -> str:
    """The caller's predicate, for every table, here and nowhere else."""
    return "true" if kind.incident is None else _sees(kind.incident.format(t=alias))


def _sees(incident: str) -> str:
    return (
        f"($2::boolean or not exists (select 1 from incidents v where v.id = {incident} and v.restricted and not exists"
        " (select 1 from incident_viewers w where w.incident_id = v.id and w.person_id = $1::uuid)))"
    )


def _object(statement: _Statement, kind: Kind, alias: str, fields: tuple[Leaf | Edge, ...]) -> tuple[str, list[str]]:
    """The expression that writes one record, and the joins it needs."""
    parts, joins = [], list[str]()
    for position, item in enumerate(fields):
        if isinstance(item, Leaf):
            value = _leaf(_column(kind, item.name), alias)
        elif item.name in kind.one:
            value, join = _to_one(statement, kind, alias, item)
            joins.append(join)
        else:
            value = _to_many(statement, kind, alias, item)
        parts.append(f"'{'{' if position == 0 else ','}\"{item.key}\":' || {value}")
    return " || ".join([*parts, "'}'"]), joins


def _leaf(column: Column, alias: str) -> str:
    sql = column.sql.format(t=alias)
    if column.incident is not None:
        sql = f"case when {_sees(column.incident.format(t=alias))} then {sql} end"
    match column.type:
        case As.ID | As.TEXT if column.safe:
            value = f"'\"' || ({sql})::text || '\"'"
        case As.WHOLE | As.NUMBER | As.FLAG | As.JSON:
            value = f"({sql})::text"
        case _:
            value = f"to_json({sql})::text"
    return f"coalesce({value}, 'null')"


def _to_one(statement: _Statement, kind: Kind, alias: str, edge: Edge) -> tuple[str, str]:
    target = kind.one[edge.name]
    other, inner, name = KINDS[target.kind], statement.alias(), statement.alias()
    text, joins = _object(statement, other, inner, edge.fields)
    join = (
        f" left join lateral (select {text} as j from {other.table} {inner}{''.join(joins)}"
        f" where {inner}.id = {target.sql.format(t=alias)} and {_visible(other, inner)}) {name} on true"
    )
    return f"coalesce({name}.j, 'null')", join


def _to_many(statement: _Statement, kind: Kind, alias: str, edge: Edge) -> str:
    if edge.name not in kind.many:
        raise Unknown(edge.name)
    target: ToMany = kind.many[edge.name]
    other, inner = KINDS[target.kind], statement.alias()
    text, joins = _object(statement, other, inner, edge.fields)
    order = target.order.format(t=inner, p=alias)
    return (
        f"(select coalesce('[' || string_agg(j, ',' order by n) || ']', '[]') from (select {text} as j,"
        f" row_number() over (order by {order}) as n from {other.table} {inner}{''.join(joins)}"
        f" where {target.where.format(t=inner, p=alias)} and {_visible(other, inner)}"
        f" order by {order} limit {int(edge.limit or target.limit)}) {statement.alias()})"
    )


def _condition(statement: _Statement, kind: Kind, alias: str, f: Filter) -> str:
    if f.field in kind.conditions:
        value = statement.parameter(f.variable, As.TEXT, is_list=True)
        return kind.conditions[f.field].format(t=alias, v=value)
    column = _column(kind, f.field)
    sql = f"({column.sql.format(t=alias)})"
    match f.op:
        case Op.EQ:
            return f"{sql} = {statement.parameter(f.variable, column.type)}"
        case Op.IN:
            return f"{sql} = any({statement.parameter(f.variable, column.type, is_list=True)})"
        case Op.IS_NULL:
            return f"({sql} is null) = {statement.parameter(f.variable, As.FLAG)}"
        case Op.SEARCH:
            return f"position(lower({statement.parameter(f.variable, As.TEXT)}) in lower({sql})) > 0"
        case _:
            return f"{sql} {_COMPARE[f.op]} {statement.parameter(f.variable, column.type)}"


def _after(statement: _Statement, keys: list[str], types: list[As], order: tuple[Sort, ...]) -> str:
    """Continue behind the cursor: a row comparison where the order goes one way, a ladder of them where not."""
    given = [f"{statement.parameter(f'after_{index}', As.TEXT)}::{type}" for index, type in enumerate(types)]
    directions = [sort.descending for sort in order] + [order[-1].descending]
    if len(set(directions)) == 1:
        later = f"({', '.join(keys)}) {'<' if directions[0] else '>'} ({', '.join(given)})"
    else:
        steps = []
        for index, key in enumerate(keys):
            equal = [f"{keys[i]} = {given[i]}" for i in range(index)]
            steps.append(" and ".join([*equal, f"{key} {'<' if directions[index] else '>'} {given[index]}"]))
        later = " or ".join(f"({step})" for step in steps)
    return f"({given[-1]} is null or {later})"


def _order_by(keys: list[str], order: tuple[Sort, ...]) -> str:
    directions = [sort.descending for sort in order] + [order[-1].descending]
    return ", ".join(f"{key}{' desc' if down else ''}" for key, down in zip(keys, directions, strict=True))
