"""The trackers and their webhooks, as settings configure them."""

from collections.abc import Mapping, Sequence

import httpx2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.trackers.github import GitHubIssues
from app.adapters.trackers.github_webhooks import GitHubWebhooks
from app.adapters.trackers.jira import JiraIssues
from app.adapters.trackers.jira_issue import DECLINED, DUPLICATE, Endings
from app.adapters.trackers.jira_webhooks import JiraWebhooks
from app.adapters.trackers.linear import LinearIssues
from app.adapters.trackers.linear_webhooks import LinearWebhooks
from app.adapters.trackers.local import LocalTracker
from app.domain.organisation.model import Provider
from app.domain.ports import Tracker, WebhookSource
from app.settings import Settings


def trackers(settings: Settings, engine: AsyncEngine, client: httpx2.AsyncClient) -> Mapping[Provider, Tracker]:
    trackers: dict[Provider, Tracker] = {Provider.LOCAL: LocalTracker(engine, settings.url)}
    if settings.github_token is not None:
        token = settings.github_token.get_secret_value()
        trackers[Provider.GITHUB] = GitHubIssues(client, token=token, base_url=settings.github_url)
    if settings.jira_url is not None and settings.jira_token is not None:
        trackers[Provider.JIRA] = JiraIssues(
            client, base_url=settings.jira_url, token=settings.jira_token.get_secret_value(),
            email=settings.jira_email, data_center=settings.jira_data_center, endings=endings(settings),
            sprint_field=settings.jira_sprint_field,
        )  # fmt: skip
    if settings.linear_token is not None:
        token = settings.linear_token.get_secret_value()
        trackers[Provider.LINEAR] = LinearIssues(client, token=token, url=settings.linear_url)
    return trackers


def endings(settings: Settings) -> Endings:
    declined, duplicate = settings.jira_declined_resolutions, settings.jira_duplicate_resolutions
    return Endings.named(DECLINED if declined is None else declined, DUPLICATE if duplicate is None else duplicate)


def webhooks(settings: Settings) -> Mapping[str, WebhookSource]:
    jira = JiraWebhooks(settings.jira_account or settings.jira_email, endings(settings))
    return {
        "github": WebhookSource(GitHubWebhooks(settings.github_login), live(settings.github_webhook_secrets)),
        "jira": WebhookSource(jira, live(settings.jira_webhook_secrets)),
        # Linear takes anything but 200 for a failure.
        "linear": WebhookSource(LinearWebhooks(settings.linear_user), live(settings.linear_webhook_secrets), 200),
    }


def live(secrets: Sequence[SecretStr]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets if secret.get_secret_value())
