"""What Prometheus scrapes: this process's own numbers, how the service does, and the organisation's stored gauges."""

import hmac
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.adapters.db.operations import Sample, SqlOperations
from app.adapters.process_metrics import REGISTRY
from app.domain.learning.gauges import Gauge
from app.domain.ports import Gauges

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ("metric", "team")
_ATTEMPTS = (1, 2, 3, 5, 8, 13)
OPERATIONS: Mapping[str, str] = {
    "delivery_oldest_undelivered_seconds": "How long the oldest delivery that has not arrived has waited, by kind.",
    "deliveries": "Deliveries to trackers by provider and state.",
    "deliveries_ambiguous": "Deliveries whose last attempt ended without an answer: looked up before the next.",
    "tickets_doubled_total": "Tickets that reconciliation found twice.",
    "findings_open": "Open findings by code.",
    "inbox_oldest_unhandled_seconds": "How long the oldest webhook that is kept but not acted on has waited.",
    "inbox_unhandled": "Webhooks that are kept but not acted on.",
    "events_oldest_unhandled_seconds": "How long the oldest event nobody has acted on has waited.",
    "audit_unsealed": "Rows of the audit log without position and hash; a worker seals them within a second.",
    "jobs": "Jobs in the queue by status.",
    "jobs_held": "Jobs that ended for good and wait for a person.",
    "schedule_last_success_timestamp_seconds": "When the work of a schedule last ended well.",
    "boost_quota_left": "How many new boosts a source may still raise today.",
    "postgres_start_timestamp_seconds": "When PostgreSQL started: a change is a restart.",
    "postgres_connections": "Connections to our database.",
    "postgres_database_bytes": "The size of our database.",
}


class PrometheusPage:
    """The port `ScrapePage`. The gauges are those that the worker has stored, so a scrape computes nothing."""

    def __init__(
        self,
        gauges: Gauges,
        token: str | None,
        registry: CollectorRegistry = REGISTRY,
        operations: SqlOperations | None = None,
    ) -> None:
        self._gauges = gauges
        self._token = token
        self._registry = registry
        self._operations = operations

    def admits(self, token: str) -> bool:
        return bool(self._token) and hmac.compare_digest(token.encode(), (self._token or "").encode())

    async def render(self) -> tuple[bytes, str]:
        page = generate_latest(self._registry)
        gauges, computed_at = await self._gauges.load()
        samples = await self._operations.samples() if self._operations else ()
        return page + generate_latest(_Stored(gauges, computed_at)) + generate_latest(_Now(samples)), CONTENT_TYPE


class _Now:
    """What the database says of the service, as a collector."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        grouped = defaultdict(list)
        for sample in self._samples:
            grouped[sample.name].append(sample)
        yield _attempts(grouped.pop("delivery_attempts", []))
        for name, samples in grouped.items():
            yield _family(name, samples)


def _family(name: str, samples: Sequence[Sample]) -> Metric:
    labels = tuple(sorted(samples[0].labels))
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    family = kind(f"norepeat_{name}", OPERATIONS[name], labels=labels)
    for sample in samples:
        family.add_metric([sample.labels[label] for label in labels], sample.value)
    return family


def _attempts(samples: Sequence[Sample]) -> Metric:
    """How many attempts deliveries took that have ended: rows are kept, so the buckets only grow."""
    family = HistogramMetricFamily(
        "norepeat_delivery_attempts", "Attempts that a finished delivery took.", labels=("provider",)
    )
    for provider in sorted({sample.labels["provider"] for sample in samples}):
        taken = [(int(s.labels["attempts"]), s.value) for s in samples if s.labels["provider"] == provider]
        buckets = [(str(float(n)), sum(count for attempts, count in taken if attempts <= n)) for n in _ATTEMPTS]
        whole = sum(count for _, count in taken)
        family.add_metric((provider,), [*buckets, ("+Inf", whole)], sum(attempts * count for attempts, count in taken))
    return family


class _Stored:
    """Gauges as a collector; a number without data has no sample, which is not 0."""

    def __init__(self, gauges: Sequence[Gauge], computed_at: datetime | None) -> None:
        self._gauges = gauges
        self._computed_at = computed_at

    def collect(self) -> Iterator[Metric]:
        value = GaugeMetricFamily(
            "norepeat_metric", "A metric over the last 365 days; team is empty for the organisation.", labels=_LABELS
        )
        n = GaugeMetricFamily("norepeat_metric_n", "Records that the metric counts.", labels=_LABELS)
        missing = GaugeMetricFamily("norepeat_metric_n_missing", "Records that it leaves out.", labels=_LABELS)
        for gauge in self._gauges:
            labels = (gauge.metric, gauge.team)
            if gauge.value is not None:
                value.add_metric(labels, gauge.value)
            n.add_metric(labels, gauge.n)
            missing.add_metric(labels, gauge.n_missing)
        yield from (value, n, missing)
        if self._computed_at is not None:
            yield GaugeMetricFamily(
                "norepeat_metrics_computed_timestamp_seconds", "When the metrics were computed.",
                value=self._computed_at.timestamp(),
            )  # fmt: skip
