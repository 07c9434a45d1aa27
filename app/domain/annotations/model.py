"""An annotation: something that happened around services, pushed by whoever knows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.errors import Invalid
from app.domain.postmortems.content import TimelineKind


class AnnotationEndsBeforeItStarts(Invalid):
    """`ends_at` lies before `at`."""

    code = "annotation_ends_before_it_starts"


@dataclass(frozen=True, slots=True)
class AnnotationReport:
    """What somebody says; `source` and `external_id` name it, so that the same one twice is one annotation."""

    source: str
    external_id: str
    at: datetime
    text: str
    kind: TimelineKind = TimelineKind.NOTE
    ends_at: datetime | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if self.ends_at is not None and self.ends_at < self.at:
            raise AnnotationEndsBeforeItStarts


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened at a time, or from a time on. Without services it is about all of them."""

    id: UUID
    report: AnnotationReport
    service_ids: tuple[UUID, ...]
    recorded_by: str
    created_at: datetime
    updated_at: datetime
    version: int = 1

    def told(self, said: AnnotationReport, service_ids: Sequence[UUID]) -> "Annotation":
        """The same, as it is told now."""
        return replace(self, report=said, service_ids=tuple(service_ids))
