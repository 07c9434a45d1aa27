"""Deployments and annotations that were pushed to us, as facts of a timeline."""

from collections.abc import Sequence

from app.domain.annotations.model import Annotation
from app.domain.deployments.model import Deployment, DeploymentState
from app.domain.gathering import SourceFact, Window
from app.domain.organisation.model import Service
from app.domain.policy import DeploymentPolicy
from app.domain.ports import OpenUnitOfWork
from app.domain.postmortems.content import TimelineKind

SAYINGS = {
    DeploymentState.PENDING: "Deployment asked for",
    DeploymentState.IN_PROGRESS: "Deployment under way",
    DeploymentState.SUCCEEDED: "Deployed",
    DeploymentState.FAILED: "Deployment failed",
    DeploymentState.ROLLED_BACK: "Rolled back",
}


class DeploymentTimeline:
    """The port `TimelineSource`: what went to production."""

    def __init__(self, uow: OpenUnitOfWork, policy: DeploymentPolicy) -> None:
        self._uow, self._policy = uow, policy

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        slugs = {service.id: service.slug for service in services}
        async with self._uow() as u:
            found = await u.deployments.between(list(slugs), window.start, window.end)
        of_interest = [one for one in found if one.is_production(self._policy)]
        return tuple(_deployed(one, [slugs[id] for id in one.service_ids if id in slugs]) for one in of_interest)


def _deployed(deployment: Deployment, slugs: Sequence[str]) -> SourceFact:
    what = f" {deployment.revision[:12]}" if deployment.revision else ""
    text = f"{SAYINGS[deployment.state]}: {', '.join(slugs)}{what}"
    more = f". {deployment.description}" if deployment.description else ""
    # The state is part of the id: a deployment that is taken back later is another fact.
    id = f"deployment:{deployment.id}:{deployment.state}"
    return SourceFact(id, deployment.ended_at, TimelineKind.NOTE, text + more, deployment.url)


class AnnotationTimeline:
    """The port `TimelineSource`: what others pushed."""

    def __init__(self, uow: OpenUnitOfWork) -> None:
        self._uow = uow

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        async with self._uow() as u:
            found = await u.annotations.between([service.id for service in services], window.start, window.end)
        return tuple(map(_annotated, found))


def _annotated(annotation: Annotation) -> SourceFact:
    said = annotation.report
    return SourceFact(f"annotation:{annotation.id}", said.at, said.kind, said.text, said.url)
