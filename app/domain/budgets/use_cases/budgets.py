"""Looking at a service's budgets, and bringing SLO definitions in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.access import Action, Caller, authorize
from app.domain.budgets.places import the_place
from app.domain.budgets.slos import Slo, SloDefinition
from app.domain.budgets.view import ServiceBudget, budget_view
from app.domain.ids import new_id
from app.domain.policy import BudgetPolicy
from app.domain.ports import Clock, OpenUnitOfWork

RECENT = 100
"""Readings that the view shows."""


async def get_budget(
    uow: OpenUnitOfWork, clock: Clock, policy: BudgetPolicy, *, caller: Caller, service: str
) -> ServiceBudget:
    """State, bands, boosts and recent history of a service. Raises NotFound with suggestions."""
    authorize(caller, Action.READ)
    async with uow() as u:
        place = await the_place(u, service)
        return budget_view(
            place.id,
            place.slug,
            slos=await u.slos.of_service(place.id),
            readings=await u.boosts.recent(place.id, RECENT),
            boosts=await u.boosts.live([place.id]),
            now=clock(),
            policy=policy,
        )


@dataclass(frozen=True, slots=True)
class ImportedSlos:
    """How an import ended; `unknown` are the services that nobody here knows."""

    added: int
    changed: int
    unchanged: int
    unknown: tuple[str, ...]


async def import_slos(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, definitions: Sequence[SloDefinition]
) -> ImportedSlos:
    """Keep SLO definitions; doing it twice changes nothing. Those of unknown services are named and left out."""
    authorize(caller, Action.CONFIGURE)
    now, added, changed, unknown = clock(), 0, 0, list[str]()
    async with uow() as u:
        for one in definitions:
            service = await u.services.find_by_slug(one.service)
            if service is None:
                unknown.append(one.service)
                continue
            old = await u.slos.find(service.id, one.name)
            new = Slo(
                id=old.id if old else new_id(), service_id=service.id, name=one.name, objective=one.objective,
                window_days=one.window_days, source=one.source, created_at=old.created_at if old else now,
                updated_at=now, title=one.title, description=one.description, spec=one.spec,
                version=old.version if old else 1,
            )  # fmt: skip
            if old is None:
                await u.slos.add(new)
                added += 1
            elif replace(new, updated_at=old.updated_at) != old:
                await u.slos.save(new)
                changed += 1
        await u.commit()
    kept = len(definitions) - len(unknown)
    return ImportedSlos(added, changed, kept - added - changed, tuple(dict.fromkeys(unknown)))
