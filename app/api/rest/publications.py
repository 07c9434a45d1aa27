"""REST: what a postmortem's timeline is made from, and the places that are told once it is published."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep
from app.api.reading import answer_one
from app.api.rest.postmortem_schemas import AnnouncementOut
from app.api.schemas import Out
from app.domain.announcing import use_cases
from app.domain.postmortems.use_cases import facts

router = APIRouter(prefix="/{postmortem_id}")


class GatheredOut(Out):
    """What the sources said."""

    facts: int = Field(description="How many facts there are; those not known yet are in the timeline now.")
    failed: dict[str, str] = Field(description="Why a source did not answer, by its name; the others counted.")


@router.post("/timeline/gather", response_model=GatheredOut)
async def gather_timeline(ports: PortsDep, caller: CallerDep, postmortem_id: UUID) -> GatheredOut:
    """Ask every source (deployments, annotations, Grafana) what happened around the incident, and add what is new to
    the timeline. What a person took out does not come back."""
    gathered = await facts.gather_timeline(
        ports.uow, ports.clock, ports.policy, ports.timeline_sources, caller=caller, postmortem_id=postmortem_id
    )
    return GatheredOut(facts=len(gathered.facts), failed=dict(gathered.failed))


@router.post("/publications/{publication_id}/retry", response_model=AnnouncementOut)
async def retry_publication(ports: PortsDep, caller: CallerDep, postmortem_id: UUID, publication_id: UUID) -> Response:
    """Tell a place again that could not be told; it is looked for before anything is written."""
    await use_cases.retry_publication(
        ports.uow, caller=caller, postmortem_id=postmortem_id, publication_id=publication_id
    )
    return await answer_one(ports, caller, "announcement", AnnouncementOut, publication_id)
