"""What is done now and then: old history removed, stored instants clamped when the wall clock jumps."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from cloudgather.pipeline.board import Board
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import QueueStore, StoreUnavailable

logger = logging.getLogger(__name__)

_EVERY: Final = 30.0
_JUMP: Final = 5.0  # seconds that the wall clock may move against the monotonic one between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """When history is removed."""

    every: float = 6 * 3600.0  # seconds
    kept: timedelta | None = None  # how long; None: as configured


class Upkeep:
    """One loop."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        clock: Clock,
        history_days: Callable[[], int],
        pruning: Pruning | None = None,
    ) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._history_days = history_days
        self._pruning = pruning or Pruning()
        self._offset = self._measured()
        self._retries_clamped = True
        self._pruned: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._look()
            except StoreUnavailable as refused:
                logger.warning("upkeep waits: %s", refused)
            await self._clock.sleep(min(_EVERY, self._pruning.every))

    def longest_retry(self) -> timedelta:
        """No retry of any target is due later than this from now."""
        longest = max((lane.spec.retry_most for lane in self._board.targets.values()), default=timedelta(hours=1))
        return longest * 1.25  # the jitter

    async def look_at_clock(self) -> None:
        """What is asked of the store after this is asked after a jump of the clock has had its effect on limits."""
        now, before, measured = self._clock.now(), self._offset, self._measured()
        if abs(measured - before) <= _JUMP:
            return
        logger.warning("the wall clock has jumped by %.0f s", measured - before)
        self._offset = measured
        try:
            await self._store.shift_spending(now=now, hours=round((measured - before) / 3600))
        except StoreUnavailable:
            self._offset = before
            raise
        for lane in self._board.targets.values():
            lane.breaker = lane.breaker.clamped(now)
            if (order := lane.memory.rate_order) is not None:
                lane.memory = replace(lane.memory, rate_order=order.clamped(now))
        self._retries_clamped = False

    async def _look(self) -> None:
        await self.look_at_clock()
        now = self._clock.now()
        if not self._retries_clamped:
            await self._store.clamp_due(now=now, most=self.longest_retry())
            self._retries_clamped = True
        if self._pruned is None or self._clock.monotonic() - self._pruned >= self._pruning.every:
            kept = self._pruning.kept or timedelta(days=self._history_days())
            count = await self._store.prune(before=now - kept)
            self._pruned = self._clock.monotonic()
            if count:
                logger.info("history: %d old transfers removed", count)

    def _measured(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
