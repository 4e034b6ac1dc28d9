"""A clock that only the test moves."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_TURNS = 20  # how often the loop goes round before time moves on: enough for what a wake-up sets off
_A_MOMENT = 0.0002  # for a thread


class FakeClock:
    """ports.clock.Clock; `advance` moves both clocks and wakes sleepers in order, `jump` sets the wall clock only.

    Time does not pass while `busy` says that threads work on what a wake-up has set off.
    """

    def __init__(self, now: datetime = _START, *, busy: Callable[[], bool] = lambda: False) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._busy = busy
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self._now.astimezone(UTC)

    def monotonic(self) -> float:
        """Seconds that the test has let pass."""
        return self._monotonic

    @property
    def sleepers(self) -> int:
        """How many wait for this clock."""
        return sum(not future.done() for _, future in self._sleepers)

    async def sleep(self, span: float) -> None:
        """Until the test has advanced by `span`."""
        if span <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + span, future))
        await future

    def jump(self, by: timedelta) -> None:
        """Somebody sets the wall clock; nobody wakes."""
        self._now += by

    async def advance(self, span: float | timedelta) -> None:
        """Let time pass: each sleeper wakes at its instant, and what it then does is done before the next one wakes."""
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        end = self._monotonic + seconds
        await self._settle()
        while (next_at := self._next_before(end)) is not None:
            self._move_to(next_at)
            await self._settle()
        self._move_to(end)
        await self._settle()

    async def suspend(self, span: timedelta) -> None:
        """The machine sleeps: both clocks go on, and whoever was due meanwhile wakes afterwards, all at once."""
        await self._settle()
        self._move_to(self._monotonic + span.total_seconds())
        await self._settle()

    def _next_before(self, end: float) -> float | None:
        self._sleepers = [(at, future) for at, future in self._sleepers if not future.done()]
        return min((at for at, _ in self._sleepers if at <= end), default=None)

    def _move_to(self, instant: float) -> None:
        self._now += timedelta(seconds=instant - self._monotonic)
        self._monotonic = instant
        for at, future in self._sleepers:
            if at <= instant and not future.done():
                future.set_result(None)

    async def _settle(self) -> None:
        turns = 0
        while turns < _TURNS:
            busy = self._busy()
            await asyncio.sleep(_A_MOMENT if busy else 0)
            turns = 0 if busy else turns + 1
