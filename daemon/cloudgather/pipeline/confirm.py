"""Takes what is written to done, where the proof comes later (`confirm = "seen"`, `confirm = "rclone"`)."""

import asyncio
import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.pipeline.board import Board, TargetState
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.uploading import OTHER_SENT, UploadWatch
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, Move, Overtaken, QueueStore, StoreUnavailable
from cloudgather.ports.target import Failed, Standing, TargetHeld

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_ASKED_AT_ONCE: Final = 1000  # of the program behind the mount, which answers for all in one call
_ASK_AGAIN: Final = 3.0  # seconds, doubled each time that nothing came of it
_AGAIN: Final = 15.0  # seconds, doubled each time
_AGAIN_AT_LEAST: Final = 60.0
_DEADLINE: Final = 600.0  # a mount's own cache shows a file at once; a slow one within minutes


@dataclass(slots=True, kw_only=True)
class _Missed:
    """A written file that was looked for in vain. Monotonic seconds."""

    since: float  # of the first look: the target may have been away for longer since it was written
    due: float  # of the next


class Confirmer:
    """Looks at each written file through a fresh open of the target's root, or has the mount's program asked."""

    def __init__(
        self, *, store: QueueStore, recorder: Recorder, board: Board, clock: Clock, uploading: UploadWatch
    ) -> None:
        self._uploading = uploading
        self._store = store
        self._recorder = recorder
        self._board = board
        self._clock = clock
        self._wanted: set[str] = set()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._missed: dict[str, dict[int, _Missed]] = {}  # by target and transfer
        self._moved: set[str] = set()  # targets where something has come of the last look
        self._wake = asyncio.Event()

    def offer(self, lane: TargetState) -> None:
        """This target has something written."""
        self._wanted.add(lane.spec.name)
        self._wake.set()

    async def run(self) -> None:
        """Confirm until cancelled. A target that does not answer keeps no other waiting."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                for name in self._wanted - self._working.keys():
                    self._wanted.discard(name)
                    self._working[name] = asyncio.create_task(self._work_off(name), name=f"confirm {name}")
        finally:
            working = list(self._working.values())
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _work_off(self, name: str) -> None:
        """Until nothing is left to look at there, ever more rarely while nothing comes of it."""
        again = 0.0
        try:
            while not await self._confirmed(name):
                first = _ASK_AGAIN if self._asks(name) else _AGAIN
                again = first if name in self._moved or not again else min(again * 2, _AGAIN_AT_LEAST)
                self._moved.discard(name)
                await self._clock.sleep(again)
        except Exception:
            logger.exception("cannot confirm what was written to %s: a bug of ours", name)
        finally:
            del self._working[name]
            self._wake.set()  # something may have been offered meanwhile

    async def _confirmed(self, name: str) -> bool:
        """Whether nothing is left to look at."""
        chosen = Chosen(target=name, states=frozenset({State.WRITTEN}))
        left: set[int] = set()  # nothing has come of them; what comes behind them must not wait for that
        try:
            while True:
                lane = self._board.targets.get(name)
                if lane is None or self._board.stopping:
                    return True
                at_once = _ASKED_AT_ONCE if self._asks(name) else _AT_ONCE
                written = await self._store.transfers(chosen, limit=at_once, offset=len(left))
                if not written:
                    self._forget_missed(name, left)
                    if not left:
                        lane.unconfirmed, lane.unconfirmed_why = {}, None
                    return not left
                if lane.hold is not None or lane.memory.paused or lane.breaker.is_open(self._clock.now()):
                    return False
                moves = await self._moves(lane, written)
                await self._record(moves)
                if moves:
                    self._moved.add(name)
                if any(move.event is not Event.CONFIRM for move in moves):
                    lane.littered = True  # the temporary of what did not arrive may be there
                left |= {each.id for each in written} - {move.transfer for move in moves}
                if left and self._asks(name):  # it was told of all that it can be asked about at once
                    return False
        except (TargetHeld, Failed, StoreUnavailable):
            return False  # the target's own loop finds out why

    def _asks(self, name: str) -> bool:
        """Whether the program behind the mount is asked."""
        return (lane := self._board.targets.get(name)) is not None and lane.spec.confirm is Confirm.RCLONE

    async def _record(self, moves: Sequence[Move]) -> None:
        """What is lost goes back to the queue, unless another transfer of its path is live: then it has failed."""
        await self._recorder.record([move for move in moves if move.event is not Event.LOSE])
        for move in moves:
            if move.event is Event.LOSE:
                try:
                    await self._recorder.record([move])
                except Overtaken:
                    await self._recorder.record([replace(move, event=Event.GIVE_UP, due=None)])

    async def _moves(self, lane: TargetState, written: Sequence[Transfer]) -> list[Move]:
        if lane.spec.confirm is Confirm.RCLONE:
            return await self._uploading.moves(lane, written)
        strength = str(lane.spec.confirm)
        if lane.spec.confirm is not Confirm.SEEN:  # written before the target was configured otherwise
            if lane.spec.confirm is Confirm.STORED:
                await lane.port.barrier()
            code = Code.DONE_STORED if lane.spec.confirm is Confirm.STORED else Code.DONE_UNCONFIRMED
            return [move_of(each, Event.CONFIRM, reason=because(code), strength=strength) for each in written]
        return await self._shown(lane, written)

    async def _shown(self, lane: TargetState, written: Sequence[Transfer]) -> list[Move]:
        """Those that the target shows, and those that it has not shown for too long; it is asked ever more rarely."""
        now = self._clock.monotonic()
        missed = self._missed.setdefault(lane.spec.name, {})
        due = [each for each in written if (miss := missed.get(each.id)) is None or miss.due <= now]
        shown = await lane.port.look([transfer.destination for transfer in due]) if due else []
        moves = []
        for transfer, standing in zip(due, shown, strict=True):
            if standing is not None and standing.is_file and standing.size == transfer.version.size:
                reason = because(Code.DONE_SEEN)
                moves.append(move_of(transfer, Event.CONFIRM, reason=reason, strength=str(Confirm.SEEN)))
                continue
            if await self._is_overtaken(transfer):
                reason = because(Code.FAIL_UNCONFIRMED, step="look", message=OTHER_SENT)
                moves.append(move_of(transfer, Event.GIVE_UP, reason=reason))
                continue
            miss = missed.setdefault(transfer.id, _Missed(since=now, due=now))
            miss.due = now + min(max(_AGAIN, now - miss.since), _AGAIN_AT_LEAST)
            if now - miss.since > _DEADLINE:
                moves.append(move_of(transfer, Event.GIVE_UP, reason=_unconfirmed(standing)))
        return moves

    async def _is_overtaken(self, transfer: Transfer) -> bool:
        """Whether another version was sent since: this one will never be seen again."""
        newest = await self._store.newest(transfer.task, transfer.path)
        return (
            newest is not None
            and (newest.target, newest.destination) == (transfer.target, transfer.destination)
            and newest.id != transfer.id
            and newest.state in (State.WRITTEN, State.DONE)
        )

    def _forget_missed(self, name: str, left: Set[int]) -> None:
        """All but these have been found, or are not written any more."""
        self._missed[name] = {id: miss for id, miss in self._missed.get(name, {}).items() if id in left}


def _unconfirmed(standing: Standing | None) -> Reason:
    message = "the target does not show it" if standing is None else f"the target shows {standing.size} bytes"
    return because(Code.FAIL_UNCONFIRMED, step="look", message=message)
