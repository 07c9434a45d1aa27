"""Pages: how many records a list may hold, and what it says about the rest."""

from dataclasses import dataclass

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` records after the opaque cursor `after`."""

    limit: int = DEFAULT_LIMIT
    after: str | None = None
