"""Where an item's ticket goes, and the deliveries that carry it there."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid4

from app.domain.actions.model import ActionItem
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.organisation.model import Provider, Route, Service, Team
from app.domain.policy import Policy
from app.domain.tracking.deliveries import Delivery, DeliveryKind
from app.domain.tracking.model import Ticket, TicketUpdate

LOCAL = Route(Provider.LOCAL, "norepeat", restricted=True)
"""Our own tracker: nobody outside sees it, so tickets of restricted incidents may always go there."""


def route_of(service: Service | None, team: Team | None, incident: Incident | None) -> Route:
    """The service's route, else the team's, else our own tracker; restricted work only where that is allowed."""
    route = (service and service.route) or (team and team.route) or LOCAL
    if incident is not None and incident.restricted and not may_hold_restricted(route):
        return LOCAL
    return route


def may_hold_restricted(route: Route) -> bool:
    """Whether work of restricted incidents may be seen there."""
    return route.provider is Provider.LOCAL or route.restricted


def new_ticket(item: ActionItem, route: Route, now: datetime) -> tuple[Ticket, Delivery]:
    """A ticket that is to be created, and the delivery that will create it exactly once."""
    ticket = Ticket(id=new_id(), action_item_id=item.id, route=route, created_at=now, updated_at=now)
    return ticket, Delivery(
        id=new_id(),
        key=f"create:{ticket.id}",
        kind=DeliveryKind.CREATE,
        ticket_id=ticket.id,
        provider=route.provider,
        marker=uuid4(),
        created_at=now,
    )


def ticket_update(ticket: Ticket, update: TicketUpdate, *, reason: str, now: datetime) -> Delivery:
    """A change for a ticket; `reason` makes the key, so that one cause tells the ticket once."""
    return Delivery(
        id=new_id(),
        key=f"update:{ticket.id}:{reason}",
        kind=DeliveryKind.UPDATE,
        ticket_id=ticket.id,
        provider=ticket.route.provider,
        marker=uuid4(),
        created_at=now,
        update={name: _plain(value) for name, value in asdict(update).items() if value is not None},
    )


def _plain(value: object) -> object:
    return value if isinstance(value, str) else str(value)


def page_of(item_id: UUID, policy: Policy) -> str:
    """The link back that every ticket carries."""
    return f"{policy.public_url}/action-items/{item_id}"


def project_of(provider: Provider, key: str) -> str:
    """The project that a ticket's key names: `owner/repository#12`, `SHOP-12`."""
    if provider is Provider.LOCAL:
        return LOCAL.project
    return key.rpartition("#" if provider is Provider.GITHUB else "-")[0]
