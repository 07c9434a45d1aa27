"""Who may come in: keys of ours, and tokens of an identity provider where one is configured."""

import importlib

import httpx2

from app.domain.access import Role
from app.domain.ports import Clock, Credentials, OpenUnitOfWork
from app.settings import Settings


def credentials(
    settings: Settings, keys: Credentials, client: httpx2.AsyncClient, uow: OpenUnitOfWork, clock: Clock
) -> Credentials:
    """Keys alone, or keys and tokens; what reads tokens is loaded only then."""
    if settings.oidc_issuer is None:
        return keys
    oidc = importlib.import_module("app.adapters.oidc")
    issuer = oidc.Issuer(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_person_claim,
        settings.oidc_create_people,
        settings.oidc_groups_claim,
        {group: Role(role) for group, role in settings.oidc_group_roles.items()},
    )
    tokens: Credentials = oidc.OidcTokens(issuer, client, uow, clock)
    both: Credentials = oidc.KeysAndTokens(keys, tokens)
    return both
