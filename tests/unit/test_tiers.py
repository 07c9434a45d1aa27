"""Depth matches severity: the tier that an incident's postmortem gets, and when it is due."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.domain.incidents.model import CauseStatus, Impact, Incident, Mode, Severity
from app.domain.policy import Policy, TierPolicy
from app.domain.postmortems.model import Tier
from app.domain.postmortems.tiers import (
    CauseHistory,
    Novelty,
    due_on,
    novelty_of,
    propose_tier,
    requires_postmortem,
)
from tests import make

POLICY = TierPolicy()
OLD = 400
"""Days of history that are enough to call a cause new."""


def an_incident(
    severity: Severity = Severity.P3, impact: Impact = Impact.NONE, *, confirmed: bool = False, **fields: Any
) -> Incident:
    cause = make.root_cause() if confirmed else None
    return make.incident(cause=cause, severity=severity, customer_impact=impact, **fields)


@pytest.mark.parametrize(
    ("severity", "impact", "tier"),
    [
        (Severity.P1, Impact.NONE, Tier.FULL),
        (Severity.P4, Impact.SIGNIFICANT, Tier.FULL),
        (Severity.P2, Impact.LIMITED, Tier.STANDARD),
        (Severity.P5, Impact.MODERATE, Tier.STANDARD),
        (Severity.P3, Impact.LIMITED, Tier.SUMMARY),
        (Severity.P5, Impact.NONE, Tier.SUMMARY),
    ],
)
def test_severity_and_impact_set_the_tier(severity: Severity, impact: Impact, tier: Tier) -> None:
    proposal = propose_tier(an_incident(severity, impact), CauseHistory(), POLICY)
    assert proposal.tier is tier
    assert proposal.reasons == (f"severity {severity.name}", f"customer impact {impact}")


def test_novelty_is_unknown_until_the_cause_is_confirmed() -> None:
    assert novelty_of(an_incident(), CauseHistory(service_history_days=OLD), POLICY) is Novelty.UNKNOWN
    proposed = replace(an_incident(confirmed=True), root_cause_status=CauseStatus.PROPOSED)
    assert novelty_of(proposed, CauseHistory(service_history_days=OLD), POLICY) is Novelty.UNKNOWN


def test_novelty_is_unknown_until_the_service_has_half_a_year_of_history() -> None:
    incident = an_incident(confirmed=True)
    assert novelty_of(incident, CauseHistory(service_history_days=179), POLICY) is Novelty.UNKNOWN
    assert novelty_of(incident, CauseHistory(service_history_days=180), POLICY) is Novelty.NOVEL


@pytest.mark.parametrize(
    ("history", "novelty", "tier"),
    [
        (CauseHistory(service_history_days=OLD), Novelty.NOVEL, Tier.STANDARD),
        (CauseHistory(seen_anywhere=1, service_history_days=OLD), Novelty.NEW_CONTEXT, Tier.STANDARD),
        (CauseHistory(seen_anywhere=1, seen_on_services=1, service_history_days=OLD), Novelty.KNOWN, Tier.SUMMARY),
    ],
)
def test_a_cause_that_is_new_here_raises_the_tier_by_one_step(
    history: CauseHistory, novelty: Novelty, tier: Tier
) -> None:
    proposal = propose_tier(an_incident(Severity.P3, confirmed=True), history, POLICY)
    assert (proposal.novelty, proposal.tier) == (novelty, tier)


def test_tier_1_cannot_be_raised() -> None:
    incident = an_incident(Severity.P1, confirmed=True)
    proposal = propose_tier(incident, CauseHistory(service_history_days=OLD), POLICY)
    assert proposal.tier is Tier.FULL
    assert proposal.reasons[-1] == "the cause was never seen before"


def test_a_new_cause_of_a_minor_incident_only_adds_a_reason() -> None:
    history = CauseHistory(service_history_days=OLD)
    minor = propose_tier(an_incident(Severity.P4, Impact.LIMITED, confirmed=True), history, POLICY)
    assert minor.tier is Tier.SUMMARY
    assert minor.reasons[-1] == "the cause was never seen before"
    felt = propose_tier(an_incident(Severity.P4, Impact.MODERATE, confirmed=True), history, POLICY)
    assert felt.tier is Tier.FULL


@pytest.mark.parametrize(("earlier", "tier"), [(1, Tier.SUMMARY), (2, Tier.STANDARD), (5, Tier.STANDARD)])
def test_a_third_occurrence_demands_at_least_tier_2(earlier: int, tier: Tier) -> None:
    history = CauseHistory(earlier, earlier, earlier, service_history_days=OLD)
    proposal = propose_tier(an_incident(Severity.P5, confirmed=True), history, POLICY)
    assert proposal.tier is tier
    assert any(f"occurrence {earlier + 1}" in reason for reason in proposal.reasons) == (tier is Tier.STANDARD)


def test_a_recurrence_after_a_verified_fix_demands_at_least_tier_2() -> None:
    history = CauseHistory(1, 1, 1, fix_was_verified=True, service_history_days=OLD)
    assert propose_tier(an_incident(Severity.P4, confirmed=True), history, POLICY).tier is Tier.STANDARD
    assert propose_tier(an_incident(Severity.P1, confirmed=True), history, POLICY).tier is Tier.FULL


@pytest.mark.parametrize(
    ("severity", "impact", "mode", "required"),
    [
        (Severity.P1, Impact.NONE, Mode.STANDARD, True),
        (Severity.P2, Impact.NONE, Mode.STANDARD, True),
        (Severity.P3, Impact.MODERATE, Mode.STANDARD, True),
        (Severity.P3, Impact.LIMITED, Mode.STANDARD, False),
        (Severity.P1, Impact.SIGNIFICANT, Mode.TEST, False),
    ],
)
def test_a_postmortem_is_required_from_p2_or_moderate_impact_on(
    severity: Severity, impact: Impact, mode: Mode, required: bool
) -> None:
    assert requires_postmortem(an_incident(severity, impact, mode=mode), POLICY) is required


def test_an_incident_that_lasts_has_no_due_date() -> None:
    assert due_on(an_incident(), make.team(), Policy()) is None


@pytest.mark.parametrize(("severity", "due"), [(Severity.P1, date(2026, 6, 22)), (Severity.P2, date(2026, 6, 29))])
def test_it_is_due_five_business_days_after_a_p1_and_ten_after_others(severity: Severity, due: date) -> None:
    incident = make.resolved(an_incident(severity))
    assert due_on(incident, make.team(), Policy()) == due


def test_the_owning_teams_calendar_counts() -> None:
    friday_evening = datetime(2026, 6, 19, 23, tzinfo=UTC)
    incident = make.resolved(an_incident(Severity.P1), friday_evening)
    auckland = make.team(time_zone="Pacific/Auckland", working_days=(7, 1, 2, 3, 4))
    assert due_on(incident, auckland, Policy()) == date(2026, 6, 25)


def test_without_a_team_the_organisations_calendar_counts() -> None:
    incident = make.resolved(an_incident(Severity.P1), datetime(2026, 6, 19, 23, tzinfo=UTC))
    assert due_on(incident, None, Policy()) == date(2026, 6, 26)
    assert due_on(incident, None, Policy(organisation_time_zone="Asia/Tokyo")) == date(2026, 6, 26)
