"""Root causes and the taxonomy of contributing factors: what "the same cause" means."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.errors import Invalid, WrongState

UNDETERMINED = "undetermined"
"""Slug of the reserved root cause: it may be published, never equals itself, and opens a 30-day finding."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A contributing-factor code of the taxonomy, with its sub-codes."""

    code: str
    title: str
    description: str
    sub_codes: tuple[str, ...] = ()


class UnknownFactor(Invalid):
    """This is not a factor code; GET /v1/factors lists them."""

    code = "unknown_factor"


class RootCauseMerged(WrongState):
    """This root cause was merged into another one; use that."""

    code = "root_cause_merged"


class ReservedRootCause(WrongState):
    """The reserved root cause `undetermined` can be neither changed nor merged."""

    code = "reserved_root_cause"


@dataclass(frozen=True, slots=True)
class RootCause:
    """A catalogue entry. "The same root cause" means the same entry, after merges."""

    id: UUID
    slug: str
    title: str
    created_at: datetime
    updated_at: datetime
    factor_code: str | None = None
    description: str = ""
    merged_into_id: UUID | None = None
    version: int = 1

    @property
    def recurs(self) -> bool:
        """Whether a second incident with it says anything: `undetermined` never equals itself."""
        return self.slug != UNDETERMINED

    def merge_into(self, other: "RootCause") -> "RootCause":
        """This entry becomes another name of `other`."""
        if not (self.recurs and other.recurs):
            raise ReservedRootCause
        if other.id == self.id:
            raise Invalid("A root cause cannot be merged into itself.")
        self.require_usable()
        other.require_usable()
        return replace(self, merged_into_id=other.id)

    def require_changeable(self) -> None:
        """Raise if it is the reserved entry, or only another name of one that counts."""
        if not self.recurs:
            raise ReservedRootCause
        self.require_usable()

    def require_usable(self) -> None:
        if self.merged_into_id is not None:
            raise RootCauseMerged(f"{self.slug} was merged into {self.merged_into_id}; use that entry.")
