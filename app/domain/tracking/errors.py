"""What goes wrong with trackers: nothing happened, nobody knows, or it will never work like this."""

from app.domain.errors import Invalid, Unavailable, WrongState


class TrackerUnavailable(Unavailable):
    """The tracker did not take the request; nothing was created."""

    code = "tracker_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TrackerOutcomeUnknown(Unavailable):
    """The tracker did not answer; whether the request took effect is unknown."""

    code = "tracker_outcome_unknown"


class TrackerRefused(Invalid):
    """The tracker refused the request and will refuse it again until somebody changes something."""

    code = "tracker_refused"


class TicketGone(TrackerRefused):
    """The ticket no longer exists in its tracker."""

    code = "ticket_gone"


class NotThisTracker(TrackerRefused):
    """This does not name a ticket of this tracker."""

    code = "ticket_reference_not_recognised"


class TicketTaken(WrongState):
    """This ticket is already linked to another action item."""

    code = "ticket_taken"


class NoTracker(Invalid):
    """No tracker of this kind is configured."""

    code = "tracker_not_configured"
