"""What a monitoring system answers: series of points, or why it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.errors import Invalid, Unavailable


class Backend(StrEnum):
    """Which monitoring system a plan asks."""

    PROMETHEUS = "prometheus"
    DATADOG = "datadog"


@dataclass(frozen=True, slots=True)
class Series:
    """One time series of an answer. A value may be NaN or infinite.

    `every`: seconds that each point stands for, where the backend decides that and not who asks.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[datetime, float], ...]
    every: float | None = None


class InvalidQuery(Invalid):
    """The monitoring system does not understand the query, or it can show nothing."""

    code = "invalid_query"


class NoMonitoring(Invalid):
    """The monitoring system that a plan asks is not configured."""

    code = "monitoring_not_configured"


class MonitoringUnavailable(Unavailable):
    """The monitoring system does not answer. Try again."""

    code = "monitoring_unavailable"
