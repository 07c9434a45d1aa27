"""Trying a verification plan before it is saved."""

from collections.abc import Mapping
from datetime import timedelta

from app.domain.access import Action, Caller, authorize
from app.domain.actions.evidence import VerificationPlan, checked_plan
from app.domain.actions.metric import MetricOutcome, Window, look, require_runnable
from app.domain.errors import Invalid
from app.domain.monitoring import Backend
from app.domain.policy import Policy
from app.domain.ports import Clock, Monitoring


async def preview_verification_plan(
    clock: Clock, policy: Policy, monitoring: Mapping[Backend, Monitoring], *, caller: Caller, plan: VerificationPlan
) -> tuple[Window, MetricOutcome]:
    """What the plan's metric would have said of a window that ends now; nothing is kept.

    Raises InvalidQuery with the backend's own words, NoMonitoring, MonitoringUnavailable.
    """
    authorize(caller, Action.WRITE_ACTION_ITEM)
    metric = checked_plan(plan, policy.evidence).metric
    if metric is None:
        raise Invalid("Only a metric can be tried; this plan has none.")
    now = clock()
    await require_runnable(monitoring, metric, plan.window_days, now)
    window = Window(now - timedelta(days=plan.window_days), now, plan.window_days, is_over=True)
    return window, await look(monitoring, metric, window, policy.evidence)
