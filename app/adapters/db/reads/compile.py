"""Selection or page → one SQL statement that answers with JSON text.

    Selection ──► record ──► '{"id":"' || t0.id || '","owner":' || … || '}'
                    │
                    ├─ Leaf          the column's expression, escaped as its type needs (writing.py)
                    ├─ Edge to one   left join lateral, 'null' where there is none or it may not be seen
                    ├─ Edge to many  a sub-select that joins its rows' texts with commas
                    └─ Page          the same with a cursor for each row, and what is known of the page

    select <texts joined> from (select row_number(), <record>, <cursor>
                                  from (select t.* … where <visible> … order by … limit n) r   ◄ the page's rows first,
                                       left join lateral …) x                                    then what hangs on them

Every table enters through the caller's predicate (statement.py). PostgreSQL writes the JSON because that is as fast as
hand-written SQL and takes no time in our one thread.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.adapters.db.reads.catalog import As
from app.adapters.db.reads.statement import (
    CALLER,
    Compiled,
    Row,
    Statement,
    column_of,
    compared_sql,
    sees_sql,
    visible_sql,
    where_sql,
)
from app.adapters.db.reads.writing import LACKING, Unknown, present, quoted, record, written
from app.domain.selection import (
    Constant,
    Edge,
    Fact,
    Field,
    Filter,
    Group,
    Leaf,
    Page,
    Place,
    Records,
    Selection,
    Total,
    Within,
)

_ENDS = {Fact.START, Fact.END, Fact.NEXT}


def compile_read(read: Selection | Page) -> Compiled:
    """One statement for all of it. Raises Unknown where something has no column."""
    statement = Statement()
    if isinstance(read, Page):
        return statement.compiled(f"select {_page(statement, read, None)} where {CALLER}")
    row = statement.row(read.kind)
    text, joins = _record(statement, row, read.fields)
    where = where_sql(statement, row, read.filters, [CALLER])
    order = "" if read.single else f" order by {row.key[0]}"
    return statement.compiled(f"select coalesce({text}, {LACKING}) from {row.table}{joins} where {where}{order}")


def compile_count(kind: str, filters: tuple[Filter, ...]) -> Compiled:
    """How many records a list holds, counted no further than the variable `at_most`."""
    statement = Statement()
    row = statement.row(kind)
    where = where_sql(statement, row, filters, [CALLER])
    limit = statement.parameter("at_most", As.WHOLE)
    return statement.compiled(f"select count(*)::text from (select 1 from {row.table} where {where} limit {limit}) n")


# ── A record ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _record(
    statement: Statement, row: Row, fields: Sequence[Field | Place | Group], cursor: str = ""
) -> tuple[str, str]:
    """The expression that writes one record (NULL if it lacks something), and the joins it needs."""
    values, joins = list[tuple[str, str | Constant]](), list[str]()
    for item in fields:
        match item:
            case Constant():
                values.append((item.key, item))
            case Place():
                values.append((item.key, f"'\"' || {cursor} || '\"'"))
            case Group():
                text, join = _record(statement, row, item.fields, cursor)
                values.append((item.key, f"({text})"))
                joins.append(join)
            case Edge() if item.name in row.kind.one:
                text, join = _to_one(statement, row, item)
                values.append((item.key, present(text, item)))
                joins.append(join)
            case _:
                values.append((item.key, present(_value(statement, row, item), item)))
    return record(values), "".join(joins)


def _value(statement: Statement, row: Row, item: Leaf | Edge | Page) -> str:
    if isinstance(item, Page):
        return _page(statement, item, row)
    return _leaf(row, item) if isinstance(item, Leaf) else _to_many(statement, row, item)


def _leaf(row: Row, leaf: Leaf) -> str:
    column = column_of(row.kind, leaf.name)
    sql = row.sql(column.sql)
    if column.incident is not None:
        sql = f"case when {sees_sql(row.sql(column.incident))} then {sql} end"
    return written(column, sql, leaf.form)


def _to_one(statement: Statement, row: Row, edge: Edge) -> tuple[str, str]:
    target = row.kind.one[edge.name]
    other, name = statement.row(target.kind), statement.alias()
    text, joins = _record(statement, other, edge.fields)
    known = row.sql(target.incident) if target.incident else None
    if other.kind.incident == "{t}.id" and target.by == "id":
        known = row.sql(target.sql)
    join = (
        f" left join lateral (select coalesce({text}, {LACKING}) as j from {other.table}{joins}"
        f" where {other.alias}.{target.by} = {row.sql(target.sql)} and {visible_sql(other, known)}) {name} on true"
    )
    return f"{name}.j", join


def _to_many(statement: Statement, row: Row, edge: Edge) -> str:
    if edge.name not in row.kind.many:
        raise Unknown(edge.name)
    target = row.kind.many[edge.name]
    inner, shown = statement.row(target.kind), statement.row(target.kind)
    visible = visible_sql(inner, target.incident and target.incident.format(p=row.alias))
    where = f"{target.where.format(t=inner.alias, p=row.alias)} and {visible}"
    text, joins = _record(statement, shown, edge.fields)

    def order(of: Row) -> str:
        return target.order.format(t=of.alias, p=row.alias)

    limit = target.limit if edge.limit is None else int(edge.limit)
    rows = _rows(inner, shown, where, order, limit, joins, [f"coalesce({text}, {LACKING}) as e"])
    return f"(select coalesce('[' || string_agg(x.e, ',' order by x.n) || ']', '[]') from ({rows}) x)"


def _rows(
    inner: Row, shown: Row, where: str, order: Callable[[Row], str], limit: int, joins: str, columns: Sequence[str]
) -> str:
    """The rows of a list, numbered: found and cut first, so that nothing is joined to what is not shown."""
    found = f"select {inner.alias}.* from {inner.table} where {where} order by {order(inner)} limit {limit}"
    numbered = ", ".join([f"row_number() over (order by {order(shown)}) as n", *columns])
    return f"select {numbered} from ({found}) {shown.alias}{joins}"


# ── A page ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(statement: Statement, page: Page, parent: Row | None) -> str:
    """The expression that writes a page; NULL for the cursor of another parent's list."""
    prefix = statement.paged(page)
    values = [(part.key, _part(statement, page, f"e{n}", part, parent)) for n, part in enumerate(page.shown)]
    needs_rows = _records(page) or _looks_further(page) or _ENDS & set(_facts(page.shown))
    rows = _page_rows(statement, page, prefix, parent) if needs_rows else ""
    text = f"(select {record(values)}{f' from ({rows}) x' if rows else ''})"
    if parent is None or page.within is None or page.slice.cursor is None:
        return text
    given = statement.parameter(f"{prefix}parent", As.TEXT)
    return f"case when {_parent_value(parent, page.within)} = {given} then {text} end"


