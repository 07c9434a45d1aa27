"""What production does not start with: each setting that is unsafe there, in a sentence that says what to change."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from app.domain.organisation.keys import parse_token
from app.settings import Settings

SHORTEST_SECRET = 16
_OPEN_PROXIES = ("*", "0.0.0.0/0", "::/0")


def refuse_unsafe(settings: Settings) -> None:
    """Say everything that is unsafe, then stop; outside production nothing is."""
    found = tuple(unsafe(settings)) if settings.environment == "production" else ()
    if found:
        typer.echo("Not started: NOREPEAT_ENVIRONMENT is production, and", err=True)
        for sentence in found:
            typer.echo(f"  - {sentence}", err=True)
        raise typer.Exit(1)


def unsafe(settings: Settings) -> Iterator[str]:
    """Each setting that must not be so in production. Values never appear: they may be secrets."""
    yield from _unsafe_secrets(settings)
    yield from _unsafe_addresses(settings)
    yield from _unsafe_doors(settings)


def _unsafe_secrets(settings: Settings) -> Iterator[str]:
    if not settings.encryption_keys:
        yield "NOREPEAT_ENCRYPTION_KEYS is not set: give it, as a JSON list, a key that `norepeat secrets key` prints."
    if settings.admin_key is not None and not _is_strong(settings.admin_key.get_secret_value()):
        yield (
            "NOREPEAT_ADMIN_KEY can be guessed: remove it, and one is made at the first start, or give nr_<id>_<secret>"
            " with 32 or more random letters and digits."
        )
    for name in ("github", "jira", "linear", "pagerduty"):
        if any(_is_short(secret) for secret in getattr(settings, f"{name}_webhook_secrets")):
            yield f"NOREPEAT_{name.upper()}_WEBHOOK_SECRETS has a secret of less than {SHORTEST_SECRET} characters."
    if any(_is_short(token) for token in settings.alertmanager_tokens):
        yield f"NOREPEAT_ALERTMANAGER_TOKENS has a token of less than {SHORTEST_SECRET} characters."
    if settings.metrics_token is not None and _is_short(settings.metrics_token):
        yield f"NOREPEAT_METRICS_TOKEN has less than {SHORTEST_SECRET} characters."


def _is_short(secret: SecretStr) -> bool:
    return len(secret.get_secret_value()) < SHORTEST_SECRET


def _is_strong(key: str) -> bool:
    """A key of the right form whose secret does not repeat itself."""
    parsed = parse_token(key)
    return parsed is not None and len(set(parsed[1])) >= 12


def _unsafe_addresses(settings: Settings) -> Iterator[str]:
    if settings.public_url is None or not settings.public_url.startswith("https://"):
        yield "NOREPEAT_PUBLIC_URL is not an https address: set it to the one under which people reach the service."
    if settings.oidc_issuer is not None and not _is_https_or_own(settings.oidc_issuer):
        yield "NOREPEAT_OIDC_ISSUER is not an https address, so its keys could be swapped on the way."
    if settings.database_url is None and not settings.embedded_in_production:
        yield (
            "the embedded PostgreSQL would be used: set DATABASE_URL, or NOREPEAT_EMBEDDED_IN_PRODUCTION=true if one"
            " machine and your own backups are enough."
        )
    if settings.outbound_allow_http:
        yield "NOREPEAT_OUTBOUND_ALLOW_HTTP lets events out unencrypted: remove it."
    if any(ipaddress.ip_network(one, strict=False).prefixlen == 0 for one in settings.outbound_allowed_networks):
        yield "NOREPEAT_OUTBOUND_ALLOWED_NETWORKS allows every address: name the networks you mean."


def _is_https_or_own(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _unsafe_doors(settings: Settings) -> Iterator[str]:
    if settings.docs:
        yield "NOREPEAT_DOCS is on: set it to false, so that introspection and /docs are closed."
    if any("*" in origin for origin in settings.cors_origins):
        yield "NOREPEAT_CORS_ORIGINS has a wildcard: name the sites."
    if any(one.strip() in _OPEN_PROXIES for one in settings.forwarded_allow_ips.split(",")):
        yield "NOREPEAT_FORWARDED_ALLOW_IPS believes everybody: name the proxies' addresses."
    if not (settings.rate_limit_address and settings.rate_limit_credential and settings.rate_limit_failures):
        yield "a rate limit is off: give NOREPEAT_RATE_LIMIT_ADDRESS, _CREDENTIAL and _FAILURES a number."
