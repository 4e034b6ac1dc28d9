"""Keeps what may change by the clock, or by an order, in effect at the targets: their bandwidth."""

import asyncio
from typing import Final

from cloudgather.pipeline.board import Board
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock

_AT_MOST: Final = 30.0  # the wall clock may jump
_AT_LEAST: Final = 0.05


def limit(board: Board) -> float:
    """Give each target the rate of this moment; the seconds after which one may have another."""
    wait = _AT_MOST
    for lane in board.targets.values():
        rate = board.rate_of(lane)
        lane.port.limits(rate.rate)
        if rate.until is not None:
            wait = min(wait, (rate.until - board.now()).total_seconds())
    return max(wait, _AT_LEAST)


class Limiter:
    """One loop for all targets. `wake` it when an order or the configuration has changed."""

    def __init__(self, *, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again at once."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            await wait_for_either(self._woken.wait(), self._clock.sleep(limit(self._board)))
