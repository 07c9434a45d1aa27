"""Running compiled reads on a pool of their own: variables and caller in, JSON bytes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg
import orjson

from app.adapters.db.answering import answering
from app.adapters.db.reads.catalog import As
from app.adapters.db.reads.compile import compile_count, compile_read
from app.adapters.db.reads.cursors import parameters
from app.adapters.db.reads.statement import Compiled
from app.adapters.db.reads.writing import Unknown
from app.domain.access import Caller
from app.domain.errors import Invalid
from app.domain.ports import PreparedRead
from app.domain.selection import Filter, IncompleteRecord, Page, Selection

_REMEMBERED = 512
"""Compiled statements kept; a portal uses a few dozen, so this only bounds what nonsense can fill."""
_LACKING = "\x1b"
_DOCUMENT = "\x1a"


@lru_cache(maxsize=_REMEMBERED)
def _compiled(read: Selection | Page) -> Compiled:
    return compile_read(read)


@lru_cache(maxsize=_REMEMBERED)
def _counting(kind: str, filters: tuple[Filter, ...]) -> Compiled:
    return compile_count(kind, filters)


class SqlReads:
    """The port `Reads` over an asyncpg pool."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    def prepare(self, read: Selection | Page) -> PreparedRead | None:
        try:
            is_one = isinstance(read, Page) or read.single
            return SqlRead(self._pool, _compiled(read), is_one)
        except Unknown:
            return None

    async def count(
        self, kind: str, filters: tuple[Filter, ...], variables: Mapping[str, object], caller: Caller, at_most: int
    ) -> int:
        read = SqlRead(self._pool, _counting(kind, filters), True)
        return int(await read({**variables, "at_most": at_most}, caller))


@dataclass(frozen=True, slots=True)
class SqlRead:
    """One prepared read."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    compiled: Compiled
    is_one: bool

    async def __call__(self, variables: Mapping[str, object], caller: Caller) -> bytes:
        given = dict(variables)
        for paged in self.compiled.pages:
            given |= parameters(paged, variables)
        texts = [row[0] for row in await self._fetch(given, caller)]
        if self.is_one:
            return _settled(texts[0]) if texts else b"null"
        return _settled(f"[{','.join(texts)}]")

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


def _settled(text: str) -> bytes:
    """The text as it goes out. Only what holds JSON that others wrote, or numbers out of the common range, is read."""
    if _LACKING in text:
        raise IncompleteRecord
    return orjson.dumps(orjson.loads(text.replace(_DOCUMENT, ""))) if _DOCUMENT in text else text.encode()


def _argument(value: Any, type: As, is_list: bool) -> Any:
    if is_list:
        return [_argument(item, type, False) for item in (value if isinstance(value, list | tuple) else [value])]
    if isinstance(value, bool) and type is As.TEXT:
        return str(value).lower()
    return str(value) if value is not None and type is As.TEXT else value
