"""Monitoring, as settings configure it."""

from collections.abc import Mapping

import httpx2

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.adapters.monitoring.datadog import Datadog
from app.adapters.monitoring.datadog_client import DatadogClient
from app.adapters.monitoring.datadog_events import DatadogBoard
from app.adapters.monitoring.datadog_slos import DatadogBudgets
from app.adapters.monitoring.prometheus import Prometheus
from app.adapters.monitoring.sloth_rules import SlothBudgets
from app.domain.monitoring import Backend
from app.domain.policy import BudgetPolicy
from app.domain.ports import Monitoring, SignalSource, SloSource
from app.settings import Settings


def signals(settings: Settings) -> Mapping[str, SignalSource]:
    secrets = tuple(s.get_secret_value() for s in settings.alertmanager_tokens if s.get_secret_value())
    return {"alertmanager": SignalSource(AlertmanagerWebhooks(), secrets)}


def monitoring(settings: Settings, client: httpx2.AsyncClient) -> Mapping[Backend, Monitoring]:
    """What evidence can be asked of."""
    found: dict[Backend, Monitoring] = {}
    if (asked := prometheus(settings, client)) is not None:
        found[Backend.PROMETHEUS] = asked
    if (datadog := datadog_client(settings, client)) is not None:
        found[Backend.DATADOG] = Datadog(datadog, settings.datadog_site)
    return found


def slo_sources(settings: Settings, client: httpx2.AsyncClient, policy: BudgetPolicy) -> Mapping[str, SloSource]:
    """Who measures error budgets; the names are those that boosts and readings carry."""
    found: dict[str, SloSource] = {}
    if (asked := prometheus(settings, client)) is not None:
        found["prometheus"] = SlothBudgets(asked)
    if (datadog := datadog_client(settings, client)) is not None:
        found["datadog"] = DatadogBudgets(datadog, burns=policy.burns, tags=settings.datadog_slo_tags)
    return found


def prometheus(settings: Settings, client: httpx2.AsyncClient) -> Prometheus | None:
    if settings.prometheus_url is None:
        return None
    token = settings.prometheus_token
    return Prometheus(
        client,
        settings.prometheus_url,
        credential=token.get_secret_value() if token else None,
        org_id=settings.prometheus_org_id,
        public_url=settings.prometheus_public_url,
    )


def datadog_client(settings: Settings, client: httpx2.AsyncClient) -> DatadogClient | None:
    """Reading needs both keys; `norepeat doctor` says so where one is missing."""
    if settings.datadog_api_key is None or settings.datadog_application_key is None:
        return None
    return DatadogClient(
        client,
        site=settings.datadog_site,
        api_key=settings.datadog_api_key.get_secret_value(),
        application_key=settings.datadog_application_key.get_secret_value(),
    )


def datadog_board(settings: Settings, client: httpx2.AsyncClient) -> DatadogBoard | None:
    """Both keys, because an event is looked for before it is told."""
    if settings.datadog_api_key is None or settings.datadog_application_key is None or not settings.datadog_publish:
        return None
    return DatadogBoard(
        client,
        site=settings.datadog_site,
        api_key=settings.datadog_api_key.get_secret_value(),
        application_key=settings.datadog_application_key.get_secret_value(),
    )
