"""The audit log's rows and the chain that seals them: what was changed, removed or moved afterwards shows."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

START = b"\x00" * 32
"""What the first row is chained to."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of one record. `before` and `after` hold the fields that changed, as the database writes JSON."""

    id: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    request_id: str | None
    before: str | None
    after: str | None
    position: int | None = None
    hash: bytes | None = None

    def seal(self, position: int, previous: bytes) -> bytes:
        """The hash of this row at this position after that row."""
        content = [
            position, self.id, self.at.isoformat(timespec="microseconds"), self.actor, self.action, self.object_kind,
            self.object_id, self.request_id, self.before, self.after,
        ]  # fmt: skip
        return hashlib.sha256(previous + json.dumps(content, ensure_ascii=False).encode()).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: who kept it elsewhere notices that the log was cut off, too."""

    position: int = 0
    hash: bytes = START

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not as it was sealed."""

    position: int
    id: int | None
    message: str


class Chain:
    """Checks sealed rows in the order of their positions, a batch at a time; `head` is where it stands."""

    def __init__(self, known: Head | None = None) -> None:
        self.head = Head()
        self._known = known

    def check(self, entries: Iterable[AuditEntry]) -> Iterator[Fault]:
        """What is wrong with these rows; after a fault the chain goes on from what the row says of itself."""
        for entry in entries:
            assert entry.position is not None, "only sealed rows are in the chain"
            assert entry.hash is not None, "only sealed rows are in the chain"
            yield from self._fault_of(entry, entry.position, entry.hash)
            self.head = Head(entry.position, entry.hash)
            if self._known and self._known.position == entry.position and self._known.hash != entry.hash:
                yield Fault(entry.position, entry.id, "is not the row whose hash was kept: the chain was written anew")

    def end(self) -> Iterator[Fault]:
        """What only the end shows."""
        if self._known and self._known.position > self.head.position:
            yield Fault(self._known.position, None, f"is missing: the log was cut off after {self.head.position}")

    def _fault_of(self, entry: AuditEntry, position: int, sealed: bytes) -> Iterator[Fault]:
        missing = position - self.head.position - 1
        if missing:
            first = self.head.position + 1
            which = f"{first} to {position - 1} are" if missing > 1 else f"{first} is"
            yield Fault(first, None, f"{which} missing")
        elif entry.seal(position, self.head.hash) != sealed:
            yield Fault(position, entry.id, "was changed, or moved, after it was sealed")
