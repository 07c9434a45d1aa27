"""Every metric together."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.learning.completion import Completion
from app.domain.learning.durations import DurationTrend
from app.domain.learning.effectiveness import FixEffectiveness
from app.domain.learning.facts import Phase
from app.domain.learning.follow_through import FollowThrough
from app.domain.learning.recurrence_rate import RecurrenceRate
from app.domain.learning.severities import SeverityDistribution


@dataclass(frozen=True, slots=True)
class PostmortemMetrics:
    """Every metric over one window."""

    recurrence: RecurrenceRate
    completion: Completion
    detection: Mapping[Phase, DurationTrend]
    severity: SeverityDistribution
    effectiveness: FixEffectiveness
    follow_through: FollowThrough
