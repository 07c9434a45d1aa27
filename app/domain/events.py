"""Events: what changed, as rows written in the transaction that changed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.ids import new_id


class EventType(StrEnum):
    """The names are public and versioned: a change of meaning is a new version."""

    INCIDENT_CREATED = "incident.created.v1"
    INCIDENT_UPDATED = "incident.updated.v1"
    INCIDENT_RESOLVED = "incident.resolved.v1"
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
    FINDING_OPENED = "finding.opened.v1"
    FINDING_CLOSED = "finding.closed.v1"
    FINDING_DISMISSED = "finding.dismissed.v1"


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
