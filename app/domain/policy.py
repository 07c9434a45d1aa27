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
class FeedPolicy:
    """What the sprint feed shows."""

    window_days: int = 90
    horizon_days: int = 90


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it. `weekend` is the fall-back for teams that name no working days."""

    tiers: TierPolicy = field(default_factory=TierPolicy)
    evidence: EvidencePolicy = field(default_factory=EvidencePolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    feed: FeedPolicy = field(default_factory=FeedPolicy)
    organisation_time_zone: str = "UTC"
    public_url: str = "http://127.0.0.1:8000"
    default_tracker: str = "local"
    default_tracker_restricted: bool = True
