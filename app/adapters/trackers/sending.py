"""One request to a tracker over HTTP, and what a missing or broken answer means for a delivery."""

from typing import Any

import httpx2

from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerUnavailable

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


async def send(
    client: httpx2.AsyncClient, provider: str, method: str, url: httpx2.URL | str, *, safe: bool, **options: Any
) -> httpx2.Response:
    """The answer below 500, redirects included; `safe` says that the request changes nothing."""
    try:
        answer = await client.request(method, url, follow_redirects=False, **options)
    except NOT_SENT as error:
        raise TrackerUnavailable(f"{provider} cannot be reached: {type(error).__name__}.") from error
    except httpx2.HTTPError as error:
        raise no_result(f"{provider} did not answer: {type(error).__name__}.", safe=safe) from error
    if answer.status_code >= 500:
        raise no_result(f"{provider} failed with {answer.status_code}.", safe=safe)
    return answer


def no_result(message: str, *, safe: bool) -> TrackerUnavailable | TrackerOutcomeUnknown:
    """What it means that a request may or may not have been carried out."""
    return TrackerUnavailable(message) if safe else TrackerOutcomeUnknown(message)


def json_of(answer: httpx2.Response, provider: str, about: str) -> Any:
    """The JSON that was answered; without it nobody knows what happened."""
    try:
        return answer.json()
    except ValueError as error:
        raise TrackerOutcomeUnknown(f"{provider}'s answer about {about} is not JSON.") from error
