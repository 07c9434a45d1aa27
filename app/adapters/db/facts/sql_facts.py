"""The port `Facts` over an asyncpg pool."""

import asyncio
from collections.abc import Mapping

import asyncpg

from app.adapters.db.facts.durations import durations, severity_groups
from app.adapters.db.facts.fixes import fixes
from app.adapters.db.facts.items import evidence_groups, item_groups, open_items
from app.adapters.db.facts.publications import publications
from app.adapters.db.facts.recurrences import recurrences
from app.domain.learning.completion import ItemGroup
from app.domain.learning.durations import PhaseDurations
from app.domain.learning.effectiveness import Fixes
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.follow_through import Progress
from app.domain.learning.measures import MetricsPolicy, Window
from app.domain.learning.recurrence_rate import Recurrences
from app.domain.learning.severities import SeverityGroup


class SqlFacts:
    """One set-based statement a metric; where a metric needs two they run side by side."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", policy: MetricsPolicy) -> None:
        self._pool = pool
        self._policy = policy

    async def items(self, where: FactFilter, window: Window) -> tuple[ItemGroup, ...]:
        return await item_groups(self._pool, where, window)

    async def recurrences(self, where: FactFilter, window: Window) -> Recurrences:
        return await recurrences(self._pool, where, window, self._policy.recurrence_days)

    async def durations(self, where: FactFilter, window: Window) -> Mapping[Phase, PhaseDurations]:
        return await durations(self._pool, where, window, self._policy.trend_incidents)

    async def severities(self, where: FactFilter, window: Window) -> tuple[SeverityGroup, ...]:
        return await severity_groups(self._pool, where, window)

    async def fixes(self, where: FactFilter, window: Window) -> Fixes:
        return await fixes(self._pool, where, window, self._policy.recurrence_days)

    async def progress(self, where: FactFilter, window: Window) -> Progress:
        items, still_open, (overall, published) = await asyncio.gather(
            evidence_groups(self._pool, where, window),
            open_items(self._pool, where, window, self._policy.ages),
            publications(self._pool, where, window),
        )
        return Progress(items, still_open, published, overall)
