"""Events: what changed, as rows written in the transaction that changed it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.access import Caller
from app.domain.errors import Invalid
from app.domain.ids import new_id


class EventType(StrEnum):
    """The names are public and versioned: a change of meaning is a new version."""

    INCIDENT_CREATED = "incident.created.v1"
    INCIDENT_UPDATED = "incident.updated.v1"
    INCIDENT_RESOLVED = "incident.resolved.v1"
    INCIDENT_FACTS_ADDED = "incident.facts_added.v1"
    INCIDENT_CAUSE_CHANGED = "incident.root_cause_changed.v1"
    ROOT_CAUSES_MERGED = "root_cause.merged.v1"
    POSTMORTEM_REQUIRED = "postmortem.required.v1"
    POSTMORTEM_CREATED = "postmortem.created.v1"
    POSTMORTEM_UPDATED = "postmortem.updated.v1"
    POSTMORTEM_TIER_CHANGED = "postmortem.tier_changed.v1"
    POSTMORTEM_SUBMITTED = "postmortem.submitted.v1"
    POSTMORTEM_CHANGES_REQUESTED = "postmortem.changes_requested.v1"
    POSTMORTEM_APPROVED = "postmortem.approved.v1"
    POSTMORTEM_PUBLISHED = "postmortem.published.v1"
    POSTMORTEM_REVISED = "postmortem.revised.v1"
    POSTMORTEM_ANNOUNCED = "postmortem.announced.v1"
    POSTMORTEM_NOT_ANNOUNCED = "postmortem.not_announced.v1"
    TRANSCRIPT_UPLOADED = "transcript.uploaded.v1"
    DRAFT_PROGRESSED = "draft.progressed.v1"
    DRAFT_REVIEWED = "draft.reviewed.v1"
    POSTMORTEM_WAIVED = "postmortem.waived.v1"
    ACTION_ITEM_CREATED = "action_item.created.v1"
    ACTION_ITEM_UPDATED = "action_item.updated.v1"
    ACTION_ITEM_OPENED = "action_item.opened.v1"
    ACTION_ITEM_STARTED = "action_item.started.v1"
    ACTION_ITEM_STOPPED = "action_item.stopped.v1"
    ACTION_ITEM_IMPLEMENTED = "action_item.implemented.v1"
    ACTION_ITEM_CLOSED = "action_item.closed.v1"
    ACTION_ITEM_DECLINED = "action_item.declined.v1"
    ACTION_ITEM_REOPENED = "action_item.reopened.v1"
    ACTION_ITEM_REFUTED = "action_item.refuted.v1"
    ACTION_ITEM_REFUTATION_UNDONE = "action_item.refutation_undone.v1"
    ACTION_ITEM_PRIORITY_CHANGED = "action_item.priority_changed.v1"
    BOOST_RAISED = "boost.raised.v1"
    BOOST_STALE = "boost.stale.v1"
    BOOST_CONFIRMED = "boost.confirmed.v1"
    BOOST_LIFTED = "boost.lifted.v1"
    BOOST_EXPIRED = "boost.expired_unknown.v1"
    CHECK_RECORDED = "check.recorded.v1"
    TICKET_SYNCED = "ticket.synced.v1"
    TICKET_CHANGED = "ticket.changed.v1"
    TICKET_FAILED = "ticket.failed.v1"
    TICKET_LOST = "ticket.lost.v1"
    DEPLOYMENT_RECORDED = "deployment.recorded.v1"
    ANNOTATION_RECORDED = "annotation.recorded.v1"
    META_REVIEW_CREATED = "meta_review.created.v1"
    META_REVIEW_REQUESTED = "meta_review.count_requested.v1"
    META_REVIEW_COUNTED = "meta_review.counted.v1"
    META_REVIEW_UPDATED = "meta_review.updated.v1"
    META_REVIEW_SUBMITTED = "meta_review.submitted.v1"
    META_REVIEW_SENT_BACK = "meta_review.sent_back.v1"
    META_REVIEW_PUBLISHED = "meta_review.published.v1"
    FINDING_OPENED = "finding.opened.v1"
    FINDING_CLOSED = "finding.closed.v1"
    FINDING_ESCALATED = "finding.escalated.v1"
    FINDING_DISMISSED = "finding.dismissed.v1"
    SUGGESTION_ANSWERED = "suggestion.answered.v1"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled.v1"


class UnknownEventType(Invalid):
    """No event has this type."""

    code = "unknown_event_type"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `incident_id` is the incident it derives from, which decides who may see it; `actor` is
    `person:<id>`, `service_account:<id>`, `tracker:<provider>` or `system`; `attempts` counts the worker's."""

    type: EventType
    subject_id: UUID
    occurred_at: datetime
    actor: str
    incident_id: UUID | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class PositionedEvent:
    """A committed event at its place in the feed, and what decides who gets it: the incident it derives from as it is
    now, and the slugs of the team and the service that it is about, where it is about one."""

    position: int
    event: Event
    restricted: bool = False
    viewer_ids: frozenset[UUID] = frozenset()
    team: str | None = None
    service: str | None = None

    def is_visible_to(self, caller: Caller) -> bool:
        return not self.restricted or caller.sees_everything or caller.person_id in self.viewer_ids


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events somebody wants; a name that ends in `.*` stands for all that begin so. Empty means all."""

    types: frozenset[str] = frozenset()
    subject_id: UUID | None = None
    teams: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def takes(self, one: PositionedEvent) -> bool:
        return (
            self.takes_type(one.event.type)
            and self.subject_id in (None, one.event.subject_id)
            and (not self.teams or one.team in self.teams)
            and (not self.services or one.service in self.services)
        )

    def takes_type(self, name: str) -> bool:
        if not self.types:
            return True
        return any(name == type or (type.endswith(".*") and name.startswith(type[:-1])) for type in self.types)


def require_types(names: Iterable[str]) -> frozenset[str]:
    """The same names. Raises UnknownEventType for one that no event has, or a prefix that no event begins with."""
    given = frozenset(names)
    unknown = [one for one in given if not any(EventFilter(frozenset({one})).takes_type(type) for type in EventType)]
    if unknown:
        raise UnknownEventType(f"{', '.join(sorted(unknown))}: no event has this type; see the list in the docs.")
    return given
