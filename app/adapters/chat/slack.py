"""What people wrote in Slack's channels in a stretch of time, threads included: the port `TimelineSource`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from app.adapters.calling import storable
from app.adapters.chat.slack_channels import SlackChannels
from app.adapters.chat.slack_client import Record, SlackClient
from app.adapters.chat.slack_text import people_in, plain
from app.domain.gathering import SourceFact, Window
from app.domain.organisation.model import Service
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import NotThere, ProviderRefused, ProviderUnavailable

MOST_MESSAGES = 100_000
LONGEST_MESSAGE = 40_000
SILENT = frozenset({
    "channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive",
    "channel_unarchive", "group_join", "group_leave", "pinned_item", "unpinned_item", "tombstone", "message_deleted",
    "bot_add", "bot_remove", "reminder_add",
})  # fmt: skip
"""Kinds of messages in which nobody says anything, and those that were taken back."""
OURS = "norepeat"
ChannelsOf = Callable[[Sequence[Service]], Awaitable[Sequence[str]]]
"""The channels in which people talk about these services."""


class SlackTimeline:
    """History and replies of the channels of the services, each message under the id `slack:<channel>/<ts>`. History
    holds each message as it is now: an edited one as it reads today, a deleted one not at all."""

    def __init__(self, client: SlackClient, channels_of: ChannelsOf, *, most: int = MOST_MESSAGES) -> None:
        self._client, self._channels_of, self._most = client, channels_of, most
        self._channels = SlackChannels(client)

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        names = list(dict.fromkeys(await self._channels_of(services)))
        if not names:
            raise ProviderRefused("No Slack channel is known for these services. Set the team's chat_channel.")
        found: list[SourceFact] = []
        base: str = (await self._client.get("auth.test", about="the workspace"))["url"]
        for name in names:
            found += await self._of_channel(name, window, base.rstrip("/"), self._most - len(found))
        return tuple(found)

    async def _of_channel(self, name: str, window: Window, base: str, most: int) -> list[SourceFact]:
        id = await self._channels.id(name)
        messages: dict[str, Record] = {}
        try:
            async for message in self._messages(id, name, window):
                if len(messages) >= most:
                    break
                messages[message["ts"]] = message
            told = [one for one in messages.values() if _says_something(one) and window.holds(_at(one))]
            names = await self._names(told)
            facts = [_fact(id, one, names, base) for one in told]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ProviderUnavailable(f"Slack answered what it does not document: {error!r}") from error
        return [*facts, _gap(id, name, window, len(messages))] if len(messages) >= most else facts

    async def _messages(self, id: str, name: str, window: Window) -> AsyncIterator[Record]:
        """Newest first, the replies after their parent. A thread that began before the window is not looked into."""
        about = f"the channel {name}"
        span = {"channel": id, "oldest": _ts(window.start), "latest": _ts(window.end), "inclusive": "true"}
        history = self._client.pages("conversations.history", "messages", about=about, most=self._most + 1, **span)
        async for message in history:
            yield message
            if message.get("reply_count"):
                asked = {**span, "ts": message["ts"]}
                replies = self._client.pages(
                    "conversations.replies", "messages", about=about, most=self._most + 1, **asked
                )
                async for reply in replies:
                    yield reply

    async def _names(self, messages: Sequence[Record]) -> Mapping[str, str]:
        """What the people who wrote or are mentioned are called; whom Slack does not tell keeps the id."""
        ids = {one["user"] for one in messages if one.get("user")}
        for message in messages:
            ids |= people_in(message.get("text") or "")
        return {id: await self._name(id) for id in sorted(ids)}

    async def _name(self, id: str) -> str:
        try:
            user = (await self._client.get("users.info", about=f"the user {id}", user=id))["user"]
        except NotThere:
            return id
        profile = user.get("profile") or {}
        return str(profile.get("display_name") or profile.get("real_name") or user.get("name") or id)


def _says_something(message: Record) -> bool:
    """What somebody deleted leaves a tombstone where it had replies; what we posted ourselves is nothing new."""
    ours = (message.get("metadata") or {}).get("event_type") == f"{OURS}_notice"
    return not ours and not message.get("hidden") and message.get("subtype") not in SILENT and bool(_text(message))


def _text(message: Record) -> str:
    """A bot often says everything in its attachments."""
    said = message.get("text") or ""
    attached = [str(one.get("text") or one.get("fallback") or "") for one in message.get("attachments") or []]
    return said or "\n".join(filter(None, attached))


def _at(message: Record) -> datetime:
    """The ts is an id, not a number; only for its time it is read as one."""
    seconds, _, micros = message["ts"].partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(micros.ljust(6, "0")[:6] or 0))


def _ts(at: datetime) -> str:
    return f"{int(at.timestamp())}.{at.microsecond:06d}"


def _fact(channel: str, message: Record, names: Mapping[str, str], base: str) -> SourceFact:
    user = message.get("user")
    by_bot = bool(message.get("bot_id")) or user is None
    author = message.get("username") if by_bot else names.get(str(user))
    return SourceFact(
        id=f"slack:{channel}/{message['ts']}",
        occurred_at=_at(message),
        kind=TimelineKind.NOTE,
        text=storable(plain(_text(message), names), LONGEST_MESSAGE),
        url=_permalink(base, channel, message),
        machine=by_bot,
        author=author,
    )


def _permalink(base: str, channel: str, message: Record) -> str:
    """As `chat.getPermalink` would answer, without asking once for each message."""
    link = f"{base}/archives/{channel}/p{message['ts'].replace('.', '')}"
    thread = message.get("thread_ts")
    return f"{link}?thread_ts={thread}&cid={channel}" if thread and thread != message["ts"] else link


def _gap(channel: str, name: str, window: Window, read: int) -> SourceFact:
    text = f"Only {read:,} messages of the channel {name} were read; what it says besides is missing here."
    return SourceFact(f"slack:{channel}/bounded", window.start, TimelineKind.NOTE, text)
