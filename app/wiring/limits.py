"""The rate limits that the settings say."""

from app.adapters.rate_limits import MovingWindows
from app.domain.ports import Bucket, RateLimits
from app.settings import Settings


def rate_limits(settings: Settings) -> RateLimits:
    store = settings.rate_limit_store
    return MovingWindows(
        {
            Bucket.ADDRESS: settings.rate_limit_address,
            Bucket.CREDENTIAL: settings.rate_limit_credential,
            Bucket.WEBHOOKS: settings.rate_limit_webhooks,
            Bucket.FAILURES: settings.rate_limit_failures,
        },
        store.get_secret_value() if store else None,
    )
