"""Brings a batch of claimed transfers over: copy aside, record, publish, record."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event, Sent, State, Transfer
from cloudgather.pipeline.board import Board, TargetState, TaskState, Turn
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.copying import Copier
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.trouble import Trouble
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move, Overtaken, QueueStore
from cloudgather.ports.target import AlreadyStanding, Failed, Published, TargetHeld

_CONFIRMED_AT_ONCE: Final = {
    Confirm.NONE: because(Code.DONE_UNCONFIRMED),
    Confirm.STORED: because(Code.DONE_STORED),
}
_Ending: TypeAlias = tuple[Event, Reason]

_KEEPS_FROM_BEGINNING: Final = frozenset({Code.HELD_TARGET_PAUSED, Code.HELD_WINDOW})  # of what holds a target

logger = logging.getLogger(__name__)


class Carrier:
    """Takes claimed transfers to `written`, or back to where a failure sends them."""

    def __init__(
        self,
        *,
        store: QueueStore,
        recorder: Recorder,
        board: Board,
        bus: Bus,
        clock: Clock,
        claims: Claims,
        luck: Callable[[], float],
        written: Callable[[TargetState], None],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._written = written
        self._trouble = Trouble(clock=clock, luck=luck)
        self._copier = Copier(
            store=store, recorder=recorder, board=board, bus=bus, clock=clock, claims=claims, trouble=self._trouble
        )

    async def bring(
        self,
        lane: TargetState,
        batch: Sequence[Transfer],
        *,
        turn: Turn,
        copied: Callable[[], None],
    ) -> int:
        """One file is made durable by itself; several by a barrier before and after they are published.

        Answers with how many have arrived. None is copied before it is their `turn`; `copied` is called when no more
        is to be copied of them.
        """
        durable = len(batch) == 1
        copying = {transfer.id: transfer for transfer in batch}
        publishing: Sequence[Transfer] = ()
        try:
            clashing = await self._copier.clashing(lane, turn)
            left = await self._beginning(lane, turn, copying)
            sent: dict[int, Sent] = {}
            async for outcome in self._copier.copies(lane, left, turn, clashing, durable=durable):
                if isinstance(outcome, Move):
                    await self._end(lane, turn, [outcome], copying)
                else:
                    sent.update(outcome)
            copied()
            if copying and not durable and not await self._barrier(lane, copying, turn.endings):
                return 0
            whole = await self._without_ended(lane, turn, copying)
            if not whole:
                return 0
            await self._remember_bases(whole)
            publish = Move(whole, Event.PUBLISH, sent=[sent[transfer.id] for transfer in whole])
            publishing = await self._recorder.record([publish])
            copying.clear()
            return await self.publish(lane, publishing, durable=durable)
        except asyncio.CancelledError:
            lane.unresolved.update(transfer.id for transfer in publishing)
            await self._interrupted(lane, turn, copying)
            raise

    async def publish(self, lane: TargetState, publishing: Sequence[Transfer], *, durable: bool) -> int:
        """Rename what stands recorded as publishing; how many stand there, and are known to stay.

        What cannot be renamed now stays `unresolved` for recovery.
        """
        renamed = []
        for transfer, outcome in zip(publishing, await self._rename(lane, publishing, durable=durable), strict=True):
            match outcome:
                case Published():
                    renamed.append(transfer)
                case Failed() | TargetHeld() | AlreadyStanding() | None:
                    if isinstance(outcome, Failed | TargetHeld):
                        failure = self._trouble.note(lane, outcome)
                        lane.refused.update({transfer.id: failure} if failure else {})
                    lane.unresolved.add(transfer.id)
                    logger.warning("%d stays in publishing: %s", transfer.id, outcome or "not reached")
                case _:
                    raise outcome
        folders = sorted({transfer.destination.rpartition(b"/")[0] for transfer in renamed})
        if renamed and not durable and not await self._barrier(lane, {}, {}, folders):
            lane.unresolved.update(transfer.id for transfer in renamed)
            return 0
        await self.finish(lane, renamed)
        return len(renamed)

    async def _rename(
        self, lane: TargetState, publishing: Sequence[Transfer], *, durable: bool
    ) -> Sequence[Published | Exception | None]:
        files = []
        for transfer in publishing:
            assert transfer.temporary is not None and transfer.sent is not None
            over = transfer.replace or transfer.sent.standing is not None
            files.append((transfer.destination, transfer.temporary, transfer.sent.size, over))
        if len(files) > 1 and not durable:
            return await lane.port.publish_all(files)
        outcomes: list[Published | Exception | None] = []
        for destination, temporary, size, over in files:
            try:
                outcomes.append(await lane.port.publish(destination, temporary, size, durable=durable, over=over))
            except (Failed, TargetHeld, AlreadyStanding) as error:
                outcomes.append(error)
        return outcomes

    def unpublished(self, lane: TargetState, transfer: Transfer) -> Move | None:
        """What follows where nothing of it stands under its final name; None: nothing yet, its target is in trouble."""
        return self._trouble.unpublished(lane, transfer)

    async def finish(self, lane: TargetState, renamed: Sequence[Transfer]) -> None:
        """Record that these stand under their final names, and what the target's `confirm` says of that at once."""
        if not renamed:
            return
        written, confirmed = because(Code.DONE_WRITTEN), _CONFIRMED_AT_ONCE.get(lane.spec.confirm)
        strength = None if confirmed is None else str(lane.spec.confirm)
        write = Move(renamed, Event.WRITE, reason=written, confirmed=confirmed, strength=strength)
        await self._recorder.record([write])
        lane.unresolved.difference_update([transfer.id for transfer in renamed])
        lane.breaker = lane.breaker.after_success()
        if confirmed is None:
            self.confirm_later(lane)

    def confirm_later(self, lane: TargetState) -> None:
        """Something is written there that only a look can confirm."""
        self._written(lane)

    async def _beginning(self, lane: TargetState, turn: Turn, copying: dict[int, Transfer]) -> Sequence[Transfer]:
        """Those of a batch that may still begin when it is their turn. What is to end before that ends at once."""
        while copying and not turn.has_come:
            await turn.news()
            await self._end_unbegun(lane, turn, copying, turn.endings)
        held: dict[int, _Ending] = {}
        for task in {transfer.task for transfer in copying.values()}:
            if (how := self._held_since(lane, len(copying), task)) is not None:
                held |= {id: how for id, transfer in copying.items() if transfer.task == task}
        await self._end_unbegun(lane, turn, copying, held | turn.endings)
        return [*copying.values()]

    async def _end_unbegun(
        self, lane: TargetState, turn: Turn, copying: dict[int, Transfer], endings: Mapping[int, _Ending]
    ) -> None:
        """Nothing was made of these, and nobody is to see them move until the others of their batch are done."""
        if moves := _moves(copying, endings):
            await self._end(lane, turn, [move._replace(swept=True) for move in moves], copying)

    def _held_since(self, lane: TargetState, files: int, task: str) -> _Ending | None:
        """What the claim of so many has asked for already, and how those end that it keeps from beginning.

        Whether its target is ill each file finds out for itself.
        """
        board = self._board
        if board.stopping:  # then they are interrupted
            return None
        if board.targets.get(lane.spec.name) is not lane or (lane.breaker.trying and files > 1):
            return Event.DEFER, because(Code.RETRY_INTERRUPTED)
        held = [*board.holds_of_daemon()]
        if task in board.tasks:  # else it is known what becomes of them
            held += board.holds_of_task(task)
        held += [reason for reason in board.holds_of_target(lane.spec.name) if reason.code in _KEEPS_FROM_BEGINNING]
        return (Event.DEFER, held[0]) if held else None

    async def _without_ended(self, lane: TargetState, turn: Turn, copying: dict[int, Transfer]) -> Sequence[Transfer]:
        """Those of a batch whose end nobody has ordered meanwhile."""
        if ended := _moves(copying, turn.endings):
            await self._end(lane, turn, ended, copying)
        return [*copying.values()]

    async def _remember_bases(self, whole: Sequence[Transfer]) -> None:
        """Once they are durable: a folder that is remembered, and was forgotten with the power, would hold its task."""
        for name in {transfer.task for transfer in whole}:
            task = self._board.tasks.get(name)
            if task is not None and not task.base_made:
                task.memory = replace(task.memory, base_made=task.place)
                await self._recorder.insist(partial(self._remember, task))

    async def _remember(self, task: TaskState) -> None:
        await self._store.remember_task(task.memory)  # as it is by now: it may have been tried in vain for long

    async def _end(self, lane: TargetState, turn: Turn, moves: Sequence[Move], copying: dict[int, Transfer]) -> None:
        """They leave the batch: what is ordered of them from now on is the matter of whoever has them next."""
        await self._recorder.record(moves)
        for move in moves:
            lane.littered = lane.littered or not move.swept  # not before: the store then knows of debris
            for transfer in move.transfers:
                del copying[transfer.id]
                lane.ended(transfer.id, turn)

    # ---- when it goes wrong ------------------------------------------------------------------------------------------

    async def _barrier(
        self,
        lane: TargetState,
        copying: dict[int, Transfer],
        endings: Mapping[int, _Ending],
        folders: Sequence[bytes] = (),
    ) -> bool:
        try:
            await lane.port.barrier(folders)
        except (Failed, TargetHeld) as error:
            failure = self._trouble.note(lane, error)

            def following(transfer: Transfer) -> Move:
                if (ending := endings.get(transfer.id)) is not None:  # whatever the barrier has come to
                    return move_of(transfer, ending[0], reason=ending[1])
                if failure is None:
                    return move_of(transfer, Event.DEFER, reason=lane.hold)
                return self._trouble.following(lane, transfer, failure)

            await self._recorder.record([following(transfer) for transfer in copying.values()])
            lane.littered = True
            copying.clear()
            return False
        return True

    async def _interrupted(self, lane: TargetState, turn: Turn, copying: dict[int, Transfer]) -> None:
        interrupted = (Event.DEFER, because(Code.RETRY_INTERRUPTED))
        ended = [(transfer, *turn.endings.get(id, interrupted)) for id, transfer in copying.items()]
        unbegun = not turn.has_come
        moves = [move_of(transfer, event, reason=reason)._replace(swept=unbegun) for transfer, event, reason in ended]
        try:
            if moves:
                await self._recorder.record(moves)
        except Overtaken:  # the move of some that was under way when the cancellation came has been committed
            for transfer, event, reason in ended:
                try:
                    await self._recorder.record([move_of(transfer, event, reason=reason)])
                except Overtaken:
                    await self._after(lane, transfer.id, event, reason)
        lane.littered = True

    async def _after(self, lane: TargetState, id: int, event: Event, reason: Reason) -> None:
        now = await self._recorder.insist(lambda: self._store.transfer(id))
        if now is not None and now.state is State.PUBLISHING:
            lane.unresolved.add(id)
        elif now is not None and now.state is State.VANISHED and event is not Event.CANCEL:
            self._recorder.look_again([now])
        elif now is not None and now.state is State.QUEUED and event is Event.CANCEL:
            with contextlib.suppress(Overtaken):
                await self._recorder.record([move_of(now, event, reason=reason)])


def _moves(transfers: Mapping[int, Transfer], endings: Mapping[int, _Ending]) -> Sequence[Move]:
    """Of those of these transfers that are to end."""
    return [move_of(transfers[id], event, reason=reason) for id, (event, reason) in endings.items() if id in transfers]
