"""The errors of the domain: each has a stable code and a kind; the API alone knows what status a kind gets.

DomainError
├── NotFound              not_found
├── Invalid               invalid: the data contradict a rule
├── WrongState            conflict: right data, wrong moment
├── Stale                 stale: somebody else wrote first
├── Forbidden             forbidden
├── Unauthenticated       unauthenticated
├── Unavailable           unavailable: something we depend on does not answer
└── Exhausted             exhausted: right data, but too many of them
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What went wrong, in words that no protocol owns."""

    NOT_FOUND = "not_found"
    INVALID = "invalid"
    CONFLICT = "conflict"
    STALE = "stale"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    UNAVAILABLE = "unavailable"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable code, a sentence, and the field it is about (a JSON pointer) if any."""

    code: str
    message: str
    pointer: str | None = None


class DomainError(Exception):
    """A rule was broken. `problems` lists every single thing that is wrong where there can be several."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    wait_seconds: ClassVar[int | None] = None
    """Seconds after which the same may succeed."""

    def __init__(self, message: str | None = None, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message or (type(self).__doc__ or self.code).strip().splitlines()[0])
        self.problems = problems

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotFound(DomainError):
    """It does not exist, or you may not know that it does."""

    code = "not_found"
    kind = Kind.NOT_FOUND


class Invalid(DomainError):
    """The data contradict a rule."""

    code = "invalid"
    kind = Kind.INVALID


class UnknownReference(Invalid):
    """A field names something that does not exist."""

    code = "unknown_reference"


class InvalidCursor(Invalid):
    """The cursor is not one of ours, or belongs to a list with other filters or another order."""

    code = "invalid_cursor"


class WrongState(DomainError):
    """Not possible in the present state."""

    code = "wrong_state"
    kind = Kind.CONFLICT


class AlreadyExists(WrongState):
    """Something with this name exists already."""

    code = "already_exists"


class Stale(DomainError):
    """Somebody changed it since you read it. Read it again, then repeat your change."""

    code = "stale_version"
    kind = Kind.STALE


class Forbidden(DomainError):
    """Your role does not allow this."""

    code = "forbidden"
    kind = Kind.FORBIDDEN


class HumanRequired(Forbidden):
    """A person must do this; a service account cannot."""

    code = "human_required"


class OwnWork(Forbidden):
    """Somebody other than the author or owner must do this."""

    code = "own_work"


class Unauthenticated(DomainError):
    """No valid credential was given."""

    code = "unauthenticated"
    kind = Kind.UNAUTHENTICATED


class Unavailable(DomainError):
    """Something this needs does not answer at the moment. Try again."""

    code = "unavailable"
    kind = Kind.UNAVAILABLE


class Exhausted(DomainError):
    """A quota is used up."""

    code = "exhausted"
    kind = Kind.EXHAUSTED


def every_error(root: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Every error class that is loaded: the table of codes in the documentation is made from it."""
    for error in root.__subclasses__():
        yield error
        yield from every_error(error)


def require_version(version: int, expected: int | None) -> None:
    """Raise Stale if the caller changed something it has not seen; None means it did not say."""
    if expected is not None and expected != version:
        raise Stale
