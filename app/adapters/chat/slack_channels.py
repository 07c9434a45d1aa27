"""Channels by the names that people give them."""

import re

from app.adapters.chat.slack_client import Record, SlackClient
from app.domain.providers import NotThere

ID = re.compile(r"[CGDUW][A-Z0-9]{7,}")
MOST_CHANNELS = 20_000


class SlackChannels:
    """The ids of channels; the list is read once, and once more where a name is not in it."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client
        self._ids: dict[str, str] = {}

    async def id(self, name: str) -> str:
        """The id behind `#payments`, `payments` or an id itself. Raises NotThere."""
        wanted = name.strip().removeprefix("#")
        if ID.fullmatch(wanted):
            return wanted
        if wanted not in self._ids:
            await self._read(wanted)
        if wanted not in self._ids:
            raise NotThere(
                f"Slack has no channel #{wanted}, or the bot may not see it. Give its id, or invite the bot."
            )
        return self._ids[wanted]

    async def info(self, name: str) -> Record:
        """What Slack says of a channel."""
        about = f"the channel {name}"
        answer = await self._client.get("conversations.info", about=about, channel=await self.id(name))
        found: Record = answer["channel"]
        return found

    async def _read(self, wanted: str) -> None:
        types = {"types": "public_channel,private_channel", "exclude_archived": "false"}
        listing = self._client.pages("conversations.list", "channels", about="channels", most=MOST_CHANNELS, **types)
        async for channel in listing:
            self._ids[channel["name"]] = channel["id"]
            if channel["name"] == wanted:
                return
