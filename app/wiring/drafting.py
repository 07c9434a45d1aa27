"""What drafts are made from: every timeline source, alerts, and what redaction replaces."""

from collections.abc import Mapping
from datetime import timedelta

import httpx2

from app.adapters.monitoring.alert_timeline import PrometheusAlerts, ReceivedAlerts
from app.adapters.phones import PhoneFinder
from app.domain.drafting.model import DraftPolicy
from app.domain.drafting.redaction import FindPhones, RedactionPolicy
from app.domain.gathering import TimelineSource
from app.domain.monitoring import Backend
from app.domain.ports import Monitoring, OpenUnitOfWork
from app.settings import Settings
from app.wiring.chat import slack_timeline

CLOSING = timedelta(minutes=1)


def draft_sources(
    settings: Settings,
    client: httpx2.AsyncClient,
    timeline: Mapping[str, TimelineSource],
    monitoring: Mapping[Backend, Monitoring],
    uow: OpenUnitOfWork,
) -> Mapping[str, TimelineSource]:
    """What goes into timelines by itself, and chat and alerts: too much to be entries unread."""
    found: dict[str, TimelineSource] = {**timeline, "alertmanager": ReceivedAlerts(uow)}
    if Backend.PROMETHEUS in monitoring:
        found["prometheus"] = PrometheusAlerts(monitoring[Backend.PROMETHEUS])
    slack = slack_timeline(settings, client, uow)
    return found if slack is None else {**found, "slack": slack}


def draft_policy(settings: Settings) -> DraftPolicy:
    """Nobody takes a draft over while its sources or its model may still answer."""
    patience, writing = (
        timedelta(seconds=settings.drafting_source_timeout),
        timedelta(seconds=settings.drafting_timeout),
    )
    return DraftPolicy(patience=patience, lease=patience + CLOSING, writing_lease=writing + CLOSING)


def find_phones(settings: Settings) -> FindPhones:
    return PhoneFinder(settings.redaction_phone_regions)


def redaction_policy(settings: Settings) -> RedactionPolicy:
    return RedactionPolicy(addresses=settings.redaction_addresses)
