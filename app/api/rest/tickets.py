"""REST: an item's ticket: adopt one that exists, read it anew."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.api.deps import CallerDep, PortsDep
from app.api.reading import answer_one
from app.api.rest.action_items import ActionItemOut
from app.api.schemas import Body, Line
from app.domain.ports import Ports
from app.domain.tracking.use_cases import adopt_ticket as adopting
from app.domain.tracking.use_cases import resync_ticket as resyncing

router = APIRouter(prefix="/action-items/{item_id}/ticket", tags=["tickets"])


class AdoptBody(Body):
    """A ticket that exists, by its URL or key."""

    reference: Line


async def _item(ports: Ports, caller: CallerDep, item_id: UUID) -> Response:
    return await answer_one(ports, caller, "action_item", ActionItemOut, item_id)


@router.post("", response_model=ActionItemOut)
async def adopt_ticket(ports: PortsDep, caller: CallerDep, item_id: UUID, body: AdoptBody) -> Response:
    """Link a ticket that exists already instead of creating one."""
    await adopting.adopt_ticket(
        ports.uow, ports.clock, ports.policy, ports.trackers, caller=caller, item_id=item_id, reference=body.reference
    )
    return await _item(ports, caller, item_id)


@router.post("/resync", response_model=ActionItemOut)
async def resync_ticket(ports: PortsDep, caller: CallerDep, item_id: UUID) -> Response:
    """Read the ticket from its tracker now and adopt what changed; a lost one is created anew."""
    await resyncing.resync_ticket(ports.uow, ports.clock, ports.trackers, caller=caller, item_id=item_id)
    return await _item(ports, caller, item_id)
