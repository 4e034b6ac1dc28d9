"""Takes what is written to done, where the proof comes later (`confirm = "seen"`, `confirm = "rclone"`)."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.pipeline.board import Board, TargetState
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.trouble import sorted_failure
from cloudgather.pipeline.uploading import OTHER_SENT, UploadWatch
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, Move, Overtaken, QueueStore, StoreUnavailable
from cloudgather.ports.target import Failed, Stalled, Standing, TargetHeld

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_ASKED_AT_ONCE: Final = 1000  # of the program behind the mount, which answers for all in one call
_ASK_AGAIN: Final = 3.0  # seconds, doubled each time that nothing came of it
_AGAIN: Final = 15.0  # seconds, doubled each time
_AGAIN_AT_LEAST: Final = 60.0
_HURRIES_AFTER: Final = 1.0  # for what has come meanwhile
_FAILED_IN_A_ROW: Final = 3  # looks, each for another file
_DEADLINE: Final = 600.0  # a mount's own cache shows a file at once; a slow one within minutes


@dataclass(slots=True, kw_only=True)
class _Missed:
    """A written file that was looked for in vain. Monotonic seconds."""

    since: float | None = None  # of the first look that did not find it: the target may have been away for longer
    failed: int = 0  # looks in a row that failed: they say nothing about the file
    due: float  # of the next


class Confirmer:
    """Looks at each written file through a fresh open of the target's root, or has the mount's program asked.

    `lost` is called with the name of a target that has something to do again: something written did not arrive.
    """

    def __init__(
        self,
        *,
        store: QueueStore,
        recorder: Recorder,
        board: Board,
        clock: Clock,
        uploading: UploadWatch,
        lost: Callable[[str], None],
    ) -> None:
        self._uploading = uploading
        self._lost = lost
        self._store = store
        self._recorder = recorder
        self._board = board
        self._clock = clock
        self._wanted: set[str] = set()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._offered: dict[str, asyncio.Event] = {}  # by target that is worked on: something has come since
        self._missed: dict[str, dict[int, _Missed]] = {}  # by target and transfer
        self._moved: set[str] = set()  # targets where something has come of the last look
        self._wake = asyncio.Event()

    def offer(self, lane: TargetState) -> None:
        """This target has something written."""
        name = lane.spec.name
        self._wanted.add(name)
        self._wake.set()
        if (offered := self._offered.get(name)) is not None:
            offered.set()

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
        offered = self._offered[name] = asyncio.Event()
        try:
            while True:
                offered.clear()
                hurry = False
                try:
                    if await self._confirmed(name):
                        return
                    hurry = not self._asks(name)  # that program has yet to upload what has just been written
                except (TargetHeld, StoreUnavailable):
                    pass  # the target's own loop finds out why
                except Failed as error:
                    self._tell(name, error)
                except Exception:
                    logger.exception("cannot confirm what was written to %s: a bug of ours", name)
                first = _ASK_AGAIN if self._asks(name) else _AGAIN
                again = first if name in self._moved or not again else min(again * 2, _AGAIN_AT_LEAST)
                self._moved.discard(name)
                await self._clock.sleep(_HURRIES_AFTER)
                await wait_for_either(self._clock.sleep(again - _HURRIES_AFTER), *([offered.wait()] if hurry else []))
        finally:
            del self._working[name], self._offered[name]
            self._wake.set()  # something may have been offered meanwhile

    async def _confirmed(self, name: str) -> bool:
        """Whether nothing is left to look at. Raises TargetHeld, Failed and StoreUnavailable."""
        chosen = Chosen(target=name, states=frozenset({State.WRITTEN}))
        left: set[int] = set()  # nothing has come of them; what comes behind them must not wait for that
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
            if self._board.unasked(lane):
                return False
            moves = await self._moves(lane, written)
            await self._record(moves)
            if moves:
                self._moved.add(name)
            if any(move.event is not Event.CONFIRM for move in moves):
                lane.littered = True  # the temporary of what did not arrive may be there
                self._lost(name)
            left |= {each.id for each in written} - {each.id for move in moves for each in move.transfers}
            if left and self._asks(name):  # it was told of all that it can be asked about at once
                return False

    def _tell(self, name: str, error: Failed) -> None:
        """No look there succeeds."""
        if (lane := self._board.targets.get(name)) is not None:
            lane.unconfirmed_why = because(Code.CONFIRM_NOT_SEEN, cause=sorted_failure(error).reason.to_wire())

    def _asks(self, name: str) -> bool:
        """Whether the program behind the mount is asked."""
        return (lane := self._board.targets.get(name)) is not None and lane.spec.confirm is Confirm.RCLONE

    async def _record(self, moves: Sequence[Move]) -> None:
        """What is lost goes back to the queue, unless another transfer of its path is live: then it has failed."""
        await self._recorder.record(_together(move for move in moves if move.event is not Event.LOSE))
        for move in moves:
            if move.event is Event.LOSE:
                try:
                    await self._recorder.record([move])
                except Overtaken:
                    await self._recorder.record([move._replace(event=Event.GIVE_UP, due=None)])

    async def _moves(self, lane: TargetState, written: Sequence[Transfer]) -> list[Move]:
        if lane.spec.confirm is Confirm.RCLONE:
            return await self._uploading.moves(lane, written)
        strength = str(lane.spec.confirm)
        if lane.spec.confirm is not Confirm.SEEN:  # written before the target was configured otherwise
            if lane.spec.confirm is Confirm.STORED:
                await lane.port.barrier()
            code = Code.DONE_STORED if lane.spec.confirm is Confirm.STORED else Code.DONE_UNCONFIRMED
            return [Move(written, Event.CONFIRM, reason=because(code), strength=strength)]
        return await self._shown(lane, written)

    async def _shown(self, lane: TargetState, written: Sequence[Transfer]) -> list[Move]:
        """Those that the target shows, and those that it has not shown for too long; it is asked ever more rarely."""
        now = self._clock.monotonic()
        missed = self._missed.setdefault(lane.spec.name, {})
        due = [each for each in written if (miss := missed.get(each.id)) is None or miss.due <= now]
        seen: list[Transfer] = []
        moves: list[Move] = []
        for transfer, standing in await self._looked_for(lane, due):
            lane.unconfirmed_why = None
            lane.unconfirmed.pop(transfer.id, None)
            if standing is not None and standing.is_file and standing.size == transfer.version.size:
                seen.append(transfer)
                continue
            if await self._is_overtaken(transfer):
                reason = because(Code.FAIL_UNCONFIRMED, step="look", message=OTHER_SENT)
                moves.append(move_of(transfer, Event.GIVE_UP, reason=reason))
                continue
            miss = missed.setdefault(transfer.id, _Missed(due=now))
            miss.since, miss.failed = now if miss.since is None else miss.since, 0
            miss.due = now + min(max(_AGAIN, now - miss.since), _AGAIN_AT_LEAST)
            if now - miss.since > _DEADLINE:
                moves.append(move_of(transfer, Event.GIVE_UP, reason=_unconfirmed(standing)))
            else:
                lane.unconfirmed[transfer.id] = _not_seen(transfer, standing)
        if seen:
            reason = because(Code.DONE_SEEN)
            moves.append(Move(seen, Event.CONFIRM, reason=reason, strength=str(Confirm.SEEN)))
        return moves

    async def _looked_for(
        self, lane: TargetState, due: Sequence[Transfer]
    ) -> Sequence[tuple[Transfer, Standing | None]]:
        """What stands under the names of those that an answer came for.

        All are asked for at once. Where that fails, each is by itself, so that one that cannot be looked at, or whose
        look hangs, keeps no other from being confirmed; unless several in a row fail, which is the target's matter.
        """
        missed = self._missed[lane.spec.name]
        singly = [each for each in due if each.id in missed and missed[each.id].failed]
        together = [each for each in due if each.id not in missed or not missed[each.id].failed]
        found: list[tuple[Transfer, Standing | None]] = []
        if len(together) > 1:
            try:
                shown = await lane.port.look([transfer.destination for transfer in together])
                found += zip(together, shown, strict=True)
                together = []
            except Failed:
                pass  # of whichever of them
        in_a_row = 0
        for transfer in [*together, *singly]:
            try:
                found += zip([transfer], await lane.port.look([transfer.destination]), strict=True)
                in_a_row = 0
            except Failed as error:
                self._look_failed(lane, transfer, error)
                in_a_row += 1
                if isinstance(error, Stalled) or in_a_row == _FAILED_IN_A_ROW:  # a look that hangs costs an agent
                    if not found:
                        raise
                    break
        return found

    def _look_failed(self, lane: TargetState, transfer: Transfer, error: Failed) -> None:
        """It is looked for again later, and by itself."""
        now = self._clock.monotonic()
        miss = self._missed[lane.spec.name].setdefault(transfer.id, _Missed(due=now))
        miss.failed += 1
        wait = min(_AGAIN * 2 ** min(miss.failed - 1, 8), _AGAIN_AT_LEAST)
        miss.due = now + (_AGAIN_AT_LEAST if isinstance(error, Stalled) else wait)
        cause = sorted_failure(error).reason.to_wire()
        lane.unconfirmed[transfer.id] = because(Code.CONFIRM_NOT_SEEN, size=transfer.version.size, cause=cause)

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


def _not_seen(transfer: Transfer, standing: Standing | None) -> Reason:
    found = {} if standing is None else {"target_size": standing.size}
    return because(Code.CONFIRM_NOT_SEEN, size=transfer.version.size, **found)


def _unconfirmed(standing: Standing | None) -> Reason:
    message = "the target does not show it" if standing is None else f"the target shows {standing.size} bytes"
    return because(Code.FAIL_UNCONFIRMED, step="look", message=message)


def _together(moves: Iterable[Move]) -> list[Move]:
    """Those that follow each other and are alike as one: what they have in common is written once."""
    return [
        alike._replace(transfers=[transfer for move in those for transfer in move.transfers])
        for alike, those in groupby(moves, lambda move: move._replace(transfers=()))
    ]
