"""Brings a batch of claimed transfers over: copy aside, record, publish, record."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.rules import Go, decide
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event, Sent, State, Transfer
from cloudgather.pipeline.ahead import Ahead, NotReached, groups, is_as_planned
from cloudgather.pipeline.board import Board, Moving, TargetState, TaskState
from cloudgather.pipeline.checking import Ended, SourceCheck
from cloudgather.pipeline.clashing import Clashes
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.planning import adoption
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.redirecting import goes_to
from cloudgather.pipeline.trouble import Trouble, sorted_failure
from cloudgather.ports import (
    AlreadyStanding,
    Clock,
    CopyOrder,
    Failed,
    Move,
    Overtaken,
    Published,
    QueueStore,
    SourceChanged,
    SourceGone,
    SourceUnavailable,
    Stalled,
    Standing,
    TargetHeld,
)

logger = logging.getLogger(__name__)

_TELL_EVERY = 1.0  # seconds between two progress events of a transfer
_LOOK_AGAIN_AT_LOST_FOLDER = timedelta(minutes=5)


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
        luck: Callable[[], float],
        written: Callable[[TargetState], None],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._bus = bus
        self._clock = clock
        self._written = written
        self._check = SourceCheck(clock=clock, put_off=self._put_off)
        self._trouble = Trouble(clock=clock, luck=luck)
        self._clashes = Clashes(store=store, recorder=recorder, board=board, clock=clock)

    async def bring(self, lane: TargetState, batch: Sequence[Transfer]) -> None:
        """One file is made durable by itself; several by a barrier before and after they are published."""
        durable = len(batch) == 1
        copying = {transfer.id: transfer for transfer in batch}
        publishing: Sequence[Transfer] = ()
        try:
            whole = await self._copy_all(lane, batch, copying, durable=durable)
            if whole and not durable and not await self._barrier(lane, copying):
                return
            whole = await self._without_ended(lane, whole, copying)
            if not whole:
                return
            await self._remember_bases(whole)
            publishing = await self._recorder.record(
                [move_of(transfer, Event.PUBLISH, sent=sent) for transfer, sent in whole]
            )
            copying.clear()
            await self.publish(lane, publishing, durable=durable)
        except asyncio.CancelledError:
            lane.unresolved.update(transfer.id for transfer in publishing)
            await self._interrupted(lane, copying)
            raise

    async def publish(self, lane: TargetState, publishing: Sequence[Transfer], *, durable: bool) -> None:
        """Rename what stands recorded as publishing; what cannot be renamed now stays `unresolved` for recovery."""
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
        if renamed and not durable and not await self._barrier(lane, {}):
            lane.unresolved.update(transfer.id for transfer in renamed)
            return
        await self.finish(lane, renamed)

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
        moves = [move_of(transfer, Event.WRITE, reason=because(Code.DONE_WRITTEN)) for transfer in renamed]
        strength = {Confirm.NONE: Code.DONE_UNCONFIRMED, Confirm.STORED: Code.DONE_STORED}.get(lane.spec.confirm)
        if strength is not None:
            moves += [
                move_of(transfer, Event.CONFIRM, reason=because(strength), strength=str(lane.spec.confirm))
                for transfer in renamed
            ]
        await self._recorder.record(moves)
        lane.unresolved.difference_update(transfer.id for transfer in renamed)
        lane.breaker = lane.breaker.after_success()
        if strength is None:
            self.confirm_later(lane)

    def confirm_later(self, lane: TargetState) -> None:
        """Something is written there that only a look can confirm."""
        self._written(lane)

    # ---- the copy ----------------------------------------------------------------------------------------------------

    async def _copy_all(
        self, lane: TargetState, batch: Sequence[Transfer], copying: dict[int, Transfer], *, durable: bool
    ) -> list[tuple[Transfer, Sent]]:
        whole = []
        for group in groups(batch):
            ahead = await self._copied_ahead(lane, group) if len(group) > 1 else Ahead()
            for transfer in group:
                moving = lane.moving[transfer.id]
                try:
                    self._end_if_rested(lane, transfer, moving)
                    whole.append((transfer, await self._copied(lane, transfer, moving, ahead, durable=durable)))
                except Ended as ended:
                    await self._end(lane, ended.move, copying)
        return whole

    async def _copied_ahead(self, lane: TargetState, group: Sequence[Transfer]) -> Ahead:
        """Those of a task's small files that nothing is to be said about are copied at once; later steps judge each."""
        task = self._board.tasks.get(group[0].task)
        if task is None or lane.hold is not None or lane.breaker.is_open(self._clock.now()):
            return Ahead()
        those = [transfer for transfer in group if lane.moving[transfer.id].ending is None]
        try:
            looks = await task.source.look_all([transfer.path for transfer in those])
        except SourceUnavailable:
            return Ahead()
        those = [transfer for transfer, look in zip(those, looks, strict=True) if is_as_planned(transfer, look)]
        clashing = await self._clashes.among(lane, those)
        those = [transfer for transfer in those if transfer.id not in clashing]
        if not those:
            return Ahead()
        orders = [self._order(lane, task, transfer, durable=False) for transfer in those]
        heard = [self._heard(lane.moving[transfer.id]) for transfer in those]
        outcomes = await lane.port.copy_all(orders, lambda index, done: heard[index](done))
        return Ahead(dict(zip((order.temporary for order in orders), outcomes, strict=True)))

    def _end_if_rested(self, lane: TargetState, transfer: Transfer, moving: Moving) -> None:
        """What an earlier file of the batch found out, or the operator wants, is true of this one, too."""
        if moving.ending is not None:
            raise Ended(move_of(transfer, moving.ending[0], reason=moving.ending[1]))
        if lane.hold is not None:
            raise Ended(move_of(transfer, Event.DEFER, reason=lane.hold))
        if lane.breaker.is_open(self._clock.now()):
            raise Ended(move_of(transfer, Event.DEFER, reason=lane.breaker.reason))

    async def _without_ended(
        self, lane: TargetState, whole: Sequence[tuple[Transfer, Sent]], copying: dict[int, Transfer]
    ) -> list[tuple[Transfer, Sent]]:
        """Those of a batch whose end nobody has ordered while the others were copied."""
        left = []
        for transfer, sent in whole:
            if (ending := lane.moving[transfer.id].ending) is None:
                left.append((transfer, sent))
            else:
                await self._end(lane, move_of(transfer, ending[0], reason=ending[1]), copying)
        return left

    async def _remember_bases(self, whole: Sequence[tuple[Transfer, Sent]]) -> None:
        """Once they are durable: a folder that is remembered, and was forgotten with the power, would hold its task."""
        for name in {transfer.task for transfer, _ in whole}:
            task = self._board.tasks.get(name)
            if task is not None and not task.base_made:
                task.memory = memory = replace(task.memory, base_made=task.place)
                await self._recorder.insist(partial(self._store.remember_task, memory))

    async def _end(self, lane: TargetState, move: Move, copying: dict[int, Transfer]) -> None:
        lane.littered = lane.littered or not move.swept
        await self._recorder.record([move])
        del copying[move.transfer]

    async def _copied(
        self, lane: TargetState, transfer: Transfer, moving: Moving, ahead: Ahead, *, durable: bool
    ) -> Sent:
        task = self._board.tasks.get(transfer.task)
        if task is None and transfer.task in self._board.broken:
            reason = because(Code.HELD_TASK_BROKEN, task=transfer.task)
            raise Ended(move_of(transfer, Event.DEFER, reason=reason))
        if task is None:
            raise Ended(move_of(transfer, Event.CANCEL, reason=because(Code.CANCELLED_TASK_REMOVED)))
        if not goes_to(task.task, transfer):
            raise Ended(move_of(transfer, Event.DEFER, reason=transfer.reason))
        if transfer.attempts >= lane.spec.attempts:
            raise Ended(move_of(transfer, Event.GIVE_UP, reason=transfer.reason))
        if transfer.temporary not in ahead:
            await self._check.before(task, transfer)
            if (clash := (await self._clashes.among(lane, [transfer])).get(transfer.id)) is not None:
                raise Ended(clash)
        try:
            sent = await self._copy(lane, task, self._order(lane, task, transfer, durable=durable), moving, ahead)
        except NotReached:
            raise Ended(move_of(transfer, Event.DEFER, reason=because(Code.RETRY_INTERRUPTED))) from None
        except TargetHeld as held:
            raise Ended(await self._held(lane, transfer, held)) from held
        except SourceGone:
            raise Ended(await self._check.gone(task, transfer)) from None
        except SourceChanged:
            look = await self._check.demand(task, transfer)  # says how it changed, if it still shows
            raise Ended(self._check.changed(task, transfer, look)) from None
        except Stalled as error:
            if error.side == "source":
                raise Ended(self._check.stalled(task, transfer, error)) from error
            raise Ended(self._trouble.of(lane, transfer, error)) from error
        except Failed as error:
            raise Ended(self._trouble.of(lane, transfer, error)) from error
        return sent

    def _order(self, lane: TargetState, task: TaskState, transfer: Transfer, *, durable: bool) -> CopyOrder:
        return CopyOrder(
            source_root=task.task.source,
            path=transfer.path,
            version=transfer.version,
            base=task.task.base,
            make_base=not task.base_made,
            destination=transfer.destination,
            temporary=transfer.temporary or b"",
            replace=transfer.replace,
            durable=durable,
            verify=lane.spec.verify,
            file_mode=lane.spec.file_mode,
            dir_mode=lane.spec.dir_mode,
        )

    def _heard(self, moving: Moving) -> Callable[[int], None]:
        def heard(done: int) -> None:
            now = self._clock.monotonic()
            moving.progressed(done, now)
            if self._bus.heard and now - moving.told >= _TELL_EVERY:
                moving.told = now
                self._tell_progress(moving)

        return heard

    async def _copy(self, lane: TargetState, task: TaskState, order: CopyOrder, moving: Moving, ahead: Ahead) -> Sent:
        heard = self._heard(moving)
        try:
            return await ahead.copy(lane.port, order, heard)
        except AlreadyStanding as found:
            if not found.standing.is_file:
                raise Failed(
                    errno=None, step="occupied", side="target", message="a folder stands under its name"
                ) from found
            await self._end_unless_replaced(task, moving.transfer, found.standing)
            return await lane.port.copy(replace(order, replace=True), heard)

    async def _end_unless_replaced(self, task: TaskState, transfer: Transfer, standing: Standing) -> None:
        """Return if a rule replaces what stands there; else the transfer ends, and the ledger remembers why."""
        ledger = await self._recorder.insist(lambda: self._store.ledger(transfer.task, [transfer.path]))
        size, mtime_ns = transfer.version.size, transfer.version.mtime_ns
        known = ledger.get(transfer.path)
        if known is not None and (known.target, known.destination) != (transfer.target, transfer.destination):
            known = None  # what was sent elsewhere says nothing of what stands here
        if known is not None and known.transfer == transfer.id:
            return  # it is ours: what the target did not show whole afterwards
        if isinstance(decide(task.task.rules, size=size, mtime_ns=mtime_ns, known=known, shown=standing), Go):
            return
        entry = adoption(task.task, transfer.path, transfer.version, standing, now=self._clock.now())
        await self._recorder.insist(lambda: self._store.adopt([entry]))
        reason = because(Code.CANCELLED_STANDING, size=size, target_size=standing.size)
        raise Ended(replace(move_of(transfer, Event.CANCEL, reason=reason), swept=True))

    async def _put_off(self, transfer: Transfer, due: datetime, reason: Reason, device: int | None = None) -> None:
        """The others of its task (on that disk) wait for the same: they need not be tried one by one."""
        await self._recorder.insist(lambda: self._store.put_off(transfer.task, until=due, reason=reason, device=device))

    # ---- when it goes wrong ------------------------------------------------------------------------------------------

    async def _held(self, lane: TargetState, transfer: Transfer, held: TargetHeld) -> Move:
        """A task's own folder that is gone holds that task's files, anything else the whole target."""
        if held.reason.code == Code.HELD_BASE_GONE:
            due = self._clock.now() + _LOOK_AGAIN_AT_LOST_FOLDER
            await self._put_off(transfer, due, held.reason)
            return move_of(transfer, Event.DEFER, reason=held.reason, due=due)
        self._trouble.note(lane, held)
        return move_of(transfer, Event.DEFER, reason=held.reason)

    async def _barrier(self, lane: TargetState, copying: dict[int, Transfer]) -> bool:
        try:
            await lane.port.barrier()
        except (Failed, TargetHeld) as error:
            self._trouble.note(lane, error)
            lane.littered = True
            reason = error.reason if isinstance(error, TargetHeld) else sorted_failure(error).reason
            await self._recorder.record(
                [move_of(transfer, Event.DEFER, reason=reason) for transfer in copying.values()]
            )
            copying.clear()
            return False
        return True

    async def _interrupted(self, lane: TargetState, copying: dict[int, Transfer]) -> None:
        lane.littered = True
        for transfer in tuple(copying.values()):
            event, reason = lane.moving[transfer.id].ending or (Event.DEFER, because(Code.RETRY_INTERRUPTED))
            try:
                await self._recorder.record([move_of(transfer, event, reason=reason)])
            except Overtaken:  # the move that was under way when the cancellation came has been committed
                await self._after(lane, transfer.id, event, reason)

    async def _after(self, lane: TargetState, id: int, event: Event, reason: Reason) -> None:
        now = await self._recorder.insist(lambda: self._store.transfer(id))
        if now is not None and now.state is State.PUBLISHING:
            lane.unresolved.add(id)
        elif now is not None and now.state is State.QUEUED and event is Event.CANCEL:
            with contextlib.suppress(Overtaken):
                await self._recorder.record([move_of(now, event, reason=reason)])

    def _tell_progress(self, moving: Moving) -> None:
        self._bus.publish(
            {
                "kind": "progress",
                "id": moving.transfer.id,
                "task": moving.transfer.task,
                "done": moving.done,
                "size": moving.transfer.version.size,
                "rate": moving.rate,
            }
        )
