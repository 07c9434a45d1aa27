"""Places that are told of published postmortems."""

from collections.abc import Mapping

import httpx2

from app.adapters.incidents.pagerduty import PagerDutyNotes
from app.adapters.monitoring.grafana import GrafanaBoard
from app.domain.announcing.model import AnnouncementTarget
from app.domain.ports import NoticeBoard
from app.settings import Settings
from app.wiring.chat import slack_board
from app.wiring.incidents import grafana_client, pagerduty_client
from app.wiring.monitoring import datadog_board


def boards(settings: Settings, client: httpx2.AsyncClient) -> Mapping[AnnouncementTarget, NoticeBoard]:
    found: dict[AnnouncementTarget, NoticeBoard] = {}
    pagerduty, grafana = pagerduty_client(settings, client), grafana_client(settings, client)
    if pagerduty is not None and settings.pagerduty_from:
        found[AnnouncementTarget.PAGERDUTY] = PagerDutyNotes(pagerduty)
    if grafana is not None and settings.grafana_publish:
        found[AnnouncementTarget.GRAFANA] = GrafanaBoard(grafana)
    if (datadog := datadog_board(settings, client)) is not None:
        found[AnnouncementTarget.DATADOG] = datadog
    if (slack := slack_board(settings, client)) is not None:
        found[AnnouncementTarget.SLACK] = slack
    return found