def _records(page: Page) -> list[tuple[str, Records]]:
    return [(f"e{n}", part) for n, part in enumerate(page.shown) if isinstance(part, Records)]


def _facts(parts: Iterable[object]) -> Iterator[Fact]:
    for part in parts:
        if isinstance(part, Place):
            yield part.fact
        elif isinstance(part, Group | Records):
            yield from _facts(part.fields)


def _looks_further(page: Page) -> bool:
    """Whether one row more than the page holds must be read to say if there is one."""
    return bool({Fact.HAS_PREVIOUS if page.slice.backward else Fact.HAS_NEXT, Fact.NEXT} & set(_facts(page.shown)))


def _part(
    statement: Statement,
    page: Page,
    column: str,
    part: Records | Place | Total | Group | Constant,
    parent: Row | None,
) -> str | Constant:
    match part:
        case Constant():
            return part
        case Total():
            return _total(statement, page, part, parent)
        case Place():
            return _fact(page, part.fact)
        case Group():
            places = [(one.key, _fact(page, one.fact) if isinstance(one, Place) else one) for one in part.fields]
            return f"({record([(key, value) for key, value in places if isinstance(value, str | Constant)])})"
        case Records():
            only = f" filter (where x.n <= {page.slice.size})" if _looks_further(page) else ""
            down = " desc" if page.slice.backward else ""
            return f"'[' || coalesce(string_agg(x.{column}, ',' order by x.n{down}){only}, '') || ']'"


