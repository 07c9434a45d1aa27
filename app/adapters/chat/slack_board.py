"""Slack as a place that is told: a published postmortem, and what teams get each week. Each once, by a marker."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from app.adapters.chat.slack_channels import SlackChannels
from app.adapters.chat.slack_client import SlackClient
from app.adapters.chat.slack_text import context, escaped, header, link, section
from app.domain.announcing.model import Notice
from app.domain.providers import ProviderNotConfigured

EVENT_TYPE = "norepeat_notice"
MARK = "norepeat:"
BEFORE = timedelta(minutes=5)
"""Slack's clock and ours need not agree."""
MOST_LOOKED_AT = 5_000
Block = dict[str, object]


class SlackMessages:
    """Messages that carry a marker in their metadata, so that each is found again before it is written twice."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self.channels = SlackChannels(client)

    async def find(self, channel: str, marker: UUID, since: datetime) -> str | None:
        """The message with this marker in what was written since then."""
        asked = {
            "channel": await self.channels.id(channel),
            "oldest": f"{(since - BEFORE).timestamp():.6f}",
            "include_all_metadata": "true",
        }
        history = self._client.pages(
            "conversations.history", "messages", about=f"the channel {channel}", most=MOST_LOOKED_AT, **asked
        )
        async for message in history:
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("marker") == f"{MARK}{marker}":
                return f"message {message['ts']}"
        return None

    async def post(self, channel: str, marker: UUID, text: str, blocks: list[Block]) -> str:
        body = {
            "channel": await self.channels.id(channel),
            "text": text,
            "blocks": blocks,
            "unfurl_links": False,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"marker": f"{MARK}{marker}"}},
        }
        answer = await self._client.post("chat.postMessage", body, about=f"the channel {channel}")
        return f"message {answer['ts']}"


class SlackBoard:
    """The port `NoticeBoard`. `channels` are the channels by audience."""

    def __init__(self, messages: SlackMessages, channels: Mapping[str, str]) -> None:
        self._messages, self._channels = messages, channels

    async def find(self, notice: Notice) -> str | None:
        return await self._messages.find(self._channel(notice), notice.marker, notice.published_at)

    async def post(self, notice: Notice) -> str:
        text = f"{notice.severity} {notice.title}: the postmortem is published. {notice.url}"
        return await self._messages.post(self._channel(notice), notice.marker, escaped(text), _blocks(notice))

    def _channel(self, notice: Notice) -> str:
        channel = self._channels.get(notice.place)
        if channel is None:
            setting = f"NOREPEAT_SLACK_{notice.place.upper()}_CHANNEL"
            raise ProviderNotConfigured(f"No channel is named for the {notice.place}. Set {setting}, then retry.")
        return channel


def _blocks(notice: Notice) -> list[Block]:
    about = [f"*{notice.severity}*", escaped(", ".join(notice.services))]
    if notice.started_at is not None:
        about.append(f"{notice.started_at:%Y-%m-%d %H:%M} UTC")
    blocks = [header(f"Postmortem: {notice.title}"), context(filter(None, about))]
    if notice.summary.strip():
        blocks.append(section(escaped(notice.summary.strip())))
    return [*blocks, section(link(notice.url, "Read the postmortem"))]
