"""When a source is looked at again without anything having been heard of it."""

from datetime import timedelta

from cloudgather.ports.clock import Clock


class Rounds:
    """A span that begins anew each time it has passed."""

    def __init__(self, clock: Clock, every: timedelta) -> None:
        self._clock = clock
        self._every = every.total_seconds()
        self._next = clock.monotonic() + self._every

    def left(self) -> float:
        """Seconds until the next round, 0 when it is due."""
        return max(0.0, self._next - self._clock.monotonic())

    def is_due(self) -> bool:
        """Whether the span has passed; if so the next one begins now, so that rounds missed in suspend come once."""
        if self.left() > 0:
            return False
        self._next = self._clock.monotonic() + self._every
        return True
