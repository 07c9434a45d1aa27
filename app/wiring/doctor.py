"""`norepeat doctor`: what is configured, looked at live."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

import httpx2

from app.adapters.db.doctor import check_database
from app.adapters.db.health import head
from app.adapters.diagnosis import Diagnosis, checked_client, secrets
from app.adapters.trackers.github_doctor import check_github
from app.adapters.trackers.jira_doctor import check_jira
from app.adapters.trackers.linear_doctor import check_linear
from app.domain.organisation.model import Provider
from app.settings import Settings
from app.wiring import database_url
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
    for provider in sorted(projects.keys() - _checks(settings).keys() - {Provider.LOCAL}):
        names = ", ".join(projects[provider])
        remedy = f"Tickets go to {names}, but there are no credentials. Set NOREPEAT_{provider.upper()}_TOKEN."
        yield Diagnosis(f"{provider} credentials", False, remedy)


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
