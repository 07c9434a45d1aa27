"""Monitoring, as settings configure it."""

from collections.abc import Mapping

import httpx2

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.adapters.monitoring.prometheus import Prometheus
from app.domain.ports import SignalSource
from app.settings import Settings


def signals(settings: Settings) -> Mapping[str, SignalSource]:
    secrets = tuple(s.get_secret_value() for s in settings.alertmanager_tokens if s.get_secret_value())
    return {"alertmanager": SignalSource(AlertmanagerWebhooks(), secrets)}


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
