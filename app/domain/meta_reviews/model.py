"""The quarter's review: what is counted across incidents, from a draft that builds itself to frozen numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NoReturn
from uuid import UUID

from app.domain.errors import AlreadyExists, OwnWork, WrongState
from app.domain.meta_reviews.period import Quarter


class MetaReviewStatus(StrEnum):
    """draft → in_review → published."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"


class BuildState(StrEnum):
    """Where counting stands; `failed` is tried again by itself."""

    QUEUED = "queued"
    BUILDING = "building"
    DONE = "done"
    FAILED = "failed"


class BuildStep(StrEnum):
    """What is done at the moment, in order."""

    COUNTING = "counting"
    QUOTING = "quoting"
    COMPARING = "comparing"
    LISTENING = "listening"


@dataclass(frozen=True, slots=True)
class MetaReviewPolicy:
    """The numbers of domain.md section 7. Texts are counted in characters, wording in words."""

    level_z: float = 1.959963984540054
    recurring_from: int = 2
    quotes: int = 3
    quote_length: int = 280
    heat_services: int = 10
    exposed_services: int = 10
    high_revenue_usd: float = 1000
    themes: int = 10
    theme_incidents: int = 3
    theme_z: float = 1.959963984540054
    theme_words: tuple[int, ...] = (2, 3, 4)
    theme_texts: int = 1000
    theme_text_length: int = 600
    theme_prior: float = 0.5
    significant_p: float = 0.05


@dataclass(frozen=True, slots=True)
class Build:
    """How far the numbers are: `done` of `of` steps. A rebuild that runs leaves the last numbers readable."""

    state: BuildState = BuildState.QUEUED
    done: int = 0
    of: int = len(BuildStep)
    step: BuildStep | None = None
    error: str | None = None

    def at(self, step: BuildStep) -> "Build":
        return Build(BuildState.BUILDING, list(BuildStep).index(step), self.of, step)

    def finished(self) -> "Build":
        return Build(BuildState.DONE, self.of, self.of)

    def failed(self, error: str) -> "Build":
        return replace(self, state=BuildState.FAILED, error=error)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """How many of a pattern's incidents struck one service."""

    pattern: str
    service: str
    name: str
    n: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the quarter holds: n published postmortems, and what is missing from them and why.

    `other_modes` are published ones of test and tutorial incidents, which never count.
    """

    n: int
    missing_because: Mapping[str, int]
    previous_n: int
    waived: int = 0
    other_modes: int = 0
    heat: tuple[HeatCell, ...] = ()

    @property
    def n_missing(self) -> int:
        return sum(self.missing_because.values())


class MetaReviewExists(AlreadyExists):
    """This period has a review already; there is one for each quarter."""

    code = "meta_review_exists"


class MetaReviewWrongState(WrongState):
    """The review cannot take this step from its present status."""

    code = "meta_review_wrong_state"


class MetaReviewBuilding(WrongState):
    """The numbers are not counted yet; wait until the build is done."""

    code = "meta_review_building"


class PeriodNotEnded(WrongState):
    """The quarter has not ended; its review stays a preliminary draft until then."""

    code = "period_not_ended"


class NumbersChanged(WrongState):
    """The numbers are not the ones that were seen; read the review again and publish that."""

    code = "content_changed"


@dataclass(frozen=True, slots=True)
class MetaReview:
    """The review of one quarter. While it is not published its numbers are counted anew; then never again."""

    id: UUID
    period: Quarter
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    status: MetaReviewStatus = MetaReviewStatus.DRAFT
    build: Build = field(default_factory=Build)
    numbers: Numbers | None = None
    built_at: datetime | None = None
    content_hash: str | None = None
    submitted_by_id: UUID | None = None
    published_by_id: UUID | None = None
    published_at: datetime | None = None
    version: int = 1

    @property
    def is_published(self) -> bool:
        return self.status is MetaReviewStatus.PUBLISHED

    def require_open(self, verb: str) -> None:
        """Raise once it is published: what is published stays."""
        if self.is_published:
            self._refuse(verb)

    def counted(self, numbers: Numbers, content_hash: str, now: datetime) -> "MetaReview":
        """New numbers: those before are gone, unless they were published."""
        self.require_open("counted anew")
        return replace(
            self, numbers=numbers, content_hash=content_hash, built_at=now, build=self.build.finished(), updated_at=now
        )

    def submit(self, by_id: UUID, now: datetime) -> "MetaReview":
        """draft → in_review, once there are numbers of a whole quarter."""
        if self.status is not MetaReviewStatus.DRAFT:
            self._refuse("submitted")
        self._require_numbers()
        if now < self.ends_at:
            raise PeriodNotEnded(f"{self.period} ends on {self.ends_at:%Y-%m-%d %H:%M} UTC; its review is preliminary.")
        return replace(self, status=MetaReviewStatus.IN_REVIEW, submitted_by_id=by_id)

    def send_back(self) -> "MetaReview":
        """in_review → draft."""
        if self.status is not MetaReviewStatus.IN_REVIEW:
            self._refuse("sent back")
        return replace(self, status=MetaReviewStatus.DRAFT, submitted_by_id=None)

    def publish(self, by_id: UUID, seen_hash: str | None, now: datetime) -> "MetaReview":
        """in_review → published: these numbers stay. By a reviewer who did not submit it."""
        if self.status is not MetaReviewStatus.IN_REVIEW:
            self._refuse("published")
        self._require_numbers()
        if by_id == self.submitted_by_id:
            raise OwnWork("A reviewer who did not submit the review publishes it.")
        if seen_hash is not None and seen_hash != self.content_hash:
            raise NumbersChanged
        return replace(self, status=MetaReviewStatus.PUBLISHED, published_by_id=by_id, published_at=now)

    def _require_numbers(self) -> None:
        if self.numbers is None:
            raise MetaReviewBuilding

    def _refuse(self, verb: str) -> NoReturn:
        raise MetaReviewWrongState(f"A {self.status} meta-review cannot be {verb}.")
