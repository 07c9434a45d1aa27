"""Putting records into a repository, in a transaction of its own."""

from collections.abc import Awaitable, Callable

from app.domain.ports import OpenUnitOfWork, UnitOfWork


async def stored(uow: OpenUnitOfWork, *adding: Callable[[UnitOfWork], Awaitable[object]]) -> None:
    async with uow() as u:
        for add in adding:
            await add(u)
        await u.commit()
