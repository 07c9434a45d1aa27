"""Where incidents are paged, what forges tell of deployments, and what timelines are made from."""

from collections.abc import Mapping

import httpx2

from app.adapters.incidents.pagerduty import PagerDuty
from app.adapters.incidents.pagerduty_client import PagerDutyClient
from app.adapters.incidents.pagerduty_webhooks import PagerDutyWebhooks
from app.adapters.monitoring.grafana import GrafanaClient, GrafanaTimeline
from app.adapters.trackers.github_deployments import GitHubDeployments
from app.domain.deployments.timeline import AnnotationTimeline, DeploymentTimeline
from app.domain.gathering import TimelineSource
from app.domain.policy import DeploymentPolicy, PagingPolicy
from app.domain.ports import Clock, DeploymentWebhooks, OpenUnitOfWork, PageSource, PagingSystem
from app.settings import Settings
from app.wiring.chat import slack_timeline
from app.wiring.trackers import live


def paging(settings: Settings, client: httpx2.AsyncClient, clock: Clock) -> Mapping[str, PagingSystem]:
    pagerduty = pagerduty_client(settings, client)
    return {} if pagerduty is None else {"pagerduty": PagerDuty(pagerduty, clock=clock)}


def pages(settings: Settings) -> Mapping[str, PageSource]:
    webhooks = PagerDutyWebhooks(log_is_read=settings.pagerduty_token is not None)
    return {"pagerduty": PageSource(webhooks, live(settings.pagerduty_webhook_secrets))}


def forges() -> Mapping[str, DeploymentWebhooks]:
    """By the name of the inbound route that they share with the tracker of the same provider."""
    return {"github": GitHubDeployments()}


def timeline_sources(
    settings: Settings, client: httpx2.AsyncClient, uow: OpenUnitOfWork, policy: DeploymentPolicy
) -> Mapping[str, TimelineSource]:
    found: dict[str, TimelineSource] = {
        "deployments": DeploymentTimeline(uow, policy),
        "annotations": AnnotationTimeline(uow),
    }
    grafana = grafana_client(settings, client)
    if grafana is not None:
        found["grafana"] = GrafanaTimeline(grafana, tags=settings.grafana_tags, dashboards=settings.grafana_dashboards)
    if (slack := slack_timeline(settings, client, uow)) is not None:
        found["slack"] = slack
    return found


def pagerduty_client(settings: Settings, client: httpx2.AsyncClient) -> PagerDutyClient | None:
    if settings.pagerduty_token is None:
        return None
    token = settings.pagerduty_token.get_secret_value()
    return PagerDutyClient(client, token, settings.pagerduty_url, sender=settings.pagerduty_from)


def grafana_client(settings: Settings, client: httpx2.AsyncClient) -> GrafanaClient | None:
    if settings.grafana_url is None or settings.grafana_token is None:
        return None
    token = settings.grafana_token.get_secret_value()
    return GrafanaClient(client, settings.grafana_url, token, org_id=settings.grafana_org_id)


def paging_policy(settings: Settings) -> PagingPolicy:
    usual = PagingPolicy()
    return PagingPolicy(
        priorities=settings.pagerduty_severities or usual.priorities,
        record_every_page=settings.pagerduty_record_every_page,
        services=settings.pagerduty_services,
    )


def deployment_policy(settings: Settings) -> DeploymentPolicy:
    usual = DeploymentPolicy()
    names = frozenset(name.casefold() for name in settings.production_environments)
    return DeploymentPolicy(
        production=names or usual.production, hint_hours=settings.change_hint_hours or usual.hint_hours
    )
