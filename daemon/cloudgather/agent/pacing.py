"""How often a target may be asked about files: its budget of metadata operations."""

from cloudgather.ports.clock import Clock


class Pace:
    """So many turns a second, None: no end of them; a pause earns the turns of one second, and never less than one."""

    def __init__(self, *, clock: Clock, per_second: float | None = None) -> None:
        self._clock = clock
        self._per_second = per_second
        self._paid_until = clock.monotonic()

    def set(self, per_second: float | None) -> None:
        """From now on."""
        self._per_second = per_second

    async def turn(self, count: int = 1) -> None:
        """Wait until `count` more may be asked. Turns are given in the order in which they were asked for."""
        if self._per_second is None:
            return
        now = self._clock.monotonic()
        burst = max(0.0, 1.0 - 1.0 / self._per_second)
        begin = max(self._paid_until, now - burst)
        self._paid_until = begin + count / self._per_second
        if begin > now:
            await self._clock.sleep(begin - now)
