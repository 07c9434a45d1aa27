"""Why something that we ask of a provider does not happen, in words that no provider owns."""

from app.domain.errors import Invalid, NotFound, Unavailable


class ProviderUnavailable(Unavailable):
    """The provider did not take the request; nothing happened."""

    code = "provider_unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderOutcomeUnknown(Unavailable):
    """The provider did not answer; whether the request took effect is unknown."""

    code = "provider_outcome_unknown"


class ProviderRefused(Invalid):
    """The provider refused the request and will refuse it again until somebody changes something."""

    code = "provider_refused"


class ProviderNotConfigured(Invalid):
    """Nothing is configured for this provider."""

    code = "provider_not_configured"


class NotThere(NotFound):
    """The provider has no such record, or our credential may not see it."""
