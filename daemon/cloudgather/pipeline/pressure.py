"""Back-pressure: a mount that uploads later by itself must not fill the disk that it keeps files on meanwhile."""

from collections.abc import Awaitable, Callable

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.transfer import State
from cloudgather.pipeline.board import TargetState
from cloudgather.ports.queue import QueueStore


class Pressure:
    """Looks before each claim of a target with such limits. `free` tells the bytes that are free where a folder is."""

    def __init__(self, *, store: QueueStore, free: Callable[[bytes], Awaitable[int]]) -> None:
        self._store = store
        self._free = free

    def looks_at_each(self, lane: TargetState) -> bool:
        """Whether no more than one transfer may be claimed before the next look."""
        return lane.spec.max_unconfirmed is not None or lane.spec.cache_dir is not None

    async def hold(self, lane: TargetState) -> Reason | None:
        """What keeps the target from being given more work now."""
        return await self._unconfirmed(lane) or await self._full(lane)

    async def _unconfirmed(self, lane: TargetState) -> Reason | None:
        """What is being copied counts as well: it will have to be uploaded, too."""
        name, limit = lane.spec.name, lane.spec.max_unconfirmed
        if limit is None:
            return None
        while True:
            begun = set(lane.moving)
            counts = await self._store.counts()
            if begun <= lane.moving.keys():
                break  # else what was written meanwhile may be in neither
        written = sum(
            size for (_, target, state), (_, size) in counts.items() if target == name and state is State.WRITTEN
        )
        total = written + sum(moving.transfer.version.size for moving in lane.moving.values())
        if total < limit:
            return None
        return because(Code.HELD_UNCONFIRMED, target=name, unconfirmed=total, limit=limit)

    async def _full(self, lane: TargetState) -> Reason | None:
        """What is being copied and has not come yet will be taken from what is free."""
        folder, least = lane.spec.cache_dir, lane.spec.min_free
        if folder is None or least is None:
            return None
        try:
            free = await self._free(folder)
        except TimeoutError:
            return because(Code.HELD_CACHE_UNKNOWN, target=lane.spec.name, folder=folder, message="it does not answer")
        except OSError as error:
            message = error.strerror or str(error)
            return because(Code.HELD_CACHE_UNKNOWN, target=lane.spec.name, folder=folder, message=message)
        free -= sum(max(0, moving.transfer.version.size - moving.done) for moving in lane.moving.values())
        if free >= least:
            return None
        return because(Code.HELD_MIN_FREE, target=lane.spec.name, folder=folder, free=max(0, free), min_free=least)
