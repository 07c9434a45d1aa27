"""Who does what at the moment, for the audit log: said at the edges, read where a transaction first writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.domain.access import SYSTEM


@dataclass(frozen=True, slots=True)
class Deed:
    """`action` is the name of the use case, the reaction or the command; `request_id` that of the request, if any."""

    action: str
    actor: str = SYSTEM.actor
    request_id: str | None = None


_UNNAMED = Deed("norepeat")
_current: ContextVar[Deed | None] = ContextVar("deed", default=None)


def current_deed() -> Deed:
    """What this task is doing."""
    return _current.get() or _UNNAMED


def begin(deed: Deed) -> None:
    """From here on, until this task ends."""
    _current.set(deed)


@contextmanager
def doing(deed: Deed) -> Iterator[None]:
    """For as long as the block lasts."""
    token = _current.set(deed)
    try:
        yield
    finally:
        _current.reset(token)
