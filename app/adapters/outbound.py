"""Sending to addresses that people configure: each connection is made to an IP address that was looked at before."""

import asyncio
import socket
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpcore2
from httpcore2 import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from app.domain.outbound.addresses import Address, Network, may_connect
from app.domain.ports import Answered, NotSent

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses behind a host name."""
ANSWER_BYTES = 16_384
CONNECTIONS = 128
IDLE_SECONDS = 30.0


class AddressRefused(httpcore2.ConnectError):
    """The host leads to an address that we do not send to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the system's resolver, which also reads forms such as `127.1`, `0x7f.1` and `2130706433`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(AsyncNetworkBackend):
    """Connects to what a name leads to, if every address of it may be connected to, and to nothing else.

    The name is resolved once and the connection goes to that very address, so that a name server that answers
    differently the second time gains nothing. TLS still checks the certificate against the name.
    """

    def __init__(self, allowed: Sequence[Network] = (), *, resolver: Resolve = resolve) -> None:
        self._allowed = allowed
        self._resolve = resolver
        self._plain = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        refused: httpcore2.ConnectError | None = None
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._plain.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except httpcore2.ConnectError as error:
                refused = error
        raise refused or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> AsyncNetworkStream:
        raise AddressRefused(f"{path} is a local socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, timeout: float | None) -> Sequence[Address]:
        try:
            async with asyncio.timeout(timeout):
                found = await self._resolve(host.rstrip("."), port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved") from error
        addresses = [ip_address(text.partition("%")[0]) for text in found]
        if not all(may_connect(address, self._allowed) for address in addresses):
            raise AddressRefused(f"{host} leads to an address that is not public")
        return addresses


class GuardedSender:
    """The port `Sender`: no redirects, no proxies from the environment, a limit for what is read of an answer."""

    def __init__(self, allowed: Sequence[Network] = (), *, resolver: Resolve = resolve) -> None:
        self._backend = GuardedBackend(allowed, resolver=resolver)
        self._opened: httpcore2.AsyncConnectionPool | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    def _pool(self) -> httpcore2.AsyncConnectionPool:
        """Opened with the first use: reading the system's certificates takes a while, and few processes send."""
        if self._opened is None:
            self._opened = httpcore2.AsyncConnectionPool(
                ssl_context=httpcore2.default_ssl_context(),
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS // 4,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=self._backend,
            )
        return self._opened

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> Answered:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            # The time-outs above are for single steps; a receiver that drips bytes is cut off by this one.
            async with (
                asyncio.timeout(timeout),
                self._pool().stream("POST", url, headers=sent, content=body, extensions={"timeout": limits}) as answer,
            ):
                text = await _beginning(answer.aiter_stream())
                return Answered(answer.status, text, _retry_after(answer.headers))
        except TimeoutError as error:
            raise NotSent(f"no answer within {timeout:g} s") from error
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise NotSent(str(error) or type(error).__name__) from error
        except (httpcore2.UnsupportedProtocol, UnicodeError, ValueError) as error:
            raise NotSent(f"the address cannot be used: {error}") from error


async def _beginning(chunks: AsyncIterable[bytes]) -> str:
    read = b""
    async for chunk in chunks:
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return read[:ANSWER_BYTES].decode("utf-8", "replace").replace("\x00", "")


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds, from a number or a date."""
    value = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), None)
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0)
    except ValueError:
        return None
