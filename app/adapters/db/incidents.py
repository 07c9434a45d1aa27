"""Incidents as rows, with their services, viewers and names elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.adapters.db.cause_history import cause_history
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import IncidentRefRow, IncidentRow, IncidentServiceRow, IncidentViewerRow
from app.adapters.db.visibility import visible_to
from app.domain.access import Caller
from app.domain.errors import NotFound
from app.domain.incidents.model import (
    MOMENTS,
    CauseStatus,
    Change,
    ChangeKind,
    ChangeRole,
    DetectionSource,
    ExternalRef,
    Impact,
    Incident,
    Mode,
    Moments,
    Responder,
    Rollout,
    Severity,
    Visibility,
)
from app.domain.learning.taxonomy import UNDETERMINED_ID
from app.domain.postmortems.tiers import CauseHistory

_incidents = table(IncidentRow)
_services, _viewers, _refs = table(IncidentServiceRow), table(IncidentViewerRow), table(IncidentRefRow)


class SqlIncidents:
    """Incidents in the current transaction."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def get(self, id: UUID, caller: Caller) -> Incident:
        statement = sa.select(_incidents).where(_incidents.c.id == id, visible_to(caller, _incidents.c.id))
        row = await self._run.first(statement.with_for_update())
        if row is None:
            raise NotFound(f"There is no incident with the id {id}.")
        return await self._whole(row)

    async def find(self, id: UUID) -> Incident | None:
        row = await self._run.first(sa.select(_incidents).where(_incidents.c.id == id))
        return None if row is None else await self._whole(row)

    async def find_by_external_ref(self, source: str, id: str) -> Incident | None:
        named = sa.select(_refs.c.incident_id).where(_refs.c.source == source, _refs.c.external_id == id)
        row = await self._run.first(sa.select(_incidents).where(_incidents.c.id == named.scalar_subquery()))
        return None if row is None else await self._whole(row)

    async def add(self, incident: Incident) -> None:
        await self._run.insert(_incidents, of_incident(incident))
        await self._replace_parts(incident)

    async def save(self, incident: Incident) -> Incident:
        await self._run.update(_incidents, incident.id, incident.version, of_incident(incident))
        await self._replace_parts(incident)
        return replace(incident, version=incident.version + 1)

    async def cause_history(self, incident: Incident, *, window_days: int) -> CauseHistory:
        if incident.confirmed_cause_id in (None, UNDETERMINED_ID):
            return CauseHistory()
        row = await self._run.first(cause_history(incident, window_days))
        assert row is not None, "an aggregate always gives a row"
        return CauseHistory(**row)

    async def _whole(self, row: Row) -> Incident:
        """With its parts, read after the row was locked: they change only under that lock."""
        by_position = aggregate_order_by(_services.c.service_id, _services.c.position.asc())
        services = sa.select(sa.func.array_agg(by_position)).where(_services.c.incident_id == row["id"])
        viewers = sa.select(sa.func.array_agg(_viewers.c.person_id)).where(_viewers.c.incident_id == row["id"])
        parts = await self._run.first(
            sa.select(services.scalar_subquery().label("services"), viewers.scalar_subquery().label("viewers"))
        )
        assert parts is not None, "a select without a table always gives a row"
        return _to_incident(row, tuple(parts["services"] or ()), frozenset(parts["viewers"] or ()))

    async def _replace_parts(self, incident: Incident) -> None:
        id = incident.id
        services = [
            {"incident_id": id, "service_id": service_id, "position": position}
            for position, service_id in enumerate(incident.service_ids)
        ]
        viewers = [{"incident_id": id, "person_id": person_id} for person_id in sorted(incident.viewer_ids)]
        refs = [{"incident_id": id, "source": ref.source, "external_id": ref.id} for ref in incident.external_refs]
        await self._run.replace_all(_services, _services.c.incident_id == id, services)
        await self._run.replace_all(_viewers, _viewers.c.incident_id == id, viewers)
        await self._run.replace_all(_refs, _refs.c.incident_id == id, refs)


_PLAIN = (
    "id", "version", "title", "summary", "created_at", "updated_at", "primary_service_id", "root_cause_id",
)  # fmt: skip


def _to_incident(row: Row, service_ids: tuple[UUID, ...], viewer_ids: frozenset[UUID]) -> Incident:
    sources: Mapping[str, str] = row["moment_sources"]
    return Incident(
        **{name: row[name] for name in _PLAIN},
        service_ids=service_ids,
        viewer_ids=viewer_ids,
        severity=Severity(row["severity"]),
        mode=Mode(row["mode"]),
        customer_impact=Impact(row["customer_impact"]),
        detection_source=DetectionSource(row["detection_source"]) if row["detection_source"] else None,
        moments=Moments(
            **{name: row[name] for name in MOMENTS},
            sources=tuple((name, sources[name]) for name in MOMENTS if name in sources),
        ),
        contradictions=tuple(row["contradictions"]),
        change=_to_change(row),
        external_refs=tuple(ExternalRef(ref["source"], ref["id"], ref["url"]) for ref in row["external_refs"]),
        responders=tuple(map(_to_responder, row["responders"])),
        root_cause_status=CauseStatus(row["root_cause_status"]) if row["root_cause_status"] else None,
        visibility=Visibility.RESTRICTED if row["restricted"] else Visibility.ORGANIZATION,
    )


def _to_responder(stored: Mapping[str, str | None]) -> Responder:
    source, id, name, person_id = (stored[key] for key in ("source", "id", "name", "person_id"))
    return Responder(source or "", id or "", name or "", UUID(person_id) if person_id else None)


def _to_change(row: Row) -> Change | None:
    if row["change_role"] is None:
        return None
    return Change(
        ChangeRole(row["change_role"]),
        ChangeKind(row["change_kind"]) if row["change_kind"] else None,
        Rollout(row["change_rollout"]) if row["change_rollout"] else None,
    )


def of_incident(incident: Incident) -> dict[str, Any]:
    moments, change = incident.moments, incident.change
    return {name: getattr(incident, name) for name in _PLAIN} | {
        **{name: getattr(moments, name) for name in MOMENTS},
        "moment_sources": dict(moments.sources),
        "contradictions": list(incident.contradictions),
        "severity": int(incident.severity),
        "mode": incident.mode,
        "customer_impact": incident.customer_impact,
        "detection_source": incident.detection_source,
        "change_role": change and change.role,
        "change_kind": change and change.kind,
        "change_rollout": change and change.rollout,
        "external_refs": [{"source": r.source, "id": r.id, "url": r.url} for r in incident.external_refs],
        "responders": [
            {"source": r.source, "id": r.id, "name": r.name, "person_id": str(r.person_id) if r.person_id else None}
            for r in incident.responders
        ],
        "root_cause_status": incident.root_cause_status,
        "restricted": incident.restricted,
    }
