"""Signing in to the pages: a short-lived key of the same holder that opens the pages for people and nothing else."""

from dataclasses import replace
from datetime import timedelta

from app.domain.access import Action, Caller, authorize
from app.domain.errors import Unauthenticated
from app.domain.organisation.keys import hash_secret, new_key, token_of
from app.domain.organisation.model import ApiKey
from app.domain.ports import Clock, OpenUnitOfWork

PAGES = "pages"
"""The scope of such a key; no rule asks for it, so no other door opens with it."""

SESSION = timedelta(days=1)
KEPT = timedelta(days=7)


async def sign_in(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller) -> tuple[ApiKey, str]:
    """A key for a browser, and its token: it ends after a day, or with the key it was made with, or by signing out."""
    authorize(caller, Action.READ)
    now = clock()
    id, secret = new_key()
    async with uow() as u:
        parent = await u.api_keys.find(caller.key_id) if caller.key_id else None
        ends = [now + SESSION] + ([parent.expires_at] if parent and parent.expires_at else [])
        key = ApiKey(
            id=id, secret_hash=hash_secret(secret), created_at=now, person_id=caller.person_id,
            service_account_id=caller.service_account_id, scopes=frozenset({PAGES}), expires_at=min(ends),
            parent_id=parent.id if parent else None,
        )  # fmt: skip
        await u.api_keys.add(key)
        await u.commit()
    return key, token_of(id, secret)


async def sign_out(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller) -> None:
    """The browser's key opens nothing from now on; a key that was issued for a program is left alone."""
    if caller.scopes != {PAGES} or caller.key_id is None:
        return
    async with uow() as u:
        await u.api_keys.save((await u.api_keys.get(caller.key_id)).revoke(clock()))
        await u.commit()


def reader_of_pages(caller: Caller) -> Caller:
    """Who reads a page with a browser's key. Raises Unauthenticated for any other key."""
    if caller.scopes != {PAGES}:
        raise Unauthenticated
    return replace(caller, scopes=frozenset({"read"}))


async def forget_sessions(uow: OpenUnitOfWork, clock: Clock) -> int:
    """Delete the keys of sign-ins that ended a week ago."""
    async with uow() as u:
        count = await u.api_keys.forget_sessions(clock() - KEPT)
        await u.commit()
    return count
