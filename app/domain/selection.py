"""A read, as data: which fields and edges of which kind, filtered, sorted and cut into pages.

The API builds selections (REST lists are fixed ones), the database adapter compiles them; neither knows the other.
"""

from dataclasses import dataclass
from enum import StrEnum


class Op(StrEnum):
    """How a filter compares a field with its variable. `search` is a case-insensitive substring."""

    EQ = "eq"
    IN = "in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IS_NULL = "is_null"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Filter:
    """`field op $variable`; the value is given when the prepared read runs."""

    field: str
    op: Op
    variable: str


@dataclass(frozen=True, slots=True)
class Sort:
    """By a field; every order ends with the id, so that it is total and a cursor can continue it."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that has a column, under the name it gets in the answer."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A related record (to one) or the first `limit` of the related records (to many)."""

    name: str
    key: str
    fields: tuple["Leaf | Edge", ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """One statement's worth of reading. `single` answers one record or nothing; else a page of them.

    A page is `{"items": [...], "next_cursor": ...}`; `after` and `limit` are variables of the same names. With
    `cursors` it also has `"cursors": [...]`, one for each item.
    """

    kind: str
    fields: tuple[Leaf | Edge, ...]
    filters: tuple[Filter, ...] = ()
    sort: tuple[Sort, ...] = ()
    single: bool = False
    paged: bool = True
    cursors: bool = False
