"""Running compiled selections on a pool of their own: variables and caller in, JSON bytes out."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import asyncpg
import orjson

from app.adapters.db.answering import answering
from app.adapters.db.reads.catalog import As
from app.adapters.db.reads.compile import Compiled, Unknown, compile_count, compile_selection
from app.domain.access import Caller
from app.domain.errors import Invalid, InvalidCursor
from app.domain.page import DEFAULT_LIMIT
from app.domain.ports import PreparedRead
from app.domain.selection import Selection

_REMEMBERED = 512
"""Compiled statements kept; a portal uses a few dozen, so this only bounds what nonsense can fill."""


@lru_cache(maxsize=_REMEMBERED)
def _compiled(selection: Selection) -> Compiled:
    return compile_selection(selection)


class SqlReads:
    """The port `Reads` over an asyncpg pool."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    def prepare(self, selection: Selection) -> PreparedRead | None:
        try:
            return SqlRead(self._pool, selection, _compiled(selection))
        except Unknown:
            return None

    async def count(self, selection: Selection, variables: Mapping[str, object], caller: Caller, at_most: int) -> int:
        read = SqlRead(self._pool, replace(selection, single=True, paged=False), compile_count(selection))
        return int(await read({**variables, "at_most": at_most}, caller))


@dataclass(frozen=True, slots=True)
class SqlRead:
    """One prepared read."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    selection: Selection
    compiled: Compiled

    async def __call__(self, variables: Mapping[str, object], caller: Caller) -> bytes:
        if not self.selection.paged:
            texts = [row[0] for row in await self._fetch(variables, caller)]
            return (texts[0] if texts else "null").encode() if self.selection.single else _array(texts)
        limit = variables.get("limit", DEFAULT_LIMIT)
        assert isinstance(limit, int)
        scope = _scope(self.selection, variables)
        given = {**variables, **_unpack(variables.get("after"), scope, self.compiled.keys), "limit": limit + 1}
        rows = await self._fetch(given, caller)
        cursor = _pack([*rows[limit - 1]][1:], scope) if len(rows) > limit else None
        page = b'{"items":' + _array([row[0] for row in rows[:limit]]) + b',"next_cursor":' + orjson.dumps(cursor)
        if self.selection.cursors:
            page += b',"cursors":' + orjson.dumps([_pack([*row][1:], scope) for row in rows[:limit]])
        return page + b"}"

    async def _fetch(self, variables: Mapping[str, object], caller: Caller) -> Sequence[asyncpg.Record]:
        arguments = [_argument(variables.get(p.variable), p.type, p.is_list) for p in self.compiled.parameters]
        try:
            with answering():
                rows: Sequence[asyncpg.Record] = await self.pool.fetch(
                    self.compiled.sql, caller.person_id, caller.sees_everything, *arguments
                )
            return rows
        except asyncpg.DataError as error:
            raise Invalid("A filter value is out of range, or holds a character that text cannot hold.") from error


def _array(texts: Sequence[str]) -> bytes:
    return f"[{','.join(texts)}]".encode()


def _argument(value: Any, type: As, is_list: bool) -> Any:
    if is_list:
        return [_argument(item, type, False) for item in (value if isinstance(value, list | tuple) else [value])]
    if isinstance(value, bool) and type is As.TEXT:
        return str(value).lower()
    return str(value) if value is not None and type is As.TEXT else value


# A cursor is the sort key of the last record, with a fingerprint of the list it belongs to.


def _scope(selection: Selection, variables: Mapping[str, object]) -> str:
    filters = [(f.field, f.op, str(variables.get(f.variable))) for f in selection.filters]
    return hashlib.sha256(repr((selection.kind, filters, selection.sort)).encode()).hexdigest()[:12]


def _pack(keys: Sequence[str], scope: str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([scope, *keys])).decode().rstrip("=")


def _unpack(cursor: object, scope: str, count: int) -> dict[str, object]:
    if cursor is None:
        return {}
    try:
        text = str(cursor)
        given, *keys = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if given != scope or len(keys) != count:
            raise InvalidCursor
        return {f"after_{index}": key for index, key in enumerate(keys)}
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidCursor from error
