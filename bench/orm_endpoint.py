"""The peer: the same webhook as an ordinary FastAPI endpoint with an ORM session per request."""

import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException, Request
from sqlalchemy import DateTime, LargeBinary, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.load import SECRET


class Base(DeclarativeBase):
    pass


class InboxItem(Base):
    __tablename__ = "inbox"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    source: Mapped[str]
    delivery_id: Mapped[str]
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(default=0)


class Job(Base):
    __tablename__ = "bench_jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    entrypoint: Mapped[str]
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=16
)
open_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with open_session() as session:
        yield session


@app.post("/v1/inbound/{source}", status_code=202)
async def receive(
    source: str, request: Request, session: Annotated[AsyncSession, Depends(get_session)]
) -> dict[str, bool]:
    body = await request.body()
    expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("x-hub-signature-256", ""), expected):
        raise HTTPException(401)
    delivery_id = request.headers["x-github-delivery"]
    known = select(InboxItem.id).where(InboxItem.source == source, InboxItem.delivery_id == delivery_id)
    if (await session.scalar(known)) is not None:
        return {"accepted": True, "new": False}
    headers = {name: value for name, value in request.headers.items() if name.startswith("x-github")}
    now = datetime.now(UTC)
    session.add(InboxItem(source=source, delivery_id=delivery_id, headers=headers, body=body, received_at=now))
    session.add(Job(entrypoint="inbox", created=now))
    await session.commit()
    return {"accepted": True, "new": True}
