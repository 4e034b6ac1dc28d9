"""Tells listeners of runs: that one began, that its scan ended, how far its files are, that it ended."""

from collections.abc import Callable, Coroutine
from typing import Any

from cloudgather.operations import describe
from cloudgather.operations.world import World


class RunTeller:
    """`changed` may be called for every file: a run is read and told once for all that happened meanwhile."""

    def __init__(self, *, errand: Callable[[Coroutine[Any, Any, object], str], None]) -> None:
        self._errand = errand
        self._waiting: set[int] = set()
        self.world: World | None = None  # made after what calls `changed`

    def changed(self, id: int) -> None:
        """Its row was written, or a transfer of it has ended."""
        if self.world is not None and self.world.bus.heard and id not in self._waiting:
            self._waiting.add(id)
            self._errand(self._tell(id, self.world), f"tell run {id}")

    async def _tell(self, id: int, world: World) -> None:
        self._waiting.discard(id)
        if (run := await world.store.run(id)) is not None:
            await world.store.answers()  # it is read as soon as it is committed, and its files' moves are told later
            world.bus.publish({"kind": "run", **describe.run(world, run)})
