"""A live check of Grafana: whether annotations can be read. It writes nothing."""

from collections.abc import AsyncIterator

from app.adapters.diagnosis import Diagnosis, examined
from app.adapters.monitoring.grafana import GrafanaClient


async def check_grafana(grafana: GrafanaClient) -> AsyncIterator[Diagnosis]:
    yield await examined("grafana annotations", _annotations(grafana))


async def _annotations(grafana: GrafanaClient) -> str:
    await grafana.call("GET", "/annotations", params={"limit": "1"})
    return "Annotations can be read; whether they may be written shows when the first postmortem is published."
