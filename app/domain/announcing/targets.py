"""Where a published postmortem is told: for each target, the place that an incident has there, if any.

To add a target (a chat channel, say): a value in `AnnouncementTarget`, a line in `PLACES`, an adapter that fits the
port `NoticeBoard`, and a line in `app/wiring/boards.py`. Everything else, from the lease to the retry, is here already.
"""

from collections.abc import Callable, Mapping

from app.domain.announcing.model import AnnouncementTarget
from app.domain.incidents.model import Incident
from app.domain.organisation.model import Team
from app.domain.postmortems.model import Audience

Place = Callable[[Incident, Team | None, Audience], str | None]
"""The place there of this incident, whose primary service belongs to this team; None where there is none."""

EVERYWHERE = "organization"
"""Grafana and Datadog have one place for all: the organisation that the credential belongs to."""


def _incident_there(incident: Incident, _team: Team | None, _audience: Audience) -> str | None:
    return next((ref.id for ref in incident.external_refs if ref.source == AnnouncementTarget.PAGERDUTY), None)


def _everywhere(_incident: Incident, _team: Team | None, _audience: Audience) -> str | None:
    return EVERYWHERE


def _channel(_incident: Incident, _team: Team | None, audience: Audience) -> str | None:
    """Which channel that is stands in the settings; what goes to the incident's tracker alone has none."""
    return None if audience is Audience.INCIDENT_TRACKER else audience.value


PLACES: Mapping[AnnouncementTarget, Place] = {
    AnnouncementTarget.PAGERDUTY: _incident_there,
    AnnouncementTarget.GRAFANA: _everywhere,
    AnnouncementTarget.DATADOG: _everywhere,
    AnnouncementTarget.SLACK: _channel,
}
