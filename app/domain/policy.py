"""Every number the rules use, in one typed place; settings may override each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

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
            "datadog": timedelta(seconds=60),
            "pagerduty": timedelta(seconds=15),
            "grafana": timedelta(seconds=5),
            "slack": timedelta(seconds=15),
        }
    )
    backoff_first: timedelta = timedelta(seconds=2)
    backoff_max: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PagingPolicy:
    """What a page becomes. Ranks are those of severities, 1 to 5; names of priorities match in any case; `services`
    are slugs by the id of the service there."""

    priorities: Mapping[str, int] = field(
        default_factory=lambda: {f"{letter}{rank}": rank for letter in ("P", "SEV", "SEV-") for rank in range(1, 6)}
    )
    urgencies: Mapping[str, int] = field(default_factory=lambda: {"high": 3, "low": 4})
    default_rank: int = 3
    record_every_page: bool = False
    services: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeploymentPolicy:
    """Which deployments count, and how long before an incident one may have caused it."""

    production: frozenset[str] = frozenset({"production", "prod", "live"})
    hint_hours: int = 24
    max_hint_hours: int = 24 * 14
    max_hints: int = 50
    clock_skew: timedelta = timedelta(minutes=5)
    patience: timedelta = timedelta(seconds=10)
    gather_margin: timedelta = timedelta(hours=1)


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
            "datadog": timedelta(minutes=30),  # asked every 5 minutes, as far as its rate limit allows
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
class OutboundPolicy:
    """How events are sent out. A delivery is tried once and then after each of the delays, give or take `jitter`."""

    retry_delays: tuple[timedelta, ...] = (
        timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
        timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
    )  # fmt: skip
    jitter: float = 0.2
    timeout_seconds: float = 10.0
    lease: timedelta = timedelta(seconds=45)
    longest_wait: timedelta = timedelta(hours=24)
    disable_after: timedelta = timedelta(days=5)
    rotation_overlap: timedelta = timedelta(hours=24)
    response_chars: int = 1000
    at_once: int = 64
    at_once_per_endpoint: int = 4
    redelivered_at_once: int = 10_000
    kept_days: int = 90
    allow_http: bool = False
    allowed_networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowThroughPolicy:
    """When a rule is not met. `applies_from` says from which day on a rule counts, by the code of its finding: what was
    late before is late since that day. `steps` are the days after which a finding reaches the owner, the team's lead
    and the leadership. `plannings` are the first days of planning by a team's slug; `planning_days` repeat them."""

    applies_from: Mapping[str, date] = field(default_factory=dict)
    applies_from_default: date = date(2026, 11, 1)
    steps: tuple[int, int, int] = (0, 7, 30)
    digest_weekday: int = 1
    digest_hour: int = 9
    digest_days: int = 7
    digest_lines: int = 10
    plannings: Mapping[str, date] = field(default_factory=dict)
    planning_days: int = 14
    leadership_channel: str | None = None

    def counts_from(self, code: str) -> date:
        return self.applies_from.get(code, self.applies_from_default)


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it."""

    tiers: TierPolicy = field(default_factory=TierPolicy)
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    budgets: BudgetPolicy = field(default_factory=BudgetPolicy)
    outbound: OutboundPolicy = field(default_factory=OutboundPolicy)
    paging: PagingPolicy = field(default_factory=PagingPolicy)
    deployments: DeploymentPolicy = field(default_factory=DeploymentPolicy)
    follow_through: FollowThroughPolicy = field(default_factory=FollowThroughPolicy)
    organisation_time_zone: str = "UTC"
    public_url: str = "http://127.0.0.1:8000"
