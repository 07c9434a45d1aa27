"""Doing a thing at most once under a key that the caller chose: what the key stands for, and why it is refused."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from app.domain.access import Caller
from app.domain.errors import Invalid, WrongState

LONGEST_KEY = 255
KEPT = timedelta(days=1)
"""How long a key is remembered."""

ANSWERING = timedelta(seconds=10)
"""How long the first request may take to answer after it has committed; after that its answer counts as lost."""


class InvalidKey(Invalid):
    """An idempotency key has 1 to 255 visible ASCII characters."""

    code = "invalid_idempotency_key"


class KeyReused(Invalid):
    """This idempotency key was used for something else; take a new one."""

    code = "idempotency_key_reused"


class InFlight(WrongState):
    """A request with this idempotency key is being answered; wait as Retry-After says and send it again."""

    code = "request_in_flight"
    wait_seconds: ClassVar[int | None] = 1


class AnswerLost(WrongState):
    """It was done under this idempotency key, but its answer cannot be shown again; read what there is."""

    code = "answer_lost"


@dataclass(frozen=True, slots=True)
class OnceKey:
    """`scope` is who asks for what under which key, `body` what they sent, both as digests."""

    scope: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """What was done under a key: the record that it created, and the answer unless that was lost."""

    record: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def once_key(caller: Caller, what: str, key: str, body: bytes) -> OnceKey:
    """Another caller's key, or the same key for another operation, is another key. Raises InvalidKey."""
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable() and " " not in key):
        raise InvalidKey
    scope = "\0".join((caller.actor, what, key))
    return OnceKey(hashlib.sha256(scope.encode()).hexdigest(), hashlib.sha256(body).digest())
