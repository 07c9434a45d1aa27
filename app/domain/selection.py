"""A read, as data: which fields and edges of which kind, filtered, sorted and cut into pages.

The API builds selections (REST lists are fixed ones, GraphQL documents become some), the database adapter compiles
them; neither knows the other.

    Selection  one record, or all of them      Page  a part of a list
        └─ Leaf · Edge · Page · Constant           └─ Records · Place · Total · Group · Constant
             │     └─ as a Selection                    └─ as a Selection, and Place, Group
             └─ Form: how its value is written
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class IncompleteRecord(Exception):
    """A record lacks what it must have; whoever can say so better reads it another way."""


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


def one_or_many(op: Op, value: object) -> tuple[Op, object]:
    """A list of one is that one: equality with it can follow an index, a list cannot."""
    return (Op.EQ, value[0]) if op is Op.IN and isinstance(value, list) and len(value) == 1 else (op, value)


@dataclass(frozen=True, slots=True)
class Sort:
    """By a field; every order ends with the id, so that it is total and a cursor can continue it."""

    field: str
    descending: bool = False


class Scalar(StrEnum):
    """Plain values. A fraction always shows that it is one (`1.0`); a document is JSON that nobody looks into."""

    TEXT = "text"
    WHOLE = "whole"
    FRACTION = "fraction"
    FLAG = "flag"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Code:
    """A value that is shown under another name: pairs of both."""

    names: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GlobalId:
    """An id among all types: base64 of `type:id`."""

    type: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list inside a JSON column. A missing element is null, or, where one is required, IncompleteRecord."""

    of: "Form"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """An object inside a JSON column."""

    fields: tuple["Leaf | Constant", ...]


Form: TypeAlias = Scalar | Code | GlobalId | Items | Parts


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field that has a column, under the name it gets in the answer. Without a form it is written as the column is.

    Where a required one is missing the read raises IncompleteRecord; the same holds for edges and pages.
    """

    name: str
    key: str
    form: Form | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """What is known without reading, as JSON."""

    key: str
    json: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A related record (to one) or the first `limit` of the related records (to many)."""

    name: str
    key: str
    fields: tuple["Field", ...]
    limit: int | None = None
    required: bool = False


class Fact(StrEnum):
    """What is known of a record's place in a list, and of the place of a page. `next` is `end` where more follows."""

    CURSOR = "cursor"
    HAS_NEXT = "has_next"
    HAS_PREVIOUS = "has_previous"
    START = "start"
    END = "end"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class Place:
    """A fact under the name it gets in the answer."""

    key: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class Total:
    """How many records there are, counted no further than `at_most`; under filters of its own where it has some."""

    key: str
    at_most: int
    filters: tuple[Filter, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Fields of the same thing in an object of their own."""

    key: str
    fields: tuple["Field | Place", ...]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a page."""

    key: str
    fields: tuple["Field | Place | Group", ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """The first `size` records, after the cursor in the variable `cursor` if one is named; the last ones, before it,
    where it goes backward. A cursor is valid only with the filters and the order it came with."""

    size: int
    cursor: str | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """A nested list holds only what belongs to its parent: the filter that compares, the parent's field it takes."""

    field: str
    op: Op
    parent: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, read by itself or (`within`) for each record that it is a field of."""

    kind: str
    shown: tuple[Records | Place | Total | Group | Constant, ...]
    filters: tuple[Filter, ...]
    sort: Sort
    slice: Slice
    key: str = ""
    within: Within | None = None
    required: bool = False


Field: TypeAlias = Leaf | Edge | Page | Constant


@dataclass(frozen=True, slots=True)
class Selection:
    """One statement's worth of reading: `single` answers one record or nothing, else all of them as a list."""

    kind: str
    fields: tuple[Field, ...]
    filters: tuple[Filter, ...] = ()
    single: bool = False
