"""An emerging theme: wording that repeats under no factor yet, offered to accept or to dismiss."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import WrongState
from app.domain.meta_reviews.pattern import Quote


class ThemeStatus(StrEnum):
    """What a person made of it; an accepted one is counted as a pattern."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class ThemeDecided(WrongState):
    """Somebody decided on this theme already."""

    code = "theme_decided"


@dataclass(frozen=True, slots=True)
class Theme:
    """A phrase that n postmortems without a factor share. `factor_code` is what accepting proposed for them."""

    id: UUID
    review_id: UUID
    phrase: str
    n: int
    n_elsewhere: int
    z: float
    incident_ids: tuple[UUID, ...] = ()
    quotes: tuple[Quote, ...] = ()
    status: ThemeStatus = ThemeStatus.PROPOSED
    factor_code: str | None = None
    reason: str = ""
    decided_by_id: UUID | None = None
    decided_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status is ThemeStatus.PROPOSED

    def accept(self, by_id: UUID, factor_code: str | None, now: datetime) -> "Theme":
        """It means something: count it, and say which factor it is a form of, if any."""
        self._require_open()
        return replace(self, status=ThemeStatus.ACCEPTED, factor_code=factor_code, decided_by_id=by_id, decided_at=now)

    def dismiss(self, by_id: UUID, reason: str, now: datetime) -> "Theme":
        """It means nothing; the reason is kept, and the same phrase is not offered again in this review."""
        self._require_open()
        return replace(self, status=ThemeStatus.DISMISSED, reason=reason, decided_by_id=by_id, decided_at=now)

    def _require_open(self) -> None:
        if not self.is_open:
            raise ThemeDecided(f"“{self.phrase}” was {self.status} already.")
