"""The (root cause, service) pairs of a history file, for what can be learned from it without a database."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from app.domain.incidents.history import PastIncident
from app.domain.incidents.model import Mode
from app.domain.learning.risk import PairHistory
from app.domain.postmortems.content import SectionName

LONGEST_CAUSE = 200


def pairs_of(past: Iterable[PastIncident]) -> tuple[PairHistory, ...]:
    """Standard incidents with a start and a cause: a confirmed entry of the catalogue, else what was stated."""
    found: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    for incident in past:
        cause, at = _cause(incident), incident.moments.started_at
        if cause and at and incident.mode is Mode.STANDARD:
            for service in incident.services:
                found[cause, service].append(at)
    return tuple(
        PairHistory(uuid5(NAMESPACE_OID, cause), uuid5(NAMESPACE_OID, service), service, tuple(sorted(instants)))
        for (cause, service), instants in found.items()
    )


def _cause(incident: PastIncident) -> str | None:
    if incident.cause is not None:
        return incident.cause.slug if incident.cause.confirmed else None
    stated = incident.postmortem.sections.get(SectionName.ROOT_CAUSE) if incident.postmortem else None
    return " ".join(stated.split()).casefold()[:LONGEST_CAUSE] if stated else None
