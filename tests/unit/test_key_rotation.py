"""Rotating a key: two are live until the overlap ends, and the new one may do what the old one might."""

from datetime import timedelta

import pytest

from app.domain.access import Role
from app.domain.errors import Forbidden
from app.domain.organisation.keys import parse_token
from app.domain.organisation.model import KeyIsOver
from app.domain.organisation.use_cases import rotate_api_key
from tests import make
from tests.fakes import FakeUnitOfWork

ADMIN = make.caller(role=Role.ADMIN)
DAY = timedelta(days=1)


async def test_two_keys_are_live_until_the_overlap_ends() -> None:
    uow, clock = FakeUnitOfWork(), make.FixedClock()
    old = make.api_key(make.service_account("ci"), scopes=frozenset({"boosts:write"}), created_at=clock())
    await uow.api_keys.add(old)
    new, token = await rotate_api_key(uow, clock, caller=ADMIN, key_id=old.id, overlap=DAY)
    parsed = parse_token(token)
    assert parsed is not None
    assert parsed[0] == new.id != old.id
    assert (new.service_account_id, new.scopes, new.expires_at) == (old.service_account_id, old.scopes, None)
    ended = await uow.api_keys.get(old.id)
    assert ended.expires_at == clock() + DAY
    assert ended.is_live(clock())
    clock.forward(days=1)
    assert not ended.is_live(clock())
    assert new.is_live(clock())


async def test_the_new_key_lives_as_long_as_the_old_one_was_meant_to() -> None:
    uow, clock = FakeUnitOfWork(), make.FixedClock()
    soon = clock() + timedelta(hours=1)
    old = make.api_key(make.person(), created_at=soon - timedelta(days=90), expires_at=soon)
    await uow.api_keys.add(old)
    new, _ = await rotate_api_key(uow, clock, caller=ADMIN, key_id=old.id, overlap=DAY)
    assert new.expires_at == clock() + timedelta(days=90)
    assert (await uow.api_keys.get(old.id)).expires_at == soon


async def test_a_key_that_is_over_is_not_rotated() -> None:
    uow, clock = FakeUnitOfWork(), make.FixedClock()
    old = make.api_key(make.person(), created_at=clock()).revoke(clock())
    await uow.api_keys.add(old)
    with pytest.raises(KeyIsOver):
        await rotate_api_key(uow, clock, caller=ADMIN, key_id=old.id, overlap=DAY)
    with pytest.raises(Forbidden):
        await rotate_api_key(uow, clock, caller=make.caller(), key_id=old.id, overlap=DAY)
