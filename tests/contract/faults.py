"""What goes wrong with the requests to a simulated provider, and when."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import httpx2

Problem = Callable[[int, str, Mapping[str, str]], httpx2.Response]
"""An error in the provider's own shape."""


class Fault(Enum):
    """What goes wrong with one request."""

    REFUSED_CONNECTION = "the connection is refused"
    BEFORE_500 = "nothing is done, then 500"
    APPLIED_502 = "it is done, then 502"
    APPLIED_TIMEOUT = "it is done, then no answer"
    RATE_LIMITED = "too many requests, with a time to wait"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"


@dataclass
class Planned:
    """A fault for the next requests whose name contains these words."""

    fault: Fault
    name: str
    times: int


@dataclass
class Faults:
    """Requests that go wrong; `retry_after` is what the provider asks to wait."""

    retry_after: int = 7
    planned: list[Planned] = field(default_factory=list)

    @staticmethod
    def named(name: str) -> Fault:
        return Fault[name]

    def plan(self, fault: Fault, name: str = "", *, times: int = 1) -> None:
        """The next `times` requests with this in their name fail so."""
        self.planned.append(Planned(fault, name, times))

    async def around(
        self, request: httpx2.Request, name: str, answer: Callable[[], Awaitable[httpx2.Response]], problem: Problem
    ) -> httpx2.Response:
        """The answer, or what is planned instead of it."""
        match self._next(name):
            case None:
                return await answer()
            case Fault.REFUSED_CONNECTION:
                raise httpx2.ConnectError("The simulator refuses.", request=request)
            case Fault.BEFORE_500:
                return httpx2.Response(500)
            case Fault.RATE_LIMITED:
                return problem(429, "Rate limit exceeded", {"retry-after": str(self.retry_after)})
            case Fault.UNAUTHORIZED:
                return problem(401, "Authentication required", {})
            case Fault.FORBIDDEN:
                return problem(403, "You do not have the permission", {})
            case Fault.APPLIED_TIMEOUT:
                await answer()
                raise httpx2.ReadTimeout("The simulator hangs.", request=request)
            case _:
                await answer()
                return httpx2.Response(502)

    def _next(self, name: str) -> Fault | None:
        for planned in self.planned:
            if planned.times and planned.name in name:
                planned.times -= 1
                return planned.fault
        return None
