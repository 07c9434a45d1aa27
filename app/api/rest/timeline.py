"""REST: a postmortem's timeline, entry by entry. The version of an entry is the postmortem's."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from app.api.deps import CallerDep, PortsDep, SeenVersion
from app.api.reading import answer_one
from app.api.rest.postmortem_schemas import TimelineEntryCreate, TimelineEntryOut, TimelineEntryPatch
from app.domain.postmortems.use_cases import timeline

router = APIRouter(prefix="/{postmortem_id}/timeline")


@router.post("", status_code=201, response_model=TimelineEntryOut)
async def add_timeline_entry(
    ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: TimelineEntryCreate
) -> Response:
    """Add a fact with a time. The ETag is the postmortem's."""
    saved, entry = await timeline.add_timeline_entry(
        ports.uow,
        ports.clock,
        caller=caller,
        postmortem_id=postmortem_id,
        occurred_at=body.occurred_at,
        kind=body.kind,
        text=body.text,
        source=body.source,
        pinned=body.pinned,
    )
    return await answer_one(
        ports, caller, "timeline_entry", TimelineEntryOut, entry.id, status=201, version=saved.version
    )


@router.patch("/{entry_id}", response_model=TimelineEntryOut)
async def update_timeline_entry(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, postmortem_id: UUID, entry_id: UUID, body: TimelineEntryPatch
) -> Response:
    """Correct an entry. `If-Match` and the ETag are the postmortem's."""
    fields: Any = body.changes()
    saved, _ = await timeline.update_timeline_entry(
        ports.uow,
        ports.clock,
        caller=caller,
        postmortem_id=postmortem_id,
        entry_id=entry_id,
        fields=fields,
        expected_version=seen,
    )
    return await answer_one(ports, caller, "timeline_entry", TimelineEntryOut, entry_id, version=saved.version)


@router.delete("/{entry_id}", status_code=204)
async def remove_timeline_entry(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, postmortem_id: UUID, entry_id: UUID
) -> Response:
    """Take an entry out. `If-Match` and the ETag are the postmortem's."""
    saved = await timeline.remove_timeline_entry(
        ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id, entry_id=entry_id, expected_version=seen
    )
    return Response(status_code=204, headers={"ETag": f'"{saved.version}"'})
