"""What a monitoring system answers: series of points, or why it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.domain.errors import Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Series:
    """One time series of an answer. A value may be NaN or infinite."""

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]


class InvalidQuery(Invalid):
    """The monitoring system does not understand the query, or it can show nothing."""

    code = "invalid_query"


class NoMonitoring(Invalid):
    """No monitoring system is configured."""

    code = "monitoring_not_configured"


class MonitoringUnavailable(Unavailable):
    """The monitoring system does not answer. Try again."""

    code = "monitoring_unavailable"
