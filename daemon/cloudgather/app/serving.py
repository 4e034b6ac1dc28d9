"""The daemon's asyncio tasks: loops that are kept running, and errands that are run once."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from cloudgather.ports.clock import Clock

logger = logging.getLogger(__name__)

_AGAIN_AFTER: Final = 10.0


class Serving:
    """Every task has a name and an owner here; a bug in one is logged and ends nothing else."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._loops: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._stopping = False

    def keep(self, kind: str, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `loop` until dropped; one that fails is started again after 10 s. No-op where it runs already."""
        if self._stopping or (kind, name) in self._loops:
            return
        self._loops[kind, name] = asyncio.create_task(self._kept(kind, name, loop), name=f"{kind} {name}")

    def drop(self, kind: str, name: str) -> None:
        """Cancel the loop."""
        if (task := self._loops.pop((kind, name), None)) is not None:
            task.cancel()
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)

    def errand(self, coroutine: Coroutine[Any, Any, object], name: str) -> None:
        """Run it once, in the background."""
        if self._stopping:
            coroutine.close()
            return
        task = asyncio.create_task(self._run(coroutine, name), name=name)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def stop(self, grace: float) -> None:
        """Cancel everything; what has not ended within `grace` seconds is left behind."""
        self._stopping = True
        tasks = [*self._loops.values(), *self._errands]
        for task in tasks:
            task.cancel()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=grace)
            if left:
                logger.warning("not ended in time: %s", ", ".join(sorted(task.get_name() for task in left)))

    async def _kept(self, kind: str, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await loop()
            except Exception:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    logger.exception("%s %s failed as it was to end: a bug of ours", kind, name)
                    return
                logger.exception("%s %s failed: a bug of ours; it is started again", kind, name)
            await self._clock.sleep(_AGAIN_AFTER)

    async def _run(self, coroutine: Coroutine[Any, Any, object], name: str) -> None:
        try:
            await coroutine
        except Exception:
            logger.exception("%s failed: a bug of ours", name)
