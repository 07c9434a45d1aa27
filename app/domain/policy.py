"""Every number the rules use, in one typed place; settings may override each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

SIX_MONTHS_DAYS = 183


@dataclass(frozen=True, slots=True)
class TierPolicy:
    """Depth matches severity: what a tier must contain (the article's classification)."""

    summary_max_chars: int = 1200
    min_factors: int = 2
    whys: int = 5
    min_systemic_items: int = 1
    min_timeline_entries: int = 3
    min_items: Mapping[int, int] = field(default_factory=lambda: {1: 1, 2: 2, 3: 1})
    max_items_before_warning: Mapping[int, int] = field(default_factory=lambda: {2: 3, 3: 1})
    due_business_days: Mapping[int, int] = field(default_factory=lambda: {1: 5})
    due_business_days_default: int = 10
    postmortem_required_rank: int = 2
    novelty_history_days: int = 180
    third_occurrence_days: int = 365
    publish_without_tickets_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class EvidencePolicy:
    """When a fix counts as shown to work."""

    window_days: int = 30
    max_window_days: int = SIX_MONTHS_DAYS
    max_silence_probability: float = 0.5
    refutation_days: int = SIX_MONTHS_DAYS
    deployment_unknown_days: int = 14
    undetermined_days: int = 30
    min_coverage: float = 0.9


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How a ticket is delivered exactly once (`docs/adr/0005`)."""

    max_attempts: int = 12
    lease: timedelta = timedelta(seconds=45)
    settle: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "github": timedelta(seconds=15),
            "linear": timedelta(seconds=5),
            "jira": timedelta(seconds=120),
            "local": timedelta(0),
        }
    )
    backoff_first: timedelta = timedelta(seconds=2)
    backoff_max: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """How an error budget raises priorities, and when it lets them go. Keys are names of signals or sources.

    `burns` are (multiple of the even burn, long window, short window): both windows at or above it make the signal.
    """

    levels: Mapping[str, int] = field(
        default_factory=lambda: {
            "budget_exhausted": 2,
            "fast_burn": 2,
            "burn": 1,
            "budget_low": 1,
            "slow_burn": 1,
        }
    )
    least_base_rank: Mapping[str, int] = field(default_factory=lambda: {"slow_burn": 3})
    burns: Mapping[str, tuple[tuple[float, str, str], ...]] = field(
        default_factory=lambda: {
            "fast_burn": ((14.4, "1h", "5m"),),
            "burn": ((6.0, "6h", "30m"),),
            "slow_burn": ((3.0, "1d", "2h"), (1.0, "3d", "6h")),
        }
    )
    exhausted_at: float = 0.0
    low_at: float = 0.25
    recovery_margin: float = 0.05
    burn_clear: timedelta = timedelta(hours=6)
    budget_clear: timedelta = timedelta(hours=1)
    silent_after: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "prometheus": timedelta(minutes=5),
            "alertmanager": timedelta(hours=5),  # it repeats what fires every 4 hours
        }
    )
    silent_after_default: timedelta = timedelta(hours=6)
    longest_vouch: timedelta = timedelta(days=7)
    max_stale: timedelta = timedelta(hours=72)
    new_boosts_a_day: int = 100
    falls_apart: timedelta = timedelta(hours=24)
    clock_skew: timedelta = timedelta(minutes=5)
    max_burn_rate: float = 1_000_000
    history_days: int = 35


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it."""

    tiers: TierPolicy = field(default_factory=TierPolicy)
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    budgets: BudgetPolicy = field(default_factory=BudgetPolicy)
    organisation_time_zone: str = "UTC"
    public_url: str = "http://127.0.0.1:8000"
