"""Answers by reading: a response model is also the selection that is read, so contract and SQL cannot drift.

A list or a record goes from the database to the caller as bytes; the response model serves the contract only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import orjson
from fastapi import Query, Response
from pydantic import BaseModel

from app.domain.access import Action, Caller, authorize
from app.domain.errors import Invalid, NotFound
from app.domain.page import DEFAULT_LIMIT, MAX_LIMIT
from app.domain.ports import Ports
from app.domain.selection import Edge, Fact, Filter, Leaf, Op, Page, Place, Records, Selection, Slice, Sort, one_or_many

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many records a page holds.")]
After = Annotated[str | None, Query(max_length=2000, description="The `next_cursor` of the page before.")]
SortBy = Annotated[str | None, Query(max_length=100, description="A field, with `-` in front for descending.")]


def fields_of(model: type[BaseModel]) -> tuple[Leaf | Edge, ...]:
    """The fields of a response model: nested models are edges, everything else has a column of its name."""
    return tuple(_field(name, info.annotation) for name, info in model.model_fields.items())


def _field(name: str, annotation: Any) -> Leaf | Edge:
    nested = _nested_model(annotation)
    return Edge(name, name, fields_of(nested)) if nested else Leaf(name, name)


def _nested_model(annotation: Any) -> type["BaseModel"] | None:
    """The edge behind an annotation: an `Out` model, optional or in a list. Plain JSON parts are no edges."""
    if get_origin(annotation) in (Union, UnionType, list, Annotated):
        return next((m for m in map(_nested_model, get_args(annotation)) if m), None)
    is_edge = isinstance(annotation, type) and issubclass(annotation, BaseModel) and not _is_plain(annotation)
    return annotation if is_edge else None


def _is_plain(model: type[BaseModel]) -> bool:
    """Models marked so describe the inside of a JSON column."""
    return bool(model.model_config.get("json_schema_extra") == {"x-column": "json"})


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list endpoint accepts: fields to sort by, and for each filter how it compares."""

    kind: str
    model: type[BaseModel]
    sorts: tuple[str, ...]
    filters: Mapping[str, tuple[str, Op]]
    default_sort: str

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=256)
def _record(kind: str, model: type[BaseModel], by: str) -> Selection:
    return Selection(kind, fields_of(model), (Filter(by, Op.EQ, "value"),), single=True)


async def read_one(
    ports: Ports, caller: Caller, kind: str, model: type[BaseModel], value: object, *, by: str = "id"
) -> bytes:
    """One record as JSON. Raises NotFound if it is not there or the caller may not know of it."""
    read = ports.reads.prepare(_record(kind, model, by))
    assert read is not None, f"{model.__name__} names a field without a column"
    found = await read({"value": value}, caller)
    if found == b"null":
        raise NotFound(f"There is no {kind.replace('_', ' ')} with the {by} {value}.")
    return found


async def read_by_ref(ports: Ports, caller: Caller, kind: str, model: type[BaseModel], ref: str, name: str) -> bytes:
    """One record by its id, or by its name (a slug or an e-mail address)."""
    id = as_id(ref)
    return await read_one(ports, caller, kind, model, id or ref, by="id" if id else name)


async def id_by_ref(ports: Ports, caller: Caller, kind: str, ref: str, name: str) -> UUID:
    """The id behind an id or a name. Raises NotFound if the record is not there or the caller may not know of it."""
    id = as_id(ref)
    return id or UUID(orjson.loads(await read_by_ref(ports, caller, kind, _Identified, ref, name))["id"])


class _Identified(BaseModel):
    id: UUID


def many(text: str | None, allowed: Collection[str] = ()) -> list[str] | None:
    """`a,b` → ["a", "b"]; None stays None. Raises Invalid for a value that is not allowed, where some are named."""
    if text is None:
        return None
    values = [part.strip() for part in text.split(",") if part.strip()]
    if allowed and (wrong := [value for value in values if value not in allowed]):
        raise Invalid(f"{', '.join(wrong)} is none of {', '.join(allowed)}.")
    return values


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def answer_one(
    ports: Ports,
    caller: Caller,
    kind: str,
    model: type[BaseModel],
    value: object,
    *,
    by: str = "id",
    status: int = 200,
    version: int | None = None,
) -> Response:
    """The record as a response; its version is the ETag."""
    body = await read_one(ports, caller, kind, model, value, by=by)
    return record_response(body, status=status, version=version)


def record_response(body: bytes, *, status: int = 200, version: int | None = None) -> Response:
    headers = {"ETag": f'"{version or _version_in(body)}"'} if version or b'"version":' in body else {}
    return Response(body, status, headers, media_type="application/json")


def _version_in(body: bytes) -> str:
    """Records that have a version write it second, right after the id."""
    start = body.index(b'"version":') + len(b'"version":')
    return body[start : body.index(b",", start)].decode() if b"," in body[start:] else body[start:-1].decode()


async def answer_list(
    ports: Ports,
    caller: Caller,
    listing: Listing,
    *,
    filters: Mapping[str, object],
    sort: str | None = None,
    limit: int = DEFAULT_LIMIT,
    after: str | None = None,
) -> Response:
    """A page of the list as a response; filters that are None were not asked for."""
    body = await read_list(ports, caller, listing, filters=filters, sort=sort, limit=limit, after=after)
    return Response(body, media_type="application/json")


async def read_list(
    ports: Ports,
    caller: Caller,
    listing: Listing,
    *,
    filters: Mapping[str, object],
    sort: str | None = None,
    limit: int = DEFAULT_LIMIT,
    after: str | None = None,
) -> bytes:
    """`{"items": [...], "next_cursor": ...}`."""
    authorize(caller, Action.READ)
    compared, given = _given(listing, filters)
    read = ports.reads.prepare(_page(listing, compared, _sort(listing, sort), limit, after is not None))
    assert read is not None, f"{listing.model.__name__} names a field without a column"
    return await read({**given, "after": after}, caller)


async def count_list(
    ports: Ports, caller: Caller, listing: Listing, *, filters: Mapping[str, object], at_most: int
) -> int:
    """How many records the list holds, counted no further than `at_most`."""
    authorize(caller, Action.READ)
    compared, given = _given(listing, filters)
    return await ports.reads.count(listing.kind, compared, given, caller, at_most)


@lru_cache(maxsize=1024)
def _page(listing: Listing, filters: tuple[Filter, ...], sort: Sort, limit: int, continued: bool) -> Page:
    shown = Records("items", fields_of(listing.model)), Place("next_cursor", Fact.NEXT)
    part = Slice(limit, "after" if continued else None)
    return Page(listing.kind, shown, filters, sort, part)


def _given(listing: Listing, values: Mapping[str, object]) -> tuple[tuple[Filter, ...], dict[str, object]]:
    """The comparisons that were asked for, and their values."""
    filters, given = list[Filter](), dict[str, object]()
    for name in sorted(name for name, value in values.items() if value is not None):
        field, declared = listing.filters[name]
        op, given[name] = one_or_many(declared, values[name])
        filters.append(Filter(field, op, name))
    return tuple(filters), given


def _sort(listing: Listing, text: str | None) -> Sort:
    name = (text or listing.default_sort).removeprefix("-")
    if name not in listing.sorts:
        raise Invalid(f"This list can be sorted by {', '.join(listing.sorts)}; not by {name}.")
    return Sort(name, (text or listing.default_sort).startswith("-"))
