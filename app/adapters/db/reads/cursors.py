"""Cursors: the sort key of a record, with a fingerprint of the list it belongs to, so that no other list takes it."""

import base64
import binascii
import hashlib
from collections.abc import Mapping

import orjson

from app.adapters.db.reads.statement import Paged
from app.domain.errors import InvalidCursor
from app.domain.selection import Page


def parameters(paged: Paged, variables: Mapping[str, object]) -> dict[str, object]:
    """What the statement needs to write this page's cursors, and to continue at the one that was given."""
    page, prefix = paged.page, paged.prefix
    scope = _scope(page, variables)
    given: dict[str, object] = {f"{prefix}scope": scope}
    if page.slice.cursor is not None:
        parent, keys = _unpack(variables[page.slice.cursor], scope, nested=page.within is not None)
        given[f"{prefix}parent"] = parent
        given |= {f"{prefix}key_{n}": key for n, key in enumerate(keys)}
    return given


def _scope(page: Page, variables: Mapping[str, object]) -> str:
    filters = [(f.field, f.op, str(variables.get(f.variable))) for f in page.filters]
    within = page.within and page.within.field
    described = repr((page.kind, filters, page.sort.field, page.sort.descending, within))
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def _unpack(cursor: object, scope: str, *, nested: bool) -> tuple[str | None, list[str]]:
    """The parent's value, for a nested list, and the sort key. Raises InvalidCursor."""
    try:
        text = str(cursor)
        given, *keys = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidCursor from error
    if given != scope or len(keys) != 2 + nested or not all(isinstance(key, str) for key in keys):
        raise InvalidCursor
    return (keys[0], keys[1:]) if nested else (None, keys)
