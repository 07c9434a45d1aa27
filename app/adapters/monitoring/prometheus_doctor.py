"""A live check of Prometheus: that it answers, and whether it holds error budgets. It writes nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.sloth_rules import REMAINING


async def check_prometheus(prometheus: Prometheus) -> AsyncIterator[Diagnosis]:
    """Whether it answers first; without an answer nothing else can be seen."""
    answers = await examined("prometheus query", _answers(prometheus))
    yield answers
    if answers.ok:
        yield await examined("prometheus error budgets", _budgets(prometheus))


async def _answers(prometheus: Prometheus) -> str:
    found = await prometheus.instant("count(up)", datetime.now(UTC))
    require(
        bool(found),
        "It answers, but scrapes nothing (count(up) is empty). Check NOREPEAT_PROMETHEUS_URL, and "
        "NOREPEAT_PROMETHEUS_ORG_ID if it is a tenant of Mimir.",
    )
    return f"It answers, with {found[0].points[-1][1]:.0f} targets."


async def _budgets(prometheus: Prometheus) -> str:
    """A Prometheus without Sloth's rules is no mistake: it answers evidence queries all the same."""
    found = await prometheus.instant(f"count({REMAINING})", datetime.now(UTC))
    if not found:
        return f"There are none ({REMAINING} is empty): only evidence queries use it."
    return f"Sloth's rules hold {found[0].points[-1][1]:.0f} budgets."
