"""This process's own numbers: requests, refused webhooks, jobs, reconciliation. The worker shows its own on a port."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

REGISTRY = CollectorRegistry(auto_describe=True)
"""Counters and histograms of this process: made with `registry=REGISTRY`, they are on the page."""
ProcessCollector(registry=REGISTRY)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUEST_SECONDS = Histogram(
    "norepeat_http_request_duration_seconds",
    "How long answering took, by route; its count is how many there were.",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=_SECONDS,
)
WEBHOOKS_REFUSED = Counter(
    "norepeat_webhooks_refused", "Webhooks that were not accepted, by source and reason.", ("source", "reason"),
    registry=REGISTRY,
)  # fmt: skip
JOB_SECONDS = Histogram(
    "norepeat_job_duration_seconds",
    "How long a job took, by entrypoint and outcome (ok, failed).",
    ("entrypoint", "outcome"),
    registry=REGISTRY,
    buckets=(*_SECONDS, 30.0, 60.0, 300.0),
)
RECONCILED = Counter(
    "norepeat_reconciliation_changes",
    "What reconciliation found to differ from the tracker, by outcome (adopted, lost, doubled).",
    ("outcome",),
    registry=REGISTRY,
)
DRIFT = Gauge(
    "norepeat_reconciliation_drift",
    "How many tickets differed when they were last compared, by scope (recent, all).",
    ("scope",),
    registry=REGISTRY,
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def request_finished(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answered request. Routes are templates, so that ids make no series of their own."""
    known = method if method in _METHODS else "other"
    REQUEST_SECONDS.labels(known, route, str(status)).observe(seconds)


def webhook_refused(source: str, reason: str) -> None:
    """Count a webhook that was turned away."""
    WEBHOOKS_REFUSED.labels(source, reason).inc()


def job_finished(entrypoint: str, outcome: str, seconds: float) -> None:
    """Count a job of the worker."""
    JOB_SECONDS.labels(entrypoint, outcome).observe(seconds)


def reconciled(*, recent: bool, adopted: int, lost: int, doubled: int) -> None:
    """Note what a comparison found."""
    for outcome, count in (("adopted", adopted), ("lost", lost), ("doubled", doubled)):
        RECONCILED.labels(outcome).inc(count)
    DRIFT.labels("recent" if recent else "all").set(adopted + lost + doubled)


def serve_metrics(host: str, port: int) -> None:
    """Show these numbers at /metrics of a port, from a thread that ends with the process."""
    start_http_server(port, addr=host, registry=REGISTRY)
