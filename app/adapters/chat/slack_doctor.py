"""A live check of Slack: the token, its scopes, and whether the bot is where it is to read and write. It writes
nothing."""

from collections.abc import AsyncIterator, Sequence

from app.adapters.chat.slack_channels import SlackChannels
from app.adapters.chat.slack_client import SlackClient
from app.adapters.diagnosis import Diagnosis, examined
from app.domain.providers import ProviderRefused

SCOPES = ("channels:history", "channels:read", "chat:write", "users:read")
PRIVATE = ("groups:history", "groups:read")


async def check_slack(slack: SlackClient, *, channels: Sequence[str]) -> AsyncIterator[Diagnosis]:
    yield await examined("slack token", _token(slack))
    known = SlackChannels(slack)
    for channel in dict.fromkeys(channels):
        yield await examined(f"slack channel {channel}", _channel(known, channel))


async def _token(slack: SlackClient) -> str:
    told, scopes = await slack.scopes()
    missing = [scope for scope in SCOPES if scope not in scopes]
    if scopes and missing:
        raise ProviderRefused(f"The token lacks {', '.join(missing)}. Add the scopes and reinstall the app.")
    private = "" if set(PRIVATE) <= scopes else f" Private channels need {' and '.join(PRIVATE)} too."
    return f"It belongs to {told.get('user')} in {told.get('team')}.{private}"


async def _channel(channels: SlackChannels, name: str) -> str:
    channel = await channels.info(name)
    if channel.get("is_archived"):
        raise ProviderRefused(f"{name} is archived. Unarchive it, or name another channel.")
    if not channel.get("is_member"):
        raise ProviderRefused(f"The bot is not a member of {name}. Invite it there.")
    return f"#{channel.get('name')} is there, and the bot is a member."
