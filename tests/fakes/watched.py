"""The real store, watched: what was asked of it and when it was committed, and refusals on command."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.store.sqlite import SqliteStore

REFUSAL = because(Code.HELD_STATE_FULL, file="/state")


T = TypeVar("T")


async def _pass(step: str) -> None:
    """Nothing happens at a step."""


class WatchedStore:
    """ports.queue.QueueStore by way of a real one.

    `met` hears `NAME.begin` and `NAME.end` of each call; `move` is told with its events, as `move:publish`. `refuse`
    makes calls raise StoreUnavailable, before they have done anything.
    """

    def __init__(self, store: SqliteStore) -> None:
        self.real = store
        self.busy = 0
        self.calls: Counter[str] = Counter()
        self.met: Callable[[str], Awaitable[None]] = _pass
        self.refused: Counter[str] = Counter()
        self._refusing: Counter[str] = Counter()

    def refuse(self, name: str, *, times: int = 1) -> None:
        """The next so many calls of this name (`move:defer`, `adopt` …; `*` for all) cannot be committed."""
        self._refusing[name] += times

    def accept(self) -> None:
        """Refuse nothing from now on."""
        self._refusing.clear()

    async def asked(self, call: Callable[[SqliteStore], Awaitable[T]]) -> T:
        """What the real store answers to a test, also in the middle of a step; no time passes meanwhile."""
        self.busy += 1
        try:
            return await call(self.real)
        finally:
            self.busy -= 1

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            step = name
            if name == "move":
                step = "move:" + "+".join(sorted({str(move.event) for move in args[0]}))
            await self.met(f"{step}.begin")
            self.calls[step] += 1
            for refusing in (step, "*"):
                if self._refusing[refusing] > 0:
                    self._refusing[refusing] -= 1
                    self.refused[step] += 1
                    raise StoreUnavailable(REFUSAL)
            self.busy += 1
            try:
                result = await method(*args, **kwargs)
            finally:
                self.busy -= 1
            await self.met(f"{step}.end")
            return result

        return call
