"""Sending events out: many endpoints at once, few deliveries to each, so that a slow one holds up nobody else."""

import asyncio
from uuid import UUID

import structlog

from app.domain.outbound.use_cases.sending import send_webhook
from app.domain.ports import Ports

log = structlog.get_logger()
LOOKS_EVERY = 1.0


class Dispatcher:
    """Attempts what is due, until stopped; `wake` says that there may be something."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._woken = asyncio.Event()
        self._running: dict[asyncio.Task[bool], tuple[UUID, UUID]] = {}

    async def wake(self) -> None:
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Woken, or as long as something runs every second; what is cut off at the end is due again after its lease."""
        try:
            while not stop.is_set():
                await self._wait(stop)
                try:
                    await self._start_due()
                except Exception as error:
                    log.warning("deliveries_not_looked_up", error=f"{type(error).__name__}: {error}")
                    self._woken.set()
                    await asyncio.sleep(LOOKS_EVERY)
            if self._running:
                await asyncio.wait(self._running)
        finally:
            for task in self._running:
                task.cancel()

    async def _wait(self, stop: asyncio.Event) -> None:
        """Until woken, or something ends, or we are to stop."""
        waiting = {asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(stop.wait())}
        await asyncio.wait({*waiting, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        self._woken.clear()

    async def _start_due(self) -> None:
        self._collect()
        rules, places = self._ports.policy.outbound, self._free()
        if not places:
            return
        busy = [delivery for delivery, _ in self._running.values()]
        async with self._ports.uow() as u:
            due = await u.webhook_deliveries.due(
                self._ports.clock(), limit=rules.at_once, per_endpoint=rules.at_once_per_endpoint, but=busy
            )
        for delivery_id, endpoint_id in due:
            at_it = sum(endpoint_id == endpoint for _, endpoint in self._running.values())
            if self._free() and at_it < rules.at_once_per_endpoint:
                self._running[asyncio.create_task(self._send(delivery_id))] = (delivery_id, endpoint_id)

    def _free(self) -> int:
        return self._ports.policy.outbound.at_once - len(self._running)

    def _collect(self) -> None:
        for task in [task for task in self._running if task.done()]:
            del self._running[task]

    async def _send(self, delivery_id: UUID) -> bool:
        ports = self._ports
        try:
            return await send_webhook(
                ports.uow, ports.clock, ports.policy, ports.vault, ports.sender, delivery_id=delivery_id
            )
        except Exception as error:
            log.warning("webhook_not_sent", delivery_id=str(delivery_id), error=f"{type(error).__name__}: {error}")
            return False
