"""What webhooks that are about no ticket make us do."""

from collections.abc import Awaitable, Callable, Mapping

from app.domain.budgets.use_cases.measurements import act_on_alerts
from app.domain.deployments.use_cases import act_on_deployments
from app.domain.incidents.page_events import act_on_pages
from app.domain.ports import InboxItem, Ports

Act = Callable[[InboxItem], Awaitable[str | None]]


def inbox_acts(ports: Ports) -> Mapping[str, Act]:
    """By the source's name; what a forge says of no deployment goes on to its tracker."""
    uow, clock, policy = ports.uow, ports.clock, ports.policy
    alerts = {name: act_on_alerts(uow, clock, policy.budgets, source) for name, source in ports.signals.items()}
    pages = {name: act_on_pages(uow, clock, policy, ports.paging, name, one) for name, one in ports.pages.items()}
    forges = {name: act_on_deployments(uow, clock, policy.deployments, one) for name, one in ports.forges.items()}
    return {**alerts, **pages, **forges}
