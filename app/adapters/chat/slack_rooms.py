"""Digests in Slack's channels: the port `ChatRoom`."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from app.adapters.chat.slack_board import Block, SlackMessages
from app.adapters.chat.slack_text import context, escaped, header, link, section
from app.domain.digests.model import Digest, Group, GroupName, Line, PostKind

TITLES = {
    GroupName.PREVENTED: ":tada: *Incidents that your fixes prevented*",
    GroupName.CLOSED: ":white_check_mark: *Closed with evidence*",
    GroupName.OVERDUE: ":red_circle: *Overdue*",
    GroupName.AT_RISK: ":large_yellow_circle: *At risk*",
    GroupName.PLANNING: "*Before planning, the riskiest first*",
}
MOST_CHARS = 2800


class SlackRoom:
    """A channel of a team."""

    def __init__(self, messages: SlackMessages) -> None:
        self._messages = messages

    async def find(self, place: str, marker: UUID, since: datetime) -> str | None:
        return await self._messages.find(place, marker, since)

    async def post(self, place: str, marker: UUID, digest: Digest, public_url: str) -> str:
        title = _title(digest)
        return await self._messages.post(place, marker, escaped(title), list(_blocks(title, digest, public_url)))


def _title(digest: Digest) -> str:
    match digest.kind:
        case PostKind.SPRINT_LIST:
            return f"{digest.team}: for the planning on {digest.starts_on}"
        case PostKind.LEADERSHIP:
            return "Promises that are more than a month late"
        case PostKind.DIGEST:
            return f"{digest.team}: the week from {digest.starts_on}"


def _blocks(title: str, digest: Digest, public_url: str) -> Iterator[Block]:
    yield header(title)
    for group in digest.groups:
        if group.total:
            yield section(_text(group, public_url))
    yield context([link(f"{public_url}/v1/sprint-planning", "All items by risk")])


def _text(group: Group, public_url: str) -> str:
    """Whole lines only, and how many there are besides."""
    text, shown = f"{TITLES[group.name]} ({group.total})", 0
    for line in group.lines:
        said = f"\n• {_line(line, public_url)}"
        if len(text) + len(said) > MOST_CHARS:
            break
        text, shown = text + said, shown + 1
    more = group.total - shown
    return f"{text}\n… and {more} more" if more else text


def _line(line: Line, public_url: str) -> str:
    owner = f" ({escaped(line.owner)})" if line.owner else ""
    url = f"{public_url}/v1/action-items/{line.item_id}"
    return f"{link(url, line.title[:200])}{owner}: {escaped(line.says[:300])}"
