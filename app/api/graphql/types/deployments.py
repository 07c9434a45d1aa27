"""Deployments and annotations."""

from datetime import datetime

from app.api.graphql.fields import column, edges
from app.api.graphql.records import record
from app.api.graphql.types.node import VersionedType
from app.api.graphql.types.organisation import ServiceType
from app.domain.deployments.model import DeploymentState
from app.domain.postmortems.content import TimelineKind


@record("deployment")
class DeploymentType(VersionedType):
    """Something that was put somewhere."""

    source: str = column("Who says so.")
    external_id: str = column("Its id there.")
    state: DeploymentState = column("How far it is.")
    environment: str = column("Where it went.")
    revision: str | None = column("What went there: a commit or a version.")
    ref: str | None = column("The branch or tag.")
    repository: str | None = column("Where the code is.")
    url: str | None = column("Where people see it.")
    description: str = column("What it is about.")
    references: list[str] = column("Action items and tickets that it contains.")
    started_at: datetime | None = column("When it began.")
    deployed_at: datetime | None = column("When it was done.")
    services: list[ServiceType] = edges("What was deployed.", "service")


@record("annotation")
class AnnotationType(VersionedType):
    """Something that happened around services, or all of them."""

    source: str = column("Who says so.")
    external_id: str = column("Its id there.")
    at: datetime = column("When it happened, or began.")
    ends_at: datetime | None = column("When it ended.")
    kind: TimelineKind = column("What kind of fact.")
    text: str = column("What happened.")
    url: str | None = column("Where it can be seen.")
    services: list[ServiceType] = edges("What it is about; all services if empty.", "service")
