"""Boosts, budget readings and SLOs in memory. Items have no tickets here: what those are told is PostgreSQL's test."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.adapters.db.boosts import BUCKET
from app.domain.actions.model import NOT_CLOSED, Priority
from app.domain.budgets.changes import Face, Reprioritised
from app.domain.budgets.measuring import BudgetReading
from app.domain.budgets.model import Boost, BoostKey, Effect
from app.domain.budgets.slos import Slo
from app.domain.errors import AlreadyExists, NotFound, Stale

ReadingKey = tuple[UUID, str, str, datetime]


class FakeReadings:
    """One for each bucket of a service, SLO and source."""

    def __init__(self) -> None:
        self.rows: dict[ReadingKey, BudgetReading] = {}


class FakeBoosts:
    """`items` are the rows of the fake action items."""

    def __init__(self, readings: FakeReadings, items: dict[UUID, Any]) -> None:
        self.rows: dict[UUID, Boost] = {}
        self._readings = readings
        self._items = items

    async def lock(self, service_id: UUID) -> None: ...

    async def get(self, id: UUID) -> Boost:
        if id not in self.rows:
            raise NotFound
        return self.rows[id]

    async def find(self, key: BoostKey) -> Boost | None:
        known = [boost for boost in self.rows.values() if boost.key == key]
        return max(known, key=lambda boost: (boost.is_live, boost.ended_at or boost.raised_at), default=None)

    async def live(self, service_ids: Sequence[UUID]) -> tuple[Boost, ...]:
        return tuple(
            self.rows[id]
            for id in sorted(self.rows)
            if self.rows[id].is_live and self.rows[id].key.service_id in service_ids
        )

    async def ageing(self, now: datetime) -> tuple[UUID, ...]:
        live = (boost for boost in self.rows.values() if boost.is_live)
        return tuple(sorted({b.key.service_id for b in live if b.clear_since is not None or b.vouched_until <= now}))

    async def count_new(self, source: str, raised_by: str, since: datetime) -> int:
        """Every boost here is new."""
        return sum(boost.key.source == source or boost.raised_by == raised_by for boost in self.rows.values())

    async def add(self, boost: Boost) -> None:
        if any(row.is_live and row.key == boost.key for row in self.rows.values()):
            raise AlreadyExists
        self.rows[boost.id] = boost

    async def save(self, boost: Boost) -> Boost:
        if self.rows[boost.id].version != boost.version:
            raise Stale
        self.rows[boost.id] = replace(boost, version=boost.version + 1)
        return self.rows[boost.id]

    async def reprioritise(self, service_id: UUID, effects: Mapping[Priority, Effect]) -> tuple[Reprioritised, ...]:
        changed = []
        for id, item in self._items.items():
            effect = effects[item.base_priority]
            differs = (item.effective_priority, item.boost_id) != (effect.priority, effect.boost_id)
            if item.service_id == service_id and item.status in NOT_CLOSED and differs:
                self._items[id] = replace(item, effective_priority=effect.priority, boost_id=effect.boost_id)
                old = item.effective_priority
                changed.append(Reprioritised(id, item.incident_id, old, effect.priority, effect.boost_id))
        return tuple(changed)

    async def faces(self, item_ids: Sequence[UUID]) -> tuple[Face, ...]:
        return ()

    async def withhold(self, until: Mapping[UUID, datetime]) -> None: ...

    async def withheld(self, now: datetime, limit: int) -> tuple[Reprioritised, ...]:
        return ()

    async def record(self, reading: BudgetReading) -> None:
        at, length = reading.measured.at, int(BUCKET.total_seconds())
        bucket = datetime.fromtimestamp(int(at.timestamp()) // length * length, UTC)
        key = (reading.service_id, reading.slo, reading.source, bucket)
        old = self._readings.rows.get(key)
        if old is None or old.measured.at <= at:
            self._readings.rows[key] = reading

    async def recent(self, service_id: UUID, limit: int) -> tuple[BudgetReading, ...]:
        own = [reading for reading in self._readings.rows.values() if reading.service_id == service_id]
        own.sort(key=lambda reading: reading.measured.at, reverse=True)
        last = {(reading.slo, reading.source): reading for reading in reversed(own)}.values()
        return tuple(one for number, one in enumerate(own) if number < limit or one in last)

    async def forget_readings(self, before: datetime) -> int:
        rows = self._readings.rows
        old = [
            key
            for key, reading in rows.items()
            if reading.measured.at < before
            and any(other[:2] == key[:2] and rows[other].measured.at > reading.measured.at for other in rows)
        ]
        for key in old:
            del rows[key]
        return len(old)


class FakeSlos:
    def __init__(self) -> None:
        self.rows: dict[UUID, Slo] = {}

    async def find(self, service_id: UUID, name: str) -> Slo | None:
        return next((s for s in self.rows.values() if (s.service_id, s.name) == (service_id, name)), None)

    async def of_service(self, service_id: UUID) -> tuple[Slo, ...]:
        return tuple(sorted((s for s in self.rows.values() if s.service_id == service_id), key=lambda slo: slo.name))

    async def service_of(self, name: str) -> UUID | None:
        named = {slo.service_id for slo in self.rows.values() if slo.name == name}
        return named.pop() if len(named) == 1 else None

    async def add(self, slo: Slo) -> None:
        if await self.find(slo.service_id, slo.name) is not None:
            raise AlreadyExists
        self.rows[slo.id] = slo

    async def save(self, slo: Slo) -> Slo:
        if self.rows[slo.id].version != slo.version:
            raise Stale
        self.rows[slo.id] = replace(slo, version=slo.version + 1)
        return self.rows[slo.id]
