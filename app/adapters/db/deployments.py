"""Deployments as rows, with their services and what they name."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import DeploymentReferenceRow, DeploymentRow, DeploymentServiceRow
from app.domain.deployments.model import Deployment, DeploymentState, normalized

_deployments = table(DeploymentRow)
_services, _references = table(DeploymentServiceRow), table(DeploymentReferenceRow)
MOST = 1000


class SqlDeployments:
    """Deployments in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def find(self, id: UUID) -> Deployment | None:
        found = await self._select(_whole().where(_deployments.c.id == id))
        return found[0] if found else None

    async def get_external(self, source: str, external_id: str) -> Deployment | None:
        same = (_deployments.c.source == source) & (_deployments.c.external_id == external_id)
        row = await self._run.first(sa.select(_deployments.c.id).where(same).with_for_update())
        return None if row is None else await self.find(row["id"])

    async def add(self, deployment: Deployment) -> None:
        await self._run.insert(_deployments, _to_row(deployment))
        await self._replace_parts(deployment)

    async def save(self, deployment: Deployment) -> Deployment:
        await self._run.update(_deployments, deployment.id, deployment.version, _to_row(deployment))
        await self._replace_parts(deployment)
        return replace(deployment, version=deployment.version + 1)

    async def naming(self, references: Sequence[str]) -> tuple[Deployment, ...]:
        named = _references.c.reference == sa.any_(sa.literal(list(references), sa.ARRAY(sa.Text)))
        ids = sa.select(_references.c.deployment_id).where(named)
        statement = _whole().where(_deployments.c.id.in_(ids)).order_by(_deployments.c.ended_at).limit(MOST)
        return await self._select(statement)

    async def between(self, service_ids: Sequence[UUID], start: datetime, end: datetime) -> tuple[Deployment, ...]:
        of_these = _services.c.service_id == sa.any_(sa.literal(list(service_ids), sa.ARRAY(sa.Uuid)))
        ids = sa.select(_services.c.deployment_id).where(of_these)
        overlapping = (_deployments.c.ended_at >= start) & (_deployments.c.began_at <= end)
        statement = _whole().where(_deployments.c.id.in_(ids), overlapping)
        return await self._select(statement.order_by(_deployments.c.ended_at.desc(), _deployments.c.id).limit(MOST))

    async def _select(self, statement: sa.Select[Any]) -> tuple[Deployment, ...]:
        return tuple(map(_to_deployment, await self._run.all(statement)))

    async def _replace_parts(self, deployment: Deployment) -> None:
        id = deployment.id
        services = [
            {"deployment_id": id, "service_id": service_id, "position": position}
            for position, service_id in enumerate(deployment.service_ids)
        ]
        names = dict.fromkeys(map(normalized, deployment.references))
        references = [{"deployment_id": id, "reference": name} for name in names]
        await self._run.replace_all(_services, _services.c.deployment_id == id, services)
        await self._run.replace_all(_references, _references.c.deployment_id == id, references)


def _whole() -> sa.Select[Any]:
    by_position = aggregate_order_by(_services.c.service_id, _services.c.position.asc())
    services = sa.select(sa.func.array_agg(by_position)).where(_services.c.deployment_id == _deployments.c.id)
    return sa.select(_deployments, services.scalar_subquery().label("service_ids"))


_PLAIN = (
    "id", "version", "created_at", "updated_at", "source", "external_id", "recorded_by", "environment", "revision",
    "ref", "repository", "url", "description", "started_at", "deployed_at", "told_at",
)  # fmt: skip


def _to_deployment(row: Row) -> Deployment:
    return Deployment(
        **{name: row[name] for name in _PLAIN},
        service_ids=tuple(row["service_ids"] or ()),
        state=DeploymentState(row["state"]),
        references=tuple(row["references"]),
    )


def _to_row(deployment: Deployment) -> dict[str, Any]:
    return {name: getattr(deployment, name) for name in _PLAIN} | {
        "state": deployment.state,
        "references": list(deployment.references),
        "began_at": deployment.began_at,
        "ended_at": deployment.ended_at,
    }
