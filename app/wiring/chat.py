"""Slack, as settings configure it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import httpx2

from app.adapters.chat.slack import ChannelsOf, SlackTimeline
from app.adapters.chat.slack_board import SlackBoard, SlackMessages
from app.adapters.chat.slack_client import SlackClient
from app.adapters.chat.slack_rooms import SlackRoom
from app.adapters.chat.slack_webhooks import SlackEvents
from app.domain.organisation.model import Service
from app.domain.policy import FollowThroughPolicy
from app.domain.ports import ChatRoom, ChatSource, OpenUnitOfWork
from app.domain.postmortems.model import Audience
from app.settings import Settings
from app.wiring.trackers import live


def slack_client(settings: Settings, client: httpx2.AsyncClient) -> SlackClient | None:
    if settings.slack_token is None:
        return None
    token = settings.slack_token.get_secret_value()
    return SlackClient(client, token, settings.slack_url, page=settings.slack_page_size)


def slack_board(settings: Settings, client: httpx2.AsyncClient) -> SlackBoard | None:
    """Where at least one channel is named."""
    slack, channels = slack_client(settings, client), audience_channels(settings)
    if slack is None or not settings.slack_publish or not channels:
        return None
    return SlackBoard(SlackMessages(slack), channels)


def audience_channels(settings: Settings) -> dict[str, str]:
    named = {
        Audience.ORGANISATION.value: settings.slack_organisation_channel,
        Audience.ENGINEERING.value: settings.slack_engineering_channel,
    }
    return {audience: channel for audience, channel in named.items() if channel}


def named_channels(settings: Settings) -> list[str]:
    """Every channel that the settings name."""
    leadership = [settings.slack_leadership_channel] if settings.slack_leadership_channel else []
    return [*audience_channels(settings).values(), *leadership, *settings.slack_channels]


def chats(settings: Settings) -> Mapping[str, ChatSource]:
    return {"slack": ChatSource(SlackEvents(), live(settings.slack_signing_secrets))}


def chat_room(settings: Settings, client: httpx2.AsyncClient) -> ChatRoom | None:
    slack = slack_client(settings, client)
    return None if slack is None else SlackRoom(SlackMessages(slack))


def slack_timeline(settings: Settings, client: httpx2.AsyncClient, uow: OpenUnitOfWork) -> SlackTimeline | None:
    slack = slack_client(settings, client)
    return None if slack is None else SlackTimeline(slack, _channels_of(uow, settings.slack_channels))


def _channels_of(uow: OpenUnitOfWork, always: Sequence[str]) -> ChannelsOf:
    async def channels_of(services: Sequence[Service]) -> Sequence[str]:
        """Those of the teams that own the services, and those that are always read."""
        team_ids: list[UUID] = [service.team_id for service in services if service.team_id is not None]
        async with uow() as u:
            teams = [await u.teams.find(id) for id in dict.fromkeys(team_ids)]
        return [*(team.chat_channel for team in teams if team and team.chat_channel), *always]

    return channels_of


def follow_through_policy(settings: Settings) -> FollowThroughPolicy:
    return FollowThroughPolicy(
        applies_from=settings.findings_apply_from,
        plannings=settings.sprint_plannings,
        planning_days=settings.sprint_days,
        leadership_channel=settings.slack_leadership_channel,
    )
