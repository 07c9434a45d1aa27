"""The client of the Messages API: with an explicit key and address, so that nothing in the environment redirects it."""

import anthropic
import httpx2


def claude_client(
    key: str, url: str, timeout: float, *, retries: int = 1, transport: httpx2.AsyncBaseTransport | None = None
) -> anthropic.AsyncAnthropic:
    """`timeout` is for a connection and for each wait for more of an answer. Spans with texts are never made."""
    http = httpx2.AsyncClient(trust_env=False, timeout=timeout, transport=transport)
    return anthropic.AsyncAnthropic(
        api_key=key, base_url=url, timeout=timeout, max_retries=retries, http_client=http, open_telemetry=False
    )
