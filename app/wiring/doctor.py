"""`norepeat doctor`: what is configured, looked at live."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from importlib import import_module

import httpx2

from app.adapters.chat.slack_doctor import check_slack
from app.adapters.db.doctor import check_database
from app.adapters.db.health import head
from app.adapters.diagnosis import Diagnosis, checked_client, secrets
from app.adapters.incidents.pagerduty_doctor import check_pagerduty
from app.adapters.monitoring.datadog_client import KEYS
from app.adapters.monitoring.datadog_doctor import check_datadog
from app.adapters.monitoring.grafana_doctor import check_grafana
from app.adapters.monitoring.prometheus_doctor import check_prometheus
from app.adapters.trackers.github_doctor import check_github
from app.adapters.trackers.jira_doctor import check_jira
from app.adapters.trackers.linear_doctor import check_linear
from app.domain.organisation.model import Provider
from app.settings import Settings
from app.wiring import database_url
from app.wiring.chat import named_channels, slack_client
from app.wiring.incidents import grafana_client, pagerduty_client
from app.wiring.monitoring import datadog_client, prometheus
from app.wiring.trackers import live


async def diagnose(
    settings: Settings, *, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Diagnosis]:
    """Look at the database and at every configured provider, live."""
    found, projects = await check_database(database_url(settings), head(), settings.command_timeout)
    for diagnosis in found:
        yield diagnosis
    for provider, (check, live_secrets) in _checks(settings).items():
        async with checked_client(transport) as (client, dates):
            async for diagnosis in check(client, projects.get(provider, [])):
                yield diagnosis
        clock = dates.diagnosis(provider)
        if clock is not None:
            yield clock
        yield secrets(provider, bool(live_secrets))
    async for diagnosis in _monitoring(settings, transport):
        yield diagnosis
    async for diagnosis in _incidents(settings, transport):
        yield diagnosis
    if settings.anthropic_api_key is not None:
        claude = import_module("app.adapters.models.claude_doctor")
        key = settings.anthropic_api_key.get_secret_value()
        checks = claude.check_claude(key, settings.anthropic_url, settings.anthropic_model, transport=transport)
        async for diagnosis in checks:
            yield diagnosis
    for provider in sorted(projects.keys() - _checks(settings).keys() - {Provider.LOCAL}):
        names = ", ".join(projects[provider])
        remedy = f"Tickets go to {names}, but there are no credentials. Set NOREPEAT_{provider.upper()}_TOKEN."
        yield Diagnosis(f"{provider} credentials", False, remedy)


async def _monitoring(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> AsyncIterator[Diagnosis]:
    """Prometheus and Datadog, where they are configured, with their clocks: a window ends by them."""
    async with checked_client(transport) as (client, dates):
        asked = prometheus(settings, client)
        if asked is not None:
            async for diagnosis in check_prometheus(asked):
                yield diagnosis
        clock = dates.diagnosis("prometheus")
        if clock is not None:
            yield clock
    async with checked_client(transport) as (client, dates):
        datadog = datadog_client(settings, client)
        if datadog is not None:
            async for diagnosis in check_datadog(datadog):
                yield diagnosis
        elif settings.datadog_api_key or settings.datadog_application_key:
            yield Diagnosis("datadog keys", False, f"One of the two keys is missing, so nothing is read. Set {KEYS}.")
        clock = dates.diagnosis("datadog")
        if clock is not None:
            yield clock


async def _incidents(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> AsyncIterator[Diagnosis]:
    """PagerDuty and Grafana, where they are configured."""
    async with checked_client(transport) as (client, dates):
        pagerduty = pagerduty_client(settings, client)
        if pagerduty is not None:
            async for diagnosis in check_pagerduty(pagerduty, sender=settings.pagerduty_from):
                yield diagnosis
            yield secrets("pagerduty", bool(live(settings.pagerduty_webhook_secrets)))
        clock = dates.diagnosis("pagerduty")
        if clock is not None:
            yield clock
    async with checked_client(transport) as (client, _):
        grafana = grafana_client(settings, client)
        if grafana is not None:
            async for diagnosis in check_grafana(grafana):
                yield diagnosis
        elif settings.grafana_url or settings.grafana_token:
            both = "NOREPEAT_GRAFANA_URL and NOREPEAT_GRAFANA_TOKEN"
            yield Diagnosis("grafana annotations", False, f"One of two settings is missing. Set {both}.")
    async with checked_client(transport) as (client, _):
        slack = slack_client(settings, client)
        if slack is not None:
            async for diagnosis in check_slack(slack, channels=named_channels(settings)):
                yield diagnosis


Check = Callable[[httpx2.AsyncClient, Sequence[str]], AsyncIterator[Diagnosis]]


def _checks(settings: Settings) -> Mapping[str, tuple[Check, Sequence[str]]]:
    """For each configured provider how it is checked, and its live webhook secrets."""
    checks: dict[str, tuple[Check, Sequence[str]]] = {}
    if settings.github_token is not None:
        token = settings.github_token.get_secret_value()
        github = partial(check_github, token=token, base_url=settings.github_url, login=settings.github_login)
        checks[Provider.GITHUB] = (lambda c, p: github(c, projects=p)), live(settings.github_webhook_secrets)
    if settings.jira_url is not None and settings.jira_token is not None:
        jira = partial(
            check_jira, base_url=settings.jira_url, token=settings.jira_token.get_secret_value(),
            email=settings.jira_email, data_center=settings.jira_data_center,
        )  # fmt: skip
        checks[Provider.JIRA] = (lambda c, p: jira(c, projects=p)), live(settings.jira_webhook_secrets)
    if settings.linear_token is not None:
        token = settings.linear_token.get_secret_value()
        linear = partial(check_linear, token=token, url=settings.linear_url)
        checks[Provider.LINEAR] = (lambda c, p: linear(c, projects=p)), live(settings.linear_webhook_secrets)
    return checks
