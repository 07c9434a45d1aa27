"""What Jira sends us: whose signature it carries, and what it says about an issue."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.adapters.trackers.jira_issue import Endings, to_remote
from app.adapters.trackers.signed import content, delivery_id, digest, header, require_signature
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import TicketEvent, TicketEventKind

KINDS = {
    "jira:issue_created": TicketEventKind.CHANGED,
    "jira:issue_updated": TicketEventKind.CHANGED,
    "jira:issue_deleted": TicketEventKind.DELETED,
}
"""An issue that is moved changes its key and keeps its number: an ordinary change, ordered like all others."""


class JiraWebhooks:
    """The port `Webhooks`; `account` is the id, name or e-mail address behind our token, to ignore our own echoes."""

    def __init__(self, account: str | None = None, endings: Endings | None = None) -> None:
        self._account = (account or "").casefold()
        self._endings = endings or Endings.named()

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """The delivery's id, if one of the live secrets signed these very bytes."""
        require_signature(header(headers, "x-hub-signature"), body, secrets, prefix="sha256=")
        return delivery_id(headers, "X-Atlassian-Webhook-Identifier")

    def read(self, headers: Mapping[str, str], body: bytes) -> TicketEvent | None:  # noqa: ARG002
        """An issue's event in our words; None for all the others."""
        said = content(body)
        kind = KINDS.get(str(said.get("webhookEvent")))
        if kind is None:
            return None
        try:
            return self._event(kind, said)
        except (KeyError, TypeError, AttributeError, ValueError, TrackerOutcomeUnknown) as error:
            raise Invalid(f"This is not an issue's event as Jira documents it: {error!r}") from error

    def _event(self, kind: TicketEventKind, said: Mapping[str, Any]) -> TicketEvent:
        """The state comes from the issue itself; the change log only says what somebody did to get there."""
        issue = said["issue"]
        remote = to_remote(issue, self._endings)
        user = said.get("user") or {}
        names = [str(user[name]) for name in ("accountId", "name", "emailAddress") if user.get(name)]
        return TicketEvent(
            kind=kind,
            provider=Provider.JIRA,
            external_id=remote.external_id,
            remote=remote,
            actor=names[0] if names else "",
            ours=bool(self._account) and self._account in map(str.casefold, names),
            at=remote.updated_at,
        )


def sign(body: bytes, secret: str) -> str:
    """The value of X-Hub-Signature."""
    return "sha256=" + digest(body, secret)
