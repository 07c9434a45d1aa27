"""What GitHub sends us about deployments: which commit went where, and how that ended."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.adapters.calling import storable
from app.adapters.trackers.signed import content, header
from app.domain.deployments.model import DeploymentReport, DeploymentState, RepositoryReport
from app.domain.errors import Invalid

STATES: Mapping[str, DeploymentState] = {
    "pending": DeploymentState.PENDING,
    "queued": DeploymentState.PENDING,
    "waiting": DeploymentState.PENDING,
    "in_progress": DeploymentState.IN_PROGRESS,
    "success": DeploymentState.SUCCEEDED,
    "failure": DeploymentState.FAILED,
    "error": DeploymentState.FAILED,
}
"""`inactive` is missing: it only says that a later deployment took its place."""

MOST = 100


class GitHubDeployments:
    """The port `DeploymentWebhooks`."""

    def read_deployment(self, headers: Mapping[str, str], body: bytes) -> RepositoryReport | None:
        event = header(headers, "x-github-event")
        if event not in ("deployment", "deployment_status"):
            return None
        said = content(body)
        try:
            return _report(said)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Invalid(f"This is not a {event} event as GitHub documents it: {error!r}") from error


def _report(said: Mapping[str, Any]) -> RepositoryReport | None:
    deployment, status = said["deployment"], said.get("deployment_status") or {}
    state = STATES.get(str(status.get("state") or "pending"))
    if state is None:
        return None
    told_at = _instant(status.get("created_at") or deployment["created_at"])
    named, repository = _payload(deployment), str(said["repository"]["full_name"])
    report = DeploymentReport(
        source="github",
        external_id=str(deployment["id"]),
        state=state,
        environment=storable(status.get("environment") or deployment.get("environment") or "", 200),
        revision=storable(deployment.get("sha") or "", 200) or None,
        ref=storable(deployment.get("ref") or "", 200) or None,
        repository=repository,
        url=status.get("environment_url") or status.get("log_url") or status.get("target_url") or None,
        description=storable(deployment.get("description") or "") or None,
        references=_texts(named, "references"),
        started_at=_instant(deployment["created_at"]),
        deployed_at=told_at if state is DeploymentState.SUCCEEDED else None,
        told_at=told_at,
    )
    production = bool(deployment.get("production_environment")) and not deployment.get("transient_environment")
    return RepositoryReport(report, repository, production, _texts(named, "services") or _texts(named, "service"))


def _payload(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the one who deployed wrote along: an object, or text that holds one."""
    payload = deployment.get("payload")
    try:
        found = json.loads(payload) if isinstance(payload, str) else payload
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _texts(named: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = named.get(name)
    found: Sequence[Any] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(storable(one, 500) for one in found[:MOST] if isinstance(one, str) and one)


def _instant(text: Any) -> datetime:
    at = datetime.fromisoformat(str(text))
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
