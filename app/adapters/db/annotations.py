"""Annotations as rows."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import AnnotationRow, AnnotationServiceRow
from app.domain.annotations.model import Annotation, AnnotationReport
from app.domain.postmortems.content import TimelineKind

_annotations, _services = table(AnnotationRow), table(AnnotationServiceRow)
MOST = 1000


class SqlAnnotations:
    """Annotations in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get_external(self, source: str, external_id: str) -> Annotation | None:
        same = (_annotations.c.source == source) & (_annotations.c.external_id == external_id)
        locked = await self._run.first(sa.select(_annotations.c.id).where(same).with_for_update())
        if locked is None:
            return None
        (found,) = await self._select(_whole().where(_annotations.c.id == locked["id"]))
        return found

    async def add(self, annotation: Annotation) -> None:
        await self._run.insert(_annotations, _to_row(annotation))
        await self._replace_services(annotation)

    async def save(self, annotation: Annotation) -> Annotation:
        await self._run.update(_annotations, annotation.id, annotation.version, _to_row(annotation))
        await self._replace_services(annotation)
        return replace(annotation, version=annotation.version + 1)

    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Annotation, ...]:
        here = _services.c.annotation_id == _annotations.c.id
        these = _services.c.service_id == sa.any_(sa.literal(list(service_ids), sa.ARRAY(sa.Uuid)))
        about = sa.or_(~sa.exists().where(here), sa.exists().where(here, these))
        ends = sa.func.coalesce(_annotations.c.ends_at, _annotations.c.at)
        statement = _whole().where(_annotations.c.at <= end, ends >= start, about)
        return await self._select(statement.order_by(_annotations.c.at, _annotations.c.id).limit(MOST))

    async def _select(self, statement: sa.Select[Any]) -> tuple[Annotation, ...]:
        return tuple(map(_to_annotation, await self._run.all(statement)))

    async def _replace_services(self, annotation: Annotation) -> None:
        rows = [
            {"annotation_id": annotation.id, "service_id": service_id, "position": position}
            for position, service_id in enumerate(annotation.service_ids)
        ]
        await self._run.replace_all(_services, _services.c.annotation_id == annotation.id, rows)


def _whole() -> sa.Select[Any]:
    by_position = aggregate_order_by(_services.c.service_id, _services.c.position.asc())
    services = sa.select(sa.func.array_agg(by_position)).where(_services.c.annotation_id == _annotations.c.id)
    return sa.select(_annotations, services.scalar_subquery().label("service_ids"))


_OWN = ("id", "version", "created_at", "updated_at", "recorded_by")
_SAID = ("source", "external_id", "at", "ends_at", "text", "url")


def _to_annotation(row: Row) -> Annotation:
    said = AnnotationReport(**{name: row[name] for name in _SAID}, kind=TimelineKind(row["kind"]))
    return Annotation(**{name: row[name] for name in _OWN}, report=said, service_ids=tuple(row["service_ids"] or ()))


def _to_row(annotation: Annotation) -> dict[str, Any]:
    return {name: getattr(annotation, name) for name in _OWN} | asdict(annotation.report)
