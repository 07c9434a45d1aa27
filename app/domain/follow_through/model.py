"""A finding: a follow-through rule that is not met, with an owner and a remedy."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from app.domain.errors import WrongState


class FindingCode(StrEnum):
    """The rules (`GET /v1/findings`)."""

    DECLINED_WITHOUT_REASON = "declined_without_reason"
    RECURRED_REVIEW = "recurred_review"
    REPRIORITISED_IN_TRACKER = "reprioritised_in_tracker"
    REASSIGNED_IN_TRACKER = "reassigned_in_tracker"
    DUE_DATE_PUSHED_IN_TRACKER = "due_date_pushed_in_tracker"
    TICKET_LOST = "ticket_lost"
    TICKET_FAILED = "ticket_failed"
    TICKET_DOUBLED = "ticket_doubled"
    TICKET_EXPOSED = "ticket_exposed"
    TICKET_INCOMPLETE = "ticket_incomplete"
    OWNER_WITHOUT_HANDLE = "owner_without_handle"
    PROJECT_NOT_LISTED = "project_not_listed"
    DEPLOYMENT_UNKNOWN = "deployment_unknown"
    CAUSE_UNDETERMINED = "cause_undetermined"
    UNMATCHED_ALERT = "unmatched_alert"
    UNMATCHED_PAGE = "unmatched_page"
    FIX_ROLLED_BACK = "fix_rolled_back"
    PUBLICATION_FAILED = "publication_failed"
    PUBLICATION_EXPOSED = "publication_exposed"
    BOOST_EXPIRED_UNKNOWN = "boost_expired_unknown"
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint_disabled"
    ITEM_WITHOUT_TICKET = "item_without_ticket"
    ITEM_WITHOUT_OWNER = "item_without_owner"
    ITEM_WITHOUT_DUE_DATE = "item_without_due_date"
    ITEM_OVERDUE = "item_overdue"
    EVIDENCE_OVERDUE = "evidence_overdue"
    DECLINED_PAST_REVIEW = "declined_past_review"
    POSTMORTEM_LATE = "postmortem_late"
    SIGNED_CONTENT_CHANGED = "signed_content_changed"


class Step(IntEnum):
    """Whom a finding has reached; each is told once."""

    NOBODY = 0
    OWNER = 1
    TEAM_LEAD = 2
    LEADERSHIP = 3


class FindingClosed(WrongState):
    """This finding is closed already."""

    code = "finding_closed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it should be. At most one open finding per code and subject."""

    id: UUID
    code: FindingCode
    subject_kind: str
    subject_id: UUID
    message: str
    remedy: str
    opened_at: datetime
    incident_id: UUID | None = None
    team_id: UUID | None = None
    owner_id: UUID | None = None
    closed_at: datetime | None = None
    dismissed_by_id: UUID | None = None
    dismissed_reason: str | None = None
    step: Step = Step.NOBODY
    escalated_at: datetime | None = None
    version: int = 1

    def dismiss(self, by_id: UUID, reason: str, now: datetime) -> "Finding":
        if self.closed_at is not None:
            raise FindingClosed
        return replace(self, closed_at=now, dismissed_by_id=by_id, dismissed_reason=reason)

    def escalate(self, step: Step, now: datetime) -> "Finding | None":
        """The same, having reached further; None where it has been there already, or is over."""
        if self.closed_at is not None or step <= self.step:
            return None
        return replace(self, step=step, escalated_at=now)
