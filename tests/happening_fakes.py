"""Facts of incidents, deployments, annotations and announcements in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.annotations.model import Annotation
from app.domain.announcing.model import Announcement, AnnouncementState, AnnouncementTarget
from app.domain.deployments.model import Deployment, normalized
from app.domain.errors import AlreadyExists, NotFound, Stale
from app.domain.gathering import SourceFact
from app.domain.incidents.paging import Account


class FakeIncidentFacts:
    """Rows are facts by (incident, id) and accounts by (incident, source); `taken_ids` went into timelines."""

    def __init__(self) -> None:
        self.rows: dict[Any, Any] = {}

    async def find_account(self, incident_id: UUID, source: str) -> Account | None:
        found: Account | None = self.rows.get(("account", incident_id, source))
        return found

    async def keep_account(self, account: Account) -> None:
        self.rows["account", account.incident_id, account.source] = account

    async def add(self, incident_id: UUID, facts: Sequence[SourceFact], now: datetime) -> int:
        new = {("fact", incident_id, fact.id): fact for fact in facts}
        new = {key: fact for key, fact in new.items() if key not in self.rows}
        self.rows |= new
        return len(new)

    async def untaken(self, incident_id: UUID, limit: int) -> tuple[SourceFact, ...]:
        of_it = [fact for key, fact in self.rows.items() if key[:2] == ("fact", incident_id)]
        waiting = [fact for fact in of_it if ("taken", incident_id, fact.id) not in self.rows]
        return tuple(sorted(waiting, key=lambda fact: (fact.occurred_at, fact.id)))[: max(limit, 0)]

    async def taken(self, incident_id: UUID, ids: Sequence[str]) -> None:
        self.rows |= {("taken", incident_id, id): True for id in ids}

    def of(self, incident_id: UUID) -> list[SourceFact]:
        return [fact for key, fact in self.rows.items() if key[:2] == ("fact", incident_id)]


class FakeDeployments:
    def __init__(self) -> None:
        self.rows: dict[UUID, Deployment] = {}

    async def find(self, id: UUID) -> Deployment | None:
        return self.rows.get(id)

    async def get_external(self, source: str, external_id: str) -> Deployment | None:
        same = (d for d in self.rows.values() if (d.source, d.external_id) == (source, external_id))
        return next(same, None)

    async def add(self, deployment: Deployment) -> None:
        if await self.get_external(deployment.source, deployment.external_id) is not None:
            raise AlreadyExists
        self.rows[deployment.id] = deployment

    async def save(self, deployment: Deployment) -> Deployment:
        if self.rows[deployment.id].version != deployment.version:
            raise Stale
        self.rows[deployment.id] = replace(deployment, version=deployment.version + 1)
        return self.rows[deployment.id]

    async def naming(self, references: Sequence[str]) -> tuple[Deployment, ...]:
        asked = set(references)
        named = (d for d in self.rows.values() if asked & set(map(normalized, d.references)))
        return tuple(sorted(named, key=lambda d: d.ended_at))

    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Deployment, ...]:
        here = [d for d in self.rows.values() if set(service_ids) & set(d.service_ids)]
        overlapping = [d for d in here if d.ended_at >= start and d.began_at <= end]
        return tuple(sorted(sorted(overlapping, key=lambda d: d.id), key=lambda d: d.ended_at, reverse=True))


class FakeAnnotations:
    def __init__(self) -> None:
        self.rows: dict[UUID, Annotation] = {}

    async def get_external(self, source: str, external_id: str) -> Annotation | None:
        named = (a for a in self.rows.values() if (a.report.source, a.report.external_id) == (source, external_id))
        return next(named, None)

    async def add(self, annotation: Annotation) -> None:
        if await self.get_external(annotation.report.source, annotation.report.external_id) is not None:
            raise AlreadyExists
        self.rows[annotation.id] = annotation

    async def save(self, annotation: Annotation) -> Annotation:
        if self.rows[annotation.id].version != annotation.version:
            raise Stale
        self.rows[annotation.id] = replace(annotation, version=annotation.version + 1)
        return self.rows[annotation.id]

    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Annotation, ...]:
        about = [a for a in self.rows.values() if not a.service_ids or set(a.service_ids) & set(service_ids)]
        there = [a for a in about if a.report.at <= end and (a.report.ends_at or a.report.at) >= start]
        return tuple(sorted(there, key=lambda a: (a.report.at, a.id)))


class FakeAnnouncements:
    def __init__(self) -> None:
        self.rows: dict[UUID, Announcement] = {}

    async def get(self, id: UUID, *, of: UUID | None = None) -> Announcement:
        if id not in self.rows or of not in (None, self.rows[id].postmortem_id):
            raise NotFound
        return self.rows[id]

    async def of_incident(self, incident_id: UUID) -> tuple[Announcement, ...]:
        return tuple(a for a in self.rows.values() if a.incident_id == incident_id)

    async def add(self, announcement: Announcement) -> bool:
        places = {(a.postmortem_id, a.target, a.place) for a in self.rows.values()}
        new = (announcement.postmortem_id, announcement.target, announcement.place) not in places
        if new:
            self.rows[announcement.id] = announcement
        return new

    async def save(self, announcement: Announcement) -> None:
        self.rows[announcement.id] = announcement

    async def due(self, now: datetime, target: AnnouncementTarget, limit: int) -> tuple[UUID, ...]:
        waiting = [a for a in self.rows.values() if a.state is AnnouncementState.PENDING and a.target is target]
        free = [a for a in waiting if all(at is None or at <= now for at in (a.lease_until, a.not_before))]
        return tuple(a.id for a in free)[:limit]

    async def hold(self, target: AnnouncementTarget, until: datetime) -> None:
        for one in list(self.rows.values()):
            if one.target is target and one.state is AnnouncementState.PENDING:
                self.rows[one.id] = replace(one, not_before=max(one.not_before or until, until))
