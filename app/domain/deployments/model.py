"""A deployment: what was put where and when, and what it is known to contain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Invalid
from app.domain.policy import DeploymentPolicy


class DeploymentState(StrEnum):
    """Only a succeeded one brings a fix to production; every other one may still have broken something."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


class ContradictoryDeployment(Invalid):
    """What is said of the deployment cannot be true."""

    code = "contradictory_deployment"


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """What somebody says of a deployment; `source` and `external_id` name it. None and empty say nothing.

    `told_at` is the time of what is said, where the source gives one: an older report changes nothing.
    """

    source: str
    external_id: str
    state: DeploymentState = DeploymentState.SUCCEEDED
    environment: str | None = None
    revision: str | None = None
    ref: str | None = None
    repository: str | None = None
    url: str | None = None
    description: str | None = None
    references: tuple[str, ...] = ()
    started_at: datetime | None = None
    deployed_at: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RepositoryReport:
    """A deployment as a forge tells it: of a repository. `services` are those that it names itself, if any."""

    report: DeploymentReport
    repository: str
    is_production: bool
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of some services. `references` are ids of action items, and keys or URLs of their tickets, that
    it is said to contain: nothing else ever says so."""

    id: UUID
    source: str
    external_id: str
    service_ids: tuple[UUID, ...]
    recorded_by: str
    created_at: datetime
    updated_at: datetime
    state: DeploymentState = DeploymentState.PENDING
    environment: str = "production"
    revision: str | None = None
    ref: str | None = None
    repository: str | None = None
    url: str | None = None
    description: str = ""
    references: tuple[str, ...] = ()
    started_at: datetime | None = None
    deployed_at: datetime | None = None
    told_at: datetime | None = None
    version: int = 1

    @property
    def began_at(self) -> datetime:
        return self.started_at or self.deployed_at or self.created_at

    @property
    def ended_at(self) -> datetime:
        return self.deployed_at or self.started_at or self.created_at

    def is_production(self, policy: DeploymentPolicy) -> bool:
        return self.environment.casefold() in policy.production

    def told(self, said: DeploymentReport, service_ids: Sequence[UUID], now: datetime) -> "Deployment":
        """With what is said now. When it reached production is said once: a repeated success moves nothing."""
        if said.told_at is not None and self.told_at is not None and said.told_at < self.told_at:
            return self
        deployed_at = said.deployed_at or self.deployed_at
        if said.state is DeploymentState.SUCCEEDED and deployed_at is None:
            deployed_at = said.told_at or now
        new = replace(
            self,
            state=said.state,
            environment=said.environment or self.environment,
            revision=said.revision or self.revision,
            ref=said.ref or self.ref,
            repository=said.repository or self.repository,
            url=said.url or self.url,
            description=said.description or self.description,
            references=tuple(dict.fromkeys((*self.references, *said.references))),
            service_ids=tuple(service_ids) or self.service_ids,
            started_at=said.started_at or self.started_at,
            deployed_at=deployed_at,
            told_at=said.told_at or self.told_at,
        )
        return new._checked()

    def _checked(self) -> "Deployment":
        if self.started_at is not None and self.deployed_at is not None and self.deployed_at < self.started_at:
            raise ContradictoryDeployment("deployed_at lies before started_at.")
        return self

    def brings_to_production(self, since: datetime, policy: DeploymentPolicy) -> bool:
        """Whether what it contains has been in production since `deployed_at`, and that is not before `since`."""
        done = self.state is DeploymentState.SUCCEEDED and self.deployed_at is not None
        return done and self.is_production(policy) and self.ended_at >= since


def normalized(reference: str) -> str:
    """References are compared in any case: providers do the same with their keys."""
    return reference.strip().casefold()


@dataclass(frozen=True, slots=True)
class ChangeHint:
    """A deployment that an incident may come from; `minutes_before` its start."""

    deployment: Deployment
    minutes_before: float


def hints(deployments: Sequence[Deployment], started_at: datetime, policy: DeploymentPolicy) -> tuple[ChangeHint, ...]:
    """Those in production that were there or under way when it started, the nearest first."""
    found = [
        ChangeHint(one, round((started_at - _latest_before(one, started_at)).total_seconds() / 60, 1))
        for one in deployments
        if one.is_production(policy) and one.began_at <= started_at
    ]
    nearest = sorted(found, key=lambda hint: (hint.minutes_before, hint.deployment.id))
    return tuple(nearest[: policy.max_hints])


def _latest_before(deployment: Deployment, at: datetime) -> datetime:
    return deployment.ended_at if deployment.ended_at <= at else deployment.began_at
