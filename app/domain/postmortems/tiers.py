"""Depth matches severity: which tier an incident's postmortem gets, and why."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.incidents.model import Impact, Incident, Severity
from app.domain.organisation.model import Team, add_business_days
from app.domain.policy import Policy, TierPolicy
from app.domain.postmortems.model import Tier


class Novelty(StrEnum):
    """Whether the confirmed cause was seen before; `unknown` has no effect."""

    NOVEL = "novel"
    NEW_CONTEXT = "known_new_context"
    KNOWN = "known"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CauseHistory:
    """What happened before this incident, counted over standard incidents with a confirmed cause."""

    seen_anywhere: int = 0
    seen_on_services: int = 0
    on_services_in_window: int = 0
    fix_was_verified: bool = False
    service_history_days: int = 0


@dataclass(frozen=True, slots=True)
class TierProposal:
    """The tier the rules give, with a reason for every step."""

    tier: Tier
    reasons: tuple[str, ...]
    novelty: Novelty


def novelty_of(incident: Incident, history: CauseHistory, policy: TierPolicy) -> Novelty:
    """Unknown until the cause is confirmed and the service has a history to compare with."""
    if incident.confirmed_cause_id is None or history.service_history_days < policy.novelty_history_days:
        return Novelty.UNKNOWN
    if history.seen_on_services:
        return Novelty.KNOWN
    return Novelty.NEW_CONTEXT if history.seen_anywhere else Novelty.NOVEL


def propose_tier(incident: Incident, history: CauseHistory, policy: TierPolicy) -> TierProposal:
    """Severity and impact set the tier, novelty raises it by one step, repetition demands at least tier 2."""
    tier, reasons = _by_severity(incident)
    novelty = novelty_of(incident, history, policy)
    if novelty in (Novelty.NOVEL, Novelty.NEW_CONTEXT):
        minor = incident.severity >= Severity.P4 and not incident.customer_impact.at_least(Impact.MODERATE)
        words = "never seen before" if novelty is Novelty.NOVEL else "seen before, but not on this service"
        raised = tier if minor else Tier(max(1, tier - 1))
        reasons += (f"the cause was {words}" + ("" if raised == tier else ": one step deeper"),)
        tier = raised
    return _by_repetition(tier, reasons, novelty, history, policy)


def _by_severity(incident: Incident) -> tuple[Tier, tuple[str, ...]]:
    severity, impact = incident.severity, incident.customer_impact
    reasons = (f"severity {severity.name}", f"customer impact {impact}")
    if severity is Severity.P1 or impact is Impact.SIGNIFICANT:
        return Tier.FULL, reasons
    if severity is Severity.P2 or impact is Impact.MODERATE:
        return Tier.STANDARD, reasons
    return Tier.SUMMARY, reasons


def _by_repetition(
    tier: Tier, reasons: tuple[str, ...], novelty: Novelty, history: CauseHistory, policy: TierPolicy
) -> TierProposal:
    occurrence = history.on_services_in_window + 1
    if occurrence >= 3:
        reasons += (f"occurrence {occurrence} on this service in {policy.third_occurrence_days} days: at least tier 2",)
    if history.fix_was_verified:
        reasons += ("it came back after a fix was verified: at least tier 2",)
    if occurrence >= 3 or history.fix_was_verified:
        tier = min(tier, Tier.STANDARD)
    return TierProposal(tier, reasons, novelty)


def requires_postmortem(incident: Incident, policy: TierPolicy) -> bool:
    """P1, P2 or at least moderate impact; for other incidents one is written on request."""
    severe = incident.severity <= policy.postmortem_required_rank
    return incident.counts and (severe or incident.customer_impact.at_least(Impact.MODERATE))


def due_on(incident: Incident, team: Team | None, policy: Policy) -> date | None:
    """Business days after the incident was resolved, by the owning team's calendar, else by the organisation's."""
    resolved_at = incident.moments.resolved_at
    if resolved_at is None:
        return None
    days = policy.tiers.due_business_days.get(int(incident.severity), policy.tiers.due_business_days_default)
    if team is not None:
        return team.add_business_days(resolved_at, days)
    return add_business_days(resolved_at, days, time_zone=policy.organisation_time_zone)
