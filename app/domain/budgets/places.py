"""The service that a caller or a monitoring system means, and what to say where there is none."""

from difflib import get_close_matches
from uuid import NAMESPACE_URL, UUID, uuid5

from app.domain.budgets.alerts import Alert
from app.domain.budgets.measuring import MeasuredBudget
from app.domain.errors import NotFound, Problem
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import open_finding
from app.domain.ids import new_id
from app.domain.organisation.model import Service
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork


async def the_place(u: UnitOfWork, ref: str) -> Service:
    """The service with this id or slug. Raises NotFound with slugs that are near."""
    try:
        found = await u.services.find(UUID(ref))
    except ValueError:
        found = await u.services.find_by_slug(ref)
    if found is not None:
        return found
    near = get_close_matches(ref.lower(), await u.services.slugs(), n=3)
    hint = f" Did you mean {' or '.join(f'“{slug}”' for slug in near)}?" if near else ""
    problems = tuple(Problem("suggestion", slug, "/service") for slug in near)
    raise NotFound(f"There is no service “{ref}”.{hint}", problems=problems)


async def find_place(u: UnitOfWork, said: Alert | MeasuredBudget) -> Service | None:
    """The service that a monitoring system names, else the one whose imported SLO has the name that it says."""
    if said.service is not None:
        return await u.services.find_by_slug(said.service)
    service_id = await u.slos.service_of(said.slo)
    return await u.services.find(service_id) if service_id else None


async def report_unmatched(uow: OpenUnitOfWork, clock: Clock, service: str | None, slo: str, source: str) -> None:
    """A finding, once, that a monitoring system speaks of a service that nobody here knows."""
    named = f"the service “{service}”" if service else "no service"
    finding = Finding(
        id=new_id(), code=FindingCode.UNMATCHED_ALERT, subject_kind="alert",
        subject_id=uuid5(NAMESPACE_URL, f"norepeat:unmatched:{service}:{slo}"),
        message=f"{source.title()} says something of the SLO “{slo}”, but names {named}, which nobody here knows.",
        remedy="Add the service under that slug, or import the SLO with `norepeat slo import`, then dismiss this.",
        opened_at=clock(),
    )  # fmt: skip
    async with uow() as u:
        await open_finding(u, finding)
        await u.commit()
