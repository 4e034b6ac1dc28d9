"""Feeds systemd's watchdog as long as every part of the daemon makes progress, and says which one does not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from cloudgather.outside.systemd import Systemd
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import StoreUnavailable

logger = logging.getLogger(__name__)

_STATUS_EVERY: Final = 30.0  # seconds

# Ends when the part has proved that it makes progress: by doing something that it was asked for just now.
Sign = Callable[[], Awaitable[object]]


class Pulse:
    """One loop. It runs on the event loop, so that this is proved by the loop's turning.

    `parts` are asked for a sign of life each time; while one does not give it the watchdog goes hungry, and what
    `status` says is told all the same. A part that is removed or added is asked no more, or from the next time on.
    """

    def __init__(
        self, *, systemd: Systemd, clock: Clock, parts: Callable[[], Mapping[str, Sign]], status: Callable[[], str]
    ) -> None:
        self._systemd = systemd
        self._clock = clock
        self._parts = parts
        self._status = status
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._silent: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Until cancelled."""
        every = min(self._systemd.watchdog_every or _STATUS_EVERY, _STATUS_EVERY)
        try:
            while True:
                silent = await self._silent_after(every)
                self._tell(silent)
                if not silent:
                    self._systemd.watchdog()
                self._systemd.status(self._status())
                if not silent:  # else its sign is waited for, and passed on at once
                    await self._clock.sleep(every)
        finally:
            for asked in self._asked.values():
                asked.cancel()

    async def _silent_after(self, patience: float) -> frozenset[str]:
        """Ask all parts, and name those that have not answered after so long."""
        parts = self._parts()
        for name in self._asked.keys() - parts.keys():
            self._asked.pop(name).cancel()
        for name, sign in parts.items():
            if name not in self._asked:
                self._asked[name] = asyncio.ensure_future(_given(sign))
        sleeping = asyncio.ensure_future(self._clock.sleep(patience))
        try:
            waited = {sleeping, *self._asked.values()}
            while not sleeping.done() and len(waited) > 1:
                _, waited = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        self._asked = {name: asked for name, asked in self._asked.items() if not asked.done()}
        return frozenset(self._asked)

    def _tell(self, silent: frozenset[str]) -> None:
        for name in sorted(silent - self._silent):
            logger.error("%s gives no sign of life: the watchdog is not fed until it does", name)
        for name in sorted(self._silent - silent):
            logger.warning("%s goes on", name)
        self._silent = silent


async def _given(sign: Sign) -> None:
    try:
        await sign()
    except StoreUnavailable:
        pass  # an answer, too: a full disk is no reason to be restarted
    except Exception:
        logger.exception("cannot ask for a sign of life: a bug of ours")
