"""A live check of Datadog: each key, and how many SLOs it shows. It writes nothing."""

from collections.abc import AsyncIterator

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.monitoring.datadog_client import DatadogClient


async def check_datadog(client: DatadogClient) -> AsyncIterator[Diagnosis]:
    """The API key first; with a wrong one nothing else can be seen."""
    key = await examined("datadog api key", _valid(client))
    yield key
    if key.ok:
        yield await examined("datadog application key", _slos(client))


async def _valid(client: DatadogClient) -> str:
    content = await client.get("validate")
    require(content.get("valid") is True, "Datadog does not know it. Set NOREPEAT_DATADOG_API_KEY.")
    return "Datadog knows it."


async def _slos(client: DatadogClient) -> str:
    content = await client.get("slo", limit=1)
    return "It reads SLOs." if content.get("data") else "It works; there are no SLOs."
