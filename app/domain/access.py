"""Who may do what: one table, one function, default deny."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Forbidden, HumanRequired


class Role(StrEnum):
    """Each role may do what the ones before it may."""

    READER = "reader"
    RESPONDER = "responder"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Rule:
    """The least role, whether a person is needed, and the scope that narrows a key to this."""

    role: Role
    scope: str
    human: bool = False


class Action(StrEnum):
    """Everything a caller can ask for."""

    READ = "read"
    CONFIGURE = "configure"
    OPERATE = "operate"
    WRITE_INCIDENT = "write_incident"
    WRITE_ROOT_CAUSE = "write_root_cause"
    MERGE_ROOT_CAUSES = "merge_root_causes"
    WRITE_POSTMORTEM = "write_postmortem"
    REVIEW_DRAFT = "review_draft"
    SIGN_OFF = "sign_off"
    OVERRIDE_TIER = "override_tier"
    WAIVE = "waive"
    PUBLISH_WITHOUT_TICKETS = "publish_without_tickets"
    WRITE_ACTION_ITEM = "write_action_item"
    DECLINE = "decline"
    ATTEST = "attest"
    REVIEW_EVIDENCE = "review_evidence"
    REVIEW_PLAN = "review_plan"
    DISMISS_FINDING = "dismiss_finding"
    RAISE_BOOST = "raise_boost"
    ANSWER_SUGGESTION = "answer_suggestion"
    READ_AUDIT_LOG = "read_audit_log"
    SEND_EVENTS_OUT = "send_events_out"
    WRITE_META_REVIEW = "write_meta_review"
    REVIEW_META_REVIEW = "review_meta_review"
    PUBLISH_META_REVIEW = "publish_meta_review"
    RECORD_DEPLOYMENT = "record_deployment"


RULES: Mapping[Action, Rule] = {
    Action.READ: Rule(Role.READER, "read"),
    Action.CONFIGURE: Rule(Role.ADMIN, "admin"),
    Action.OPERATE: Rule(Role.ADMIN, "admin"),
    Action.WRITE_INCIDENT: Rule(Role.RESPONDER, "incidents:write"),
    Action.WRITE_ROOT_CAUSE: Rule(Role.RESPONDER, "incidents:write"),
    Action.MERGE_ROOT_CAUSES: Rule(Role.REVIEWER, "incidents:write"),
    Action.WRITE_POSTMORTEM: Rule(Role.RESPONDER, "postmortems:write"),
    Action.REVIEW_DRAFT: Rule(Role.RESPONDER, "postmortems:write", human=True),
    Action.SIGN_OFF: Rule(Role.RESPONDER, "postmortems:write", human=True),
    Action.OVERRIDE_TIER: Rule(Role.REVIEWER, "postmortems:write", human=True),
    Action.WAIVE: Rule(Role.REVIEWER, "postmortems:write", human=True),
    Action.PUBLISH_WITHOUT_TICKETS: Rule(Role.REVIEWER, "postmortems:write", human=True),
    Action.WRITE_ACTION_ITEM: Rule(Role.RESPONDER, "action-items:write"),
    Action.DECLINE: Rule(Role.RESPONDER, "action-items:write", human=True),
    Action.ATTEST: Rule(Role.RESPONDER, "action-items:write", human=True),
    Action.REVIEW_EVIDENCE: Rule(Role.REVIEWER, "action-items:write", human=True),
    Action.REVIEW_PLAN: Rule(Role.REVIEWER, "action-items:write", human=True),
    Action.DISMISS_FINDING: Rule(Role.RESPONDER, "findings:write", human=True),
    Action.RAISE_BOOST: Rule(Role.RESPONDER, "boosts:write"),
    Action.ANSWER_SUGGESTION: Rule(Role.RESPONDER, "incidents:write", human=True),
    Action.READ_AUDIT_LOG: Rule(Role.ADMIN, "admin"),
    Action.SEND_EVENTS_OUT: Rule(Role.ADMIN, "admin"),
    Action.WRITE_META_REVIEW: Rule(Role.RESPONDER, "meta-reviews:write"),
    Action.REVIEW_META_REVIEW: Rule(Role.RESPONDER, "meta-reviews:write", human=True),
    Action.PUBLISH_META_REVIEW: Rule(Role.REVIEWER, "meta-reviews:write", human=True),
    Action.RECORD_DEPLOYMENT: Rule(Role.RESPONDER, "deployments:write"),
}
"""Responders write; reviewers also sign, accept attestations, waive and override; admins
configure. What a rule cannot say (not your own work) is said where the work is loaded."""

SCOPES = frozenset(rule.scope for rule in RULES.values())


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: one person or one service account, and the key that said so.

    `scopes` narrows what the role allows; an empty set means "all that the role allows".
    """

    role: Role
    person_id: UUID | None = None
    service_account_id: UUID | None = None
    name: str = ""
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    request_id: str | None = None

    @property
    def actor(self) -> str:
        """How events, history and the audit log name this caller."""
        if self.person_id is not None:
            return f"person:{self.person_id}"
        if self.service_account_id is not None:
            return f"service_account:{self.service_account_id}"
        return "system"

    @property
    def sees_everything(self) -> bool:
        """Admins and the service itself see restricted incidents; all others only when they are on the list."""
        return self.role is Role.ADMIN


SYSTEM = Caller(role=Role.ADMIN, name="norepeat")
"""The service acting by itself: schedules, reactions to events, webhooks of trackers."""


def authorize(caller: Caller, action: Action) -> None:
    """Raise unless the caller may do this. Who may *see* an object is decided when it is loaded.

    Raises Forbidden, or HumanRequired where a person has to act.
    """
    rule = RULES[action]
    if not caller.role.includes(rule.role):
        raise Forbidden(f"This needs the role {rule.role}; yours is {caller.role}.")
    if caller.scopes and rule.scope not in caller.scopes:
        raise Forbidden(f"This key lacks the scope {rule.scope}.")
    if rule.human and caller.person_id is None:
        raise HumanRequired


def require_person(caller: Caller) -> UUID:
    """The person behind the credential; a signature is never taken from a body."""
    if caller.person_id is None:
        raise HumanRequired
    return caller.person_id
