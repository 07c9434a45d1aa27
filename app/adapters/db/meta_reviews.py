"""Meta-reviews with their patterns and themes as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import ActionItemRow, MetaReviewPatternRow, MetaReviewRow, MetaReviewThemeRow
from app.domain.errors import NotFound
from app.domain.learning.statistics import Interval
from app.domain.meta_reviews.model import (
    Build,
    BuildState,
    BuildStep,
    HeatCell,
    MetaReview,
    MetaReviewStatus,
    Numbers,
)
from app.domain.meta_reviews.pattern import Direction, Exposed, Part, Pattern, PatternKind, Quote
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.theme import Theme, ThemeStatus

_reviews, _patterns, _themes = table(MetaReviewRow), table(MetaReviewPatternRow), table(MetaReviewThemeRow)
_items = table(ActionItemRow)


class SqlMetaReviews:
    """Meta-reviews in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID) -> MetaReview:
        return _to_review(await self._run.get(_reviews, id))

    async def find(self, id: UUID) -> MetaReview | None:
        row = await self._run.first(sa.select(_reviews).where(_reviews.c.id == id))
        return None if row is None else _to_review(row)

    async def find_by_period(self, period: Quarter) -> MetaReview | None:
        row = await self._run.first(sa.select(_reviews).where(_reviews.c.period == str(period)))
        return None if row is None else _to_review(row)

    async def unpublished(self) -> tuple[UUID, ...]:
        statement = sa.select(_reviews.c.id).where(_reviews.c.status != MetaReviewStatus.PUBLISHED)
        return tuple(row["id"] for row in await self._run.all(statement.order_by(_reviews.c.period)))

    async def add(self, review: MetaReview) -> bool:
        statement = insert(_reviews).values(_of_review(review)).on_conflict_do_nothing(index_elements=["period"])
        return bool(await self._run.execute(statement))

    async def save(self, review: MetaReview) -> MetaReview:
        await self._run.update(_reviews, review.id, review.version, _of_review(review))
        return replace(review, version=review.version + 1)

    async def progress(self, id: UUID, build: Build) -> None:
        values = _of_build(build)
        await self._run.execute(sa.update(_reviews).where(_reviews.c.id == id).values(values))

    async def patterns(self, review_id: UUID) -> tuple[Pattern, ...]:
        statement = sa.select(_patterns).where(_patterns.c.review_id == review_id)
        return tuple(_to_pattern(row) for row in await self._run.all(statement.order_by(_patterns.c.key)))

    async def find_pattern(self, id: UUID) -> Pattern | None:
        row = await self._run.first(sa.select(_patterns).where(_patterns.c.id == id))
        return None if row is None else _to_pattern(row)

    async def pattern_named(self, review_id: UUID, key: str) -> Pattern:
        where = (_patterns.c.review_id == review_id, _patterns.c.key == key)
        row = await self._run.first(sa.select(_patterns).where(*where))
        if row is None:
            raise NotFound(f"The review has no pattern “{key}”.")
        return _to_pattern(row)

    async def keys_with_items(self, review_id: UUID) -> frozenset[str]:
        statement = (
            sa.select(_patterns.c.key)
            .join(_items, _items.c.pattern_id == _patterns.c.id)
            .where(_patterns.c.review_id == review_id)
            .distinct()
        )
        return frozenset(row["key"] for row in await self._run.all(statement))

    async def save_patterns(self, patterns: Sequence[Pattern]) -> None:
        await self._upsert(_patterns, [_of_pattern(pattern) for pattern in patterns])

    async def remove_patterns(self, ids: Sequence[UUID]) -> None:
        if ids:
            await self._run.execute(sa.delete(_patterns).where(_patterns.c.id.in_(ids)))

    async def themes(self, review_id: UUID) -> tuple[Theme, ...]:
        statement = sa.select(_themes).where(_themes.c.review_id == review_id)
        return tuple(_to_theme(row) for row in await self._run.all(statement.order_by(_themes.c.phrase)))

    async def get_theme(self, id: UUID) -> Theme:
        row = await self._run.get(_themes, id)
        return _to_theme(row)

    async def save_themes(self, themes: Sequence[Theme]) -> None:
        await self._upsert(_themes, [_of_theme(theme) for theme in themes])

    async def remove_themes(self, ids: Sequence[UUID]) -> None:
        if ids:
            await self._run.execute(sa.delete(_themes).where(_themes.c.id.in_(ids)))

    async def _upsert(self, into: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        statement = insert(into)
        given = {name: statement.excluded[name] for name in rows[0] if name != "id"}
        await self._run.execute(statement.on_conflict_do_update(index_elements=["id"], set_=given), rows)


_SAME = (
    "id", "time_zone", "starts_at", "ends_at", "created_at", "updated_at", "built_at", "content_hash",
    "submitted_by_id", "published_by_id", "published_at", "version",
)  # fmt: skip


def _to_review(row: Row) -> MetaReview:
    step = row["build_step"]
    return MetaReview(
        **{name: row[name] for name in _SAME},
        period=Quarter.parse(row["period"]),
        status=MetaReviewStatus(row["status"]),
        build=Build(
            BuildState(row["build_state"]), row["build_done"], row["build_of"], step and BuildStep(step),
            row["build_error"],
        ),
        numbers=_to_numbers(row["numbers"]),
    )  # fmt: skip


def _of_review(review: MetaReview) -> dict[str, Any]:
    return (
        {name: getattr(review, name) for name in _SAME}
        | _of_build(review.build)
        | {
            "period": str(review.period),
            "status": review.status,
            "numbers": review.numbers and asdict(review.numbers) | {"n_missing": review.numbers.n_missing},
        }
    )


def _of_build(build: Build) -> dict[str, Any]:
    return {
        "build_state": build.state,
        "build_done": build.done,
        "build_of": build.of,
        "build_step": build.step,
        "build_error": build.error,
    }


def _to_numbers(value: dict[str, Any] | None) -> Numbers | None:
    if value is None:
        return None
    known = {name: one for name, one in value.items() if name not in ("heat", "n_missing")}
    return Numbers(**known, heat=tuple(HeatCell(**cell) for cell in value["heat"]))


_COUNTS = ("id", "review_id", "key", "title", "n", "of", "previous_n", "previous_of", "p", "fix", "fix_is_edited")


def _to_pattern(row: Row) -> Pattern:
    return Pattern(
        **{name: row[name] for name in _COUNTS},
        kind=PatternKind(row["kind"]),
        interval=None if row["low"] is None else Interval(row["low"], row["high"]),
        direction=Direction(row["direction"]),
        incident_ids=tuple(row["incident_ids"]),
        parts=tuple(Part(**part) for part in row["parts"]),
        quotes=_to_quotes(row["quotes"]),
        services=tuple(Exposed(**one) for one in row["services"]),
    )


def _of_pattern(pattern: Pattern) -> dict[str, Any]:
    return {name: getattr(pattern, name) for name in _COUNTS} | {
        "kind": pattern.kind,
        "low": pattern.interval and pattern.interval.low,
        "high": pattern.interval and pattern.interval.high,
        "direction": pattern.direction,
        "revenue_per_hour_usd": pattern.revenue_per_hour_usd,
        "incident_ids": list(pattern.incident_ids),
        "parts": [asdict(part) for part in pattern.parts],
        "quotes": _of_quotes(pattern.quotes),
        "services": [asdict(one) for one in pattern.services],
    }


_THEME = (
    "id", "review_id", "phrase", "n", "n_elsewhere", "z", "factor_code", "reason", "decided_by_id", "decided_at",
)  # fmt: skip


def _to_theme(row: Row) -> Theme:
    return Theme(
        **{name: row[name] for name in _THEME},
        status=ThemeStatus(row["status"]),
        incident_ids=tuple(row["incident_ids"]),
        quotes=_to_quotes(row["quotes"]),
    )


def _of_theme(theme: Theme) -> dict[str, Any]:
    return {name: getattr(theme, name) for name in _THEME} | {
        "status": theme.status,
        "incident_ids": list(theme.incident_ids),
        "quotes": _of_quotes(theme.quotes),
    }


def _to_quotes(values: Sequence[Mapping[str, Any]]) -> tuple[Quote, ...]:
    return tuple(Quote(v["text"], UUID(v["incident_id"]), UUID(v["postmortem_id"]), v["incident"]) for v in values)


def _of_quotes(quotes: Sequence[Quote]) -> list[dict[str, Any]]:
    return [
        {"text": q.text, "incident_id": str(q.incident_id), "postmortem_id": str(q.postmortem_id),
         "incident": q.incident}
        for q in quotes
    ]  # fmt: skip
