"""What GitHub sends us: whose signature it carries, and what it says about an issue.

GitHub never sends a delivery again by itself. Nobody polls for the failed ones here: asking for their redelivery needs
the right to administer every repository's hooks, and ends after three days. The reconciliation every 15 minutes needs
only what the token has anyway, and heals what was lost, refused or never sent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.adapters.trackers.github_text import to_remote
from app.adapters.trackers.signed import content, delivery_id, digest, header, require_signature
from app.domain.errors import Invalid
from app.domain.organisation.model import Provider
from app.domain.tracking.errors import TrackerOutcomeUnknown
from app.domain.tracking.model import TicketEvent, TicketEventKind

CHANGES = frozenset(
    {
        "opened", "edited", "closed", "reopened", "assigned", "unassigned", "labeled", "unlabeled", "milestoned",
        "demilestoned",
    }
)  # fmt: skip
KINDS = {"deleted": TicketEventKind.DELETED, "transferred": TicketEventKind.MOVED}


class GitHubWebhooks:
    """The port `Webhooks`; `login` is the account behind our token, whose changes are our own echoes."""

    def __init__(self, login: str | None = None) -> None:
        self._login = (login or "").casefold()

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """The delivery's id, if one of the live secrets signed these very bytes."""
        require_signature(header(headers, "x-hub-signature-256"), body, secrets, prefix="sha256=")
        return delivery_id(headers, "X-GitHub-Delivery")

    def read(self, headers: Mapping[str, str], body: bytes) -> TicketEvent | None:
        """An issue's event in our words; None for all the others."""
        if header(headers, "x-github-event") != "issues":
            return None
        said = content(body)
        action = said.get("action")
        if action not in CHANGES and action not in KINDS:
            return None
        try:
            return self._event(KINDS.get(str(action), TicketEventKind.CHANGED), said)
        except (KeyError, TypeError, AttributeError, TrackerOutcomeUnknown) as error:
            raise Invalid(f"This is not an issues event as GitHub documents it: {error!r}") from error

    def _event(self, kind: TicketEventKind, said: Mapping[str, Any]) -> TicketEvent:
        issue = said["issue"]
        moved = kind is TicketEventKind.MOVED
        remote = to_remote(said["changes"]["new_issue"] if moved else issue)
        actor = str((said.get("sender") or {}).get("login") or "")
        return TicketEvent(
            kind=kind,
            provider=Provider.GITHUB,
            external_id=str(issue["id"]),
            remote=remote,
            actor=actor,
            ours=bool(actor) and actor.casefold() == self._login,
            at=remote.updated_at,
        )


def sign(body: bytes, secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + digest(body, secret)
