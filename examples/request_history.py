"""Histories of a service's requests, as counters: how errors came, and how they went."""

from collections.abc import Iterator

from examples.monitoring_servers import Sample, sample

HOUR, DAY = 3600.0, 86_400.0
PER_SECOND, SHARE_OF_ERRORS = 10.0, 0.05


def requests(now: float, *, job: str, errors_from: float, errors_until: float) -> Iterator[Sample]:
    """Three days of requests until now, of which one in twenty failed between these two instants."""
    start = now - 3 * DAY - HOUR
    coarse = [start + 600 * n for n in range(int((now - 7 * HOUR - start) // 600))]
    fine = [now - 60 * n for n in range(int(7 * HOUR // 60))]
    for at in (*coarse, *fine):
        failed = SHARE_OF_ERRORS * PER_SECOND * max(0.0, min(at, errors_until) - errors_from)
        total = PER_SECOND * (at - start)
        for code, count in (("200", total - failed), ("500", failed)):
            yield sample("http_request_duration_seconds_count", round(count, 3), at, job=job, code=code)
