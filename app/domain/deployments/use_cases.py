"""Recording deployments, and saying which of them an incident may come from."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.deployments.model import (
    ChangeHint,
    ContradictoryDeployment,
    Deployment,
    DeploymentReport,
    RepositoryReport,
    hints,
)
from app.domain.errors import AlreadyExists
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.model import NoService
from app.domain.policy import DeploymentPolicy
from app.domain.ports import Clock, DeploymentWebhooks, InboxItem, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_service


@dataclass(frozen=True, slots=True)
class Recorded:
    """The deployment, and whether it was not known before."""

    deployment: Deployment
    is_new: bool


async def record_deployment(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: DeploymentPolicy,
    *,
    caller: Caller,
    said: DeploymentReport,
    services: Sequence[str] = (),
) -> Recorded:
    """What CI/CD says of a deployment. Its source and id name it, so that the same report twice is one deployment, and
    a later one (it succeeded, it was rolled back) goes on from the first. Raises NoService, UnknownReference."""
    authorize(caller, Action.RECORD_DEPLOYMENT)
    now = clock()
    _require_past(said, now, policy)
    async with uow() as u:
        ids = tuple(dict.fromkeys([(await the_service(u, ref)).id for ref in services]))
    return await keep_deployment(uow, caller=caller, said=said, service_ids=ids, now=now)


def _require_past(said: DeploymentReport, now: datetime, policy: DeploymentPolicy) -> None:
    for name, at in (("started_at", said.started_at), ("deployed_at", said.deployed_at)):
        if at is not None and at > now + policy.clock_skew:
            raise ContradictoryDeployment(f"{name} lies in the future.")


async def keep_deployment(
    uow: OpenUnitOfWork, *, caller: Caller, said: DeploymentReport, service_ids: Sequence[UUID], now: datetime
) -> Recorded:
    """Somebody who says the same at the same time makes no second one."""
    try:
        return await _kept(uow, caller, said, service_ids, now)
    except AlreadyExists:
        return await _kept(uow, caller, said, service_ids, now)


async def _kept(
    uow: OpenUnitOfWork, caller: Caller, said: DeploymentReport, service_ids: Sequence[UUID], now: datetime
) -> Recorded:
    async with uow() as u:
        old = await u.deployments.get_external(said.source, said.external_id)
        if old is None and not service_ids:
            raise NoService("A deployment names at least one service.")
        if old is None:
            bare = Deployment(new_id(), said.source, said.external_id, tuple(service_ids), caller.actor, now, now)
            saved = bare.told(said, service_ids, now)
            await u.deployments.add(saved)
        elif (new := old.told(said, service_ids, now)) != old:
            saved = await u.deployments.save(replace(new, updated_at=now))
        else:
            return Recorded(old, is_new=False)
        await _announce(u, saved, caller, now)
        await u.commit()
    return Recorded(saved, old is None)


async def _announce(u: UnitOfWork, saved: Deployment, caller: Caller, now: datetime) -> None:
    data = {
        "state": str(saved.state),
        "environment": saved.environment,
        "service_ids": [str(id) for id in saved.service_ids],
    }
    await u.events.add(Event(EventType.DEPLOYMENT_RECORDED, saved.id, now, caller.actor, None, data))


def act_on_deployments(
    uow: OpenUnitOfWork, clock: Clock, policy: DeploymentPolicy, webhooks: DeploymentWebhooks
) -> Callable[[InboxItem], Awaitable[str | None]]:
    """What to do with a forge's webhook about a deployment; None for one that is about something else."""

    async def act(item: InboxItem) -> str | None:
        said = webhooks.read_deployment(item.headers, item.body)
        return None if said is None else await apply_repository_report(uow, clock, policy, said=said)

    return act


async def apply_repository_report(
    uow: OpenUnitOfWork, clock: Clock, policy: DeploymentPolicy, *, said: RepositoryReport
) -> str:
    """Record it for the services that it names, else for those whose own tracker route is the repository; what
    happened, in words. A preview is of no interest, and which services others mean is not guessed."""
    environment = (said.report.environment or "").casefold()
    if not (said.is_production or environment in policy.production):
        return "not production"
    report = said.report if environment in policy.production else replace(said.report, environment="production")
    async with uow() as u:
        named = [service for slug in said.services if (service := await u.services.find_by_slug(slug))]
        places = named or await u.services.of_repository(said.repository)
    if not places:
        return f"no service's route names the repository {said.repository}"
    ids = [service.id for service in places]
    recorded = await keep_deployment(uow, caller=SYSTEM, said=report, service_ids=ids, now=clock())
    return "recorded" if recorded.is_new else "known already"


async def get_changes(
    uow: OpenUnitOfWork, policy: DeploymentPolicy, *, caller: Caller, incident_id: UUID, hours: int | None = None
) -> tuple[ChangeHint, ...]:
    """Deployments of the incident's services in the hours before it started: where to look first, not what caused it.
    Empty while nobody knows when it started."""
    authorize(caller, Action.READ)
    async with uow() as u:
        incident = await u.incidents.get(incident_id, caller)
        started_at = incident.moments.started_at or incident.moments.detected_at
        if started_at is None:
            return ()
        since = started_at - timedelta(hours=hours or policy.hint_hours)
        found = await u.deployments.between(incident.service_ids, since, started_at)
    return hints(found, started_at, policy)
