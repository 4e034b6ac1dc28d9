"""The batches that a target has been given and that have not ended: how many there may be, and what becomes of each."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cloudgather.core.clashes import folded
from cloudgather.core.target import Profile
from cloudgather.core.transfer import Transfer
from cloudgather.pipeline.board import Board, Moving, TargetState, Turn
from cloudgather.pipeline.portions import learn
from cloudgather.pipeline.recover import Recovery
from cloudgather.pipeline.transfer import Carrier
from cloudgather.ports.clock import Clock

logger = logging.getLogger(__name__)

_PUBLISHED_BESIDE: Final = 2  # batches that may be recorded and published while the next is copied


@dataclass(slots=True, kw_only=True)
class _Batch:
    """One that has been claimed and has not ended."""

    full: bool
    turn: Turn
    folders: Set[bytes]  # of destinations
    copied: bool = False  # all of it stands aside
    arrived: int = 0  # files that are known to stand under their final names


class Batches:
    """Those of one target, each a task of its own."""

    def __init__(
        self, *, board: Board, clock: Clock, carrier: Carrier, recovery: Recovery, changed: Callable[[], None]
    ) -> None:
        """`changed` is called when there may be room for more."""
        self._board = board
        self._clock = clock
        self._carrier = carrier
        self._recovery = recovery
        self._changed = changed
        self._running: dict[asyncio.Task[None], _Batch] = {}  # in the order of claims

    def room(self, lane: TargetState) -> int:
        """How many may be begun: as many as have a turn, and after a full one the next, so that it need not be waited
        for when its turn comes.
        """
        if lane.breaker.trying:
            return 1 - len(self._running)
        newest = next(reversed(self._running), None)
        full = [batch for task, batch in self._running.items() if batch.full and (task is newest or not batch.copied)]
        return self._turns(lane) + bool(full) - len(self._running)

    def begin(self, lane: TargetState, batch: Sequence[Transfer], *, full: bool) -> None:
        """Bring these, which have just been claimed. `full`: of as many small files as a local disk takes together."""
        turn = Turn(since=self._clock.monotonic())
        lane.places[turn] = {transfer.id: folded(transfer.destination) for transfer in batch}
        lane.moving.update({transfer.id: Moving(transfer=transfer, turn=turn) for transfer in batch})
        folders = {transfer.destination.rpartition(b"/")[0] for transfer in batch}
        state = _Batch(full=full, turn=turn, folders=folders)
        task = asyncio.create_task(self._work(lane, batch, state), name=f"transfer {batch[0].id}")
        self._running[task] = state
        self._give_turns(lane)

        def ended(task: asyncio.Task[None]) -> None:
            del self._running[task]
            self._give_turns(lane)
            learn(lane, len(batch), state.arrived, self._clock.monotonic() - turn.since)
            for id in lane.places.pop(turn):
                lane.ended(id, turn)
            self._changed()

        task.add_done_callback(ended)

    def busy(self) -> Mapping[bytes, int]:
        """In which folders of the target how many of them are brought."""
        return Counter(folder for each in self._running.values() for folder in each.folders)

    async def interrupt(self) -> None:
        """End them all; what was being copied is put back."""
        await asyncio.sleep(0)  # what has just been started begins, so that its interruption is recorded
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)

    def _turns(self, lane: TargetState) -> int:
        """How many may be copied, or have been. While some are recorded and published, which is mostly not the agent's
        work, the next may be copied already: with one of them alone it would wait for the commit of that.
        """
        copied = sum(each.copied for each in self._running.values())
        return lane.spec.parallel + min(_PUBLISHED_BESIDE, copied)

    def _give_turns(self, lane: TargetState) -> None:
        for each in islice(self._running.values(), self._turns(lane)):
            each.turn.comes()

    async def _work(self, lane: TargetState, batch: Sequence[Transfer], state: _Batch) -> None:
        if len(batch) == 1:  # from here on: cancelled before its first step, a task would not even record that
            lane.moving[batch[0].id].task = asyncio.current_task()

        def copied() -> None:
            if len(batch) > 1 and lane.spec.profile is Profile.DISK:
                state.copied = True
                self._give_turns(lane)
                self._changed()

        try:
            state.arrived = await self._carrier.bring(lane, batch, turn=state.turn, copied=copied)
        except asyncio.CancelledError:
            moving = lane.moving.get(batch[0].id)
            if self._board.stopping or moving is None or moving.ending is None:
                raise
        except Exception:
            logger.exception("cannot bring transfer %d over: a bug of ours", batch[0].id)
            await self._recovery.after_a_bug(lane, batch)
