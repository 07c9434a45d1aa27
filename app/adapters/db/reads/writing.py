"""Values → SQL expressions that write them as JSON text. Every expression is NULL where there is no value."""

from collections.abc import Sequence

from app.adapters.db.reads.catalog import As, Column
from app.domain.selection import Code, Constant, Form, GlobalId, Items, Leaf, Parts, Scalar

LACKING = "E'\\x1b'"
"""Stands where something is missing that must be there. JSON never holds this character raw."""
DOCUMENT = "E'\\x1a'"
"""Stands before JSON that is not yet in the one form we answer with."""

_FITTING = {
    Scalar.TEXT: {As.TEXT, As.ID, As.INSTANT, As.DATE},
    Scalar.WHOLE: {As.WHOLE},
    Scalar.FRACTION: {As.NUMBER},
    Scalar.FLAG: {As.FLAG},
}
_UNBROKEN = 57
"""PostgreSQL breaks base64 after so many bytes."""


class Unknown(LookupError):
    """The selection asks for something that the catalogue does not have, or not in that form."""


def quoted(text: str) -> str:
    """An SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def written(column: Column, sql: str, form: Form | None) -> str:
    """A column's value in this form; without one, as its type is written everywhere."""
    if form is None:
        return _plain(column, sql)
    if column.type is As.JSON:
        return _inside(f"({sql})", f"(({sql}) #>> '{{}}')", form)
    if isinstance(form, Code):
        return _code(f"({sql})", form)
    if isinstance(form, GlobalId):
        return _global_id(f"({sql})", form)
    if isinstance(form, Scalar) and column.type in _FITTING.get(form, ()):
        return _fraction(f"({sql})") if form is Scalar.FRACTION else _plain(column, sql)
    raise Unknown(column.sql)


def _plain(column: Column, sql: str) -> str:
    match column.type:
        case As.ID | As.TEXT if column.safe:
            return f"'\"' || ({sql})::text || '\"'"
        case As.WHOLE | As.NUMBER | As.FLAG | As.JSON:
            return f"({sql})::text"
        case _:
            return f"to_json({sql})::text"


def _inside(json: str, text: str, form: Form) -> str:
    """The same for a value inside a JSON column, given as JSON and as text."""
    match form:
        case Scalar.TEXT:
            return f"to_json({text})::text"
        case Scalar.WHOLE:
            return f"{text}::int::text"
        case Scalar.FLAG:
            return f"{text}::boolean::text"
        case Scalar.FRACTION:
            return f"(select {_fraction('v')} from (select {text}::float8 as v offset 0) f)"
        case Scalar.DOCUMENT:
            return f"{DOCUMENT} || {json}::text"
        case Code():
            return _code(text, form)
        case Items():
            return _items(json, form)
        case Parts():
            return f"case jsonb_typeof({json}) when 'object' then {_parts(json, form)} end"
        case GlobalId():
            raise Unknown("a global id inside JSON")


def _items(json: str, form: Items) -> str:
    item = _inside("e.v", "(e.v #>> '{}')", form.of)
    one = f"coalesce({item}, {LACKING if form.required else quoted('null')})"
    joined = f"coalesce('[' || string_agg({one}, ',' order by e.n) || ']', '[]')"
    elements = f"jsonb_array_elements({json}) with ordinality e(v, n)"
    return f"case jsonb_typeof({json}) when 'array' then (select {joined} from {elements}) end"


def _parts(json: str, form: Parts) -> str:
    values = list[tuple[str, str | Constant]]()
    for field in form.fields:
        if isinstance(field, Leaf):
            name = quoted(field.name)
            assert field.form is not None, "what is inside JSON has a form"
            values.append((field.key, present(_inside(f"({json}->{name})", f"({json}->>{name})", field.form), field)))
        else:
            values.append((field.key, field))
    return f"coalesce({record(values)}, {LACKING})"


def present(value: str, field: "Leaf | object") -> str:
    """Null where it may be missing. Where it may not, the record's own text is NULL, and LACKING takes its place."""
    return value if getattr(field, "required", False) else f"coalesce({value}, 'null')"


def record(values: Sequence[tuple[str, "str | Constant"]]) -> str:
    """A JSON object of keys and expressions; NULL if one of them is."""
    pieces, literal = [], "{"
    for position, (key, value) in enumerate(values):
        literal += f'{"," if position else ""}"{key}":'
        if isinstance(value, Constant):
            literal += value.json
        else:
            pieces += [quoted(literal), value]
            literal = ""
    return " || ".join([*pieces, quoted(literal + "}")])


def _code(text: str, form: Code) -> str:
    shown = [(value, f'"{name}"') for value, name in form.names]
    cases = " ".join(f"when {quoted(value)} then {quoted(name)}" for value, name in shown)
    return f"case {text} {cases} else case when {text} is not null then {LACKING} end end"


def _global_id(sql: str, form: GlobalId) -> str:
    encoded = f"encode(convert_to({quoted(form.type + ':')} || {sql}::text, 'UTF8'), 'base64')"
    if len(form.type) + 37 > _UNBROKEN:
        encoded = f"replace({encoded}, E'\\n', '')"
    return f"'\"' || {encoded} || '\"'"


def _fraction(sql: str) -> str:
    """PostgreSQL and we agree on the digits, but write very large and very small numbers in different ways."""
    return (
        f"case when {sql} = 0 or (abs({sql}) >= 1e-4 and abs({sql}) < 1e15)"
        f" then {sql}::text || case when {sql} = trunc({sql}) then '.0' else '' end else {DOCUMENT} || {sql}::text end"
    )