def _fact(page: Page, fact: Fact) -> str:
    """Rows are numbered in the direction in which they are read."""
    size, backward = page.slice.size, page.slice.backward
    if fact is Fact.NEXT:
        last = f"max(x.c) filter (where x.n = {size})"
        return f"case when count(*) > {size} then '\"' || {last} || '\"' else 'null' end"
    if fact in (Fact.HAS_NEXT, Fact.HAS_PREVIOUS):
        is_ahead = (fact is Fact.HAS_PREVIOUS) == backward
        return f"(count(*) > {size})::text" if is_ahead else quoted(str(page.slice.cursor is not None).lower())
    is_first_read = (fact is Fact.START) != backward
    cursor = (
        "max(x.c) filter (where x.n = 1)"
        if is_first_read
        else f"(array_agg(x.c order by x.n desc) filter (where x.n <= {size}))[1]"
    )
    return f"coalesce('\"' || {cursor} || '\"', 'null')"


def _total(statement: Statement, page: Page, total: Total, parent: Row | None) -> str:
    row = statement.row(page.kind)
    filters = page.filters if total.filters is None else total.filters
    where = where_sql(statement, row, filters, _belonging(row, page, parent))
    return f"(select count(*)::text from (select 1 from {row.table} where {where} limit {int(total.at_most)}) c)"


def _page_rows(statement: Statement, page: Page, prefix: str, parent: Row | None) -> str:
    inner, shown = statement.row(page.kind), statement.row(page.kind)
    slice = page.slice
    conditions = _belonging(inner, page, parent)
    if slice.cursor is not None:
        conditions.append(_behind(statement, inner.keys(page.sort), _descending(page), prefix))
    where = where_sql(statement, inner, page.filters, conditions)
    cursor, columns, joins = "", list[str](), ""
    if {Fact.CURSOR, *_ENDS} & set(_facts(page.shown)):
        belongs = _parent_value(parent, page.within) if parent and page.within else None
        cursor = _cursor(statement, shown.keys(page.sort), prefix, belongs)
        columns.append(f"{cursor} as c")
    for name, part in _records(page):
        text, more = _record(statement, shown, part.fields, cursor)
        columns.append(f"coalesce({text}, {LACKING}) as {name}")
        joins += more

    def order(of: Row) -> str:
        return ", ".join(f"{key}{' desc' if _descending(page) else ''}" for key, _ in of.keys(page.sort))

    return _rows(inner, shown, where, order, int(slice.size) + _looks_further(page), joins, columns)


def _descending(page: Page) -> bool:
    return page.sort.descending != page.slice.backward


def _belonging(row: Row, page: Page, parent: Row | None) -> list[str]:
    """The condition that keeps a nested list to its parent."""
    if parent is None or page.within is None:
        return []
    return [compared_sql(row, page.within.field, page.within.op, _parent_value(parent, page.within), None)]


def _parent_value(parent: Row, within: Within) -> str:
    return f"({parent.sql(column_of(parent.kind, within.parent).sql)})::text"


def _behind(statement: Statement, keys: Sequence[tuple[str, As]], descending: bool, prefix: str) -> str:
    given = [f"{statement.parameter(f'{prefix}key_{n}', As.TEXT)}::{type}" for n, (_, type) in enumerate(keys)]
    return f"({', '.join(key for key, _ in keys)}) {'<' if descending else '>'} ({', '.join(given)})"


def _cursor(statement: Statement, keys: Sequence[tuple[str, As]], prefix: str, parent: str | None) -> str:
    """Base64 of the scope and the sort key, as `cursors.py` reads it."""
    scope = statement.parameter(f"{prefix}scope", As.TEXT)
    values = [*([parent] if parent else []), *(f"({key})::text" for key, _ in keys)]
    joined = " || ',' || ".join(f"to_json({value})::text" for value in values)
    text = f"'[\"' || {scope} || '\",' || {joined} || ']'"
    return f"translate(encode(convert_to({text}, 'UTF8'), 'base64'), E'+/=\\n', '-_')"
