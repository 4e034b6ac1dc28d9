"""How long each step of an agent's operation may take before it counts as stalled."""

from dataclasses import dataclass
from typing import Final

from cloudgather.agent.protocol import FLUSH_STEPS, LISTING_STEPS, WRITE_STEPS

_MOST_DOUBLINGS: Final = 6
_MOST_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds, all of them; the defaults are the design's."""

    start: float = 30.0  # until an operation names its first step, the start of its agent included
    quick: float = 30.0  # stat, open, lease …
    write: float = 120.0
    listing: float = 600.0
    flush: float = 600.0  # fsync, close, rename, syncfs, and on top of it the time for their bytes
    flush_rate: float = 1024.0 * 1024.0  # bytes a second
    cancel: float = 5.0  # how long a cancelled operation is waited for
    leave: float = 5.0  # how long an agent that was asked to leave may take
    reap: float = 5.0  # after SIGKILL: from then on the kernel is known not to let it die
    idle: float = 60.0  # an agent without work leaves
    tick: float = 0.5  # how often deadlines are looked at, while anything runs

    def of(self, step: str, nbytes: int) -> float:
        """How long `step` may take; `nbytes` is what it may still have to bring to the other side."""
        if step in FLUSH_STEPS:
            return self.flush + nbytes / self.flush_rate
        if step in LISTING_STEPS:
            return self.listing
        if step in WRITE_STEPS:
            return self.write
        return self.quick


class Misses:
    """Which files have missed a deadline: each miss doubles the next one's, a success ends it."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def factor(self, path: bytes) -> float:
        """What to stretch the deadlines of this file by."""
        return float(2 ** self._counts.get(path, 0))

    def missed(self, path: bytes) -> None:
        """One more; the files that missed longest ago are forgotten."""
        count = self._counts.pop(path, 0)
        self._counts[path] = min(count + 1, _MOST_DOUBLINGS)
        if len(self._counts) > _MOST_REMEMBERED:
            del self._counts[next(iter(self._counts))]

    def kept(self, path: bytes) -> None:
        """It went well."""
        self._counts.pop(path, None)
