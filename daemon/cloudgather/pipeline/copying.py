"""Copies a batch of claimed transfers aside: each is then whole, or it is known what becomes of it."""

import errno
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.rules import Go, decide
from cloudgather.core.transfer import Event, Sent, Transfer
from cloudgather.pipeline.ahead import Ahead, NotReached, groups, is_as_planned
from cloudgather.pipeline.board import Board, Moving, TargetState, TaskState, Turn
from cloudgather.pipeline.checking import Ended, SourceCheck
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.clashing import Clashes
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.planning import adoption
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.redirecting import go_to
from cloudgather.pipeline.trouble import Trouble
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import LedgerEntry, Move, Origin, QueueStore
from cloudgather.ports.source import Access, SourceUnavailable
from cloudgather.ports.target import (
    AlreadyStanding,
    CopyOrder,
    CopyTerms,
    Failed,
    SourceChanged,
    SourceGone,
    SourceUnsettled,
    Stalled,
    Standing,
    TargetHeld,
)

_TELL_EVERY = 1.0  # seconds between two progress events of a transfer
_LOOK_AGAIN_AT_LOST_FOLDER = timedelta(minutes=5)


class Copier:
    """Looks at sources, has them copied, and knows what follows where that cannot be."""

    def __init__(
        self,
        *,
        store: QueueStore,
        recorder: Recorder,
        board: Board,
        bus: Bus,
        clock: Clock,
        claims: Claims,
        trouble: Trouble,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._bus = bus
        self._clock = clock
        self._trouble = trouble
        self._check = SourceCheck(clock=clock, claims=claims, put_off=self._put_off)
        self._clashes = Clashes(store=store, recorder=recorder, board=board, clock=clock)

    async def clashing(self, lane: TargetState, turn: Turn) -> Mapping[int, Move]:
        """Those of a claimed batch that must not be copied, as Clashes.among tells: asked once, before its turn.

        Nothing that is claimed later has a place before them. What a rival has sent for one is adopted then already.
        """
        return await self._clashes.among(lane, turn)

    async def copies(
        self,
        lane: TargetState,
        batch: Sequence[Transfer],
        turn: Turn,
        clashing: Mapping[int, Move],
        *,
        durable: bool,
    ) -> AsyncIterator[Mapping[int, Sent] | Move]:
        """Each of the batch once: such as stand whole beside their final names, or the move that one calls for."""
        for group in groups(batch):
            kept = clashing.keys() | turn.endings.keys()
            ahead = await self._copied_ahead(lane, group, kept) if len(group) > 1 else Ahead({})
            for are_whole, those in groupby(group, ahead.has_whole):
                some = [*those]
                if are_whole and self._go_on(lane, turn, some):
                    yield {transfer.id: ahead.whole[transfer.id] for transfer in some}
                    continue
                for transfer in some:
                    moving = lane.moving[transfer.id]
                    try:
                        self._end_if_rested(lane, transfer, moving)
                        yield {transfer.id: await self._copied(lane, moving, ahead, clashing, durable=durable)}
                    except Ended as ended:
                        yield ended.move

    async def _copied_ahead(self, lane: TargetState, group: Sequence[Transfer], kept: Collection[int]) -> Ahead:
        """Those of a task's small files that nothing is to be said about are copied at once; later steps judge each.

        Of the others some are `kept` from that.
        """
        task = self._board.tasks.get(group[0].task)
        if task is None or lane.hold is not None or lane.breaker.is_open(self._clock.now()):
            return Ahead({})
        those = [each for each in group if each.id not in kept]
        # The target's agent looks, in the step in which it copies, but where that could cost the target an agent.
        looked = task.source.may_hang
        if looked:
            try:
                looks = await task.source.look_all([transfer.path for transfer in those])
            except SourceUnavailable:
                return Ahead({})
            those = [transfer for transfer, look in zip(those, looks, strict=True) if is_as_planned(transfer, look)]
        if not those:
            return Ahead({})
        terms = _terms(lane, task, durable=False)
        orders = _orders(terms, those)

        def progress(index: int, done: int) -> None:
            self._progressed(lane.moving[those[index].id], done)

        outcomes = await lane.port.copy_all(orders, progress, looked=looked)
        return Ahead(
            {
                transfer.id: outcome
                for transfer, outcome in zip(those, outcomes, strict=True)
                if not isinstance(outcome, SourceUnsettled)
            }
        )

    def _go_on(self, lane: TargetState, turn: Turn, whole: Sequence[Transfer]) -> bool:
        """Whether nothing has come between, while these of one task were copied, that ends one of them."""
        task = self._board.tasks.get(whole[0].task)
        if task is None or lane.hold is not None or lane.breaker.is_open(self._clock.now()):
            return False
        return go_to(task.task, whole) and turn.endings.keys().isdisjoint([each.id for each in whole])

    def _end_if_rested(self, lane: TargetState, transfer: Transfer, moving: Moving) -> None:
        """What an earlier file of the batch found out, or the operator wants, is true of this one, too."""
        if moving.ending is not None:
            raise Ended(move_of(transfer, moving.ending[0], reason=moving.ending[1]))
        if lane.hold is not None:
            raise Ended(move_of(transfer, Event.DEFER, reason=lane.hold))
        if lane.breaker.is_open(self._clock.now()):
            raise Ended(move_of(transfer, Event.DEFER, reason=lane.breaker.reason))

    async def _copied(
        self, lane: TargetState, moving: Moving, ahead: Ahead, clashing: Mapping[int, Move], *, durable: bool
    ) -> Sent:
        transfer = moving.transfer
        task = self._board.tasks.get(transfer.task)
        if task is None and transfer.task in self._board.broken:
            reason = because(Code.HELD_TASK_BROKEN, task=transfer.task)
            raise Ended(move_of(transfer, Event.DEFER, reason=reason))
        if task is None:
            raise Ended(move_of(transfer, Event.CANCEL, reason=because(Code.CANCELLED_TASK_REMOVED)))
        if not go_to(task.task, [transfer]):
            raise Ended(move_of(transfer, Event.DEFER, reason=transfer.reason))
        if transfer.attempts >= lane.spec.attempts:
            raise Ended(move_of(transfer, Event.GIVE_UP, reason=transfer.reason))
        written = False
        if transfer.id not in ahead:
            written = (await self._check.before(task, transfer)).access is Access.WRITTEN
            if (clash := clashing.get(transfer.id)) is not None:
                raise Ended(clash)
        try:
            return await self._copy(lane, task, moving, ahead, durable=durable, written=written)
        except NotReached:
            raise Ended(move_of(transfer, Event.DEFER, reason=because(Code.RETRY_INTERRUPTED))) from None
        except TargetHeld as held:
            raise Ended(await self._held(lane, transfer, held)) from held
        except SourceGone:
            await self._check.demand(task, transfer)  # says so too, unless it is back, or a cache still shows it
            message = "it is shown, and was not there when it was read"
            failed = Failed(errno=errno.ENOENT, step="read", side="source", message=message)
            raise Ended(self._trouble.of(lane, transfer, failed)) from None
        except SourceChanged:
            look = await self._check.demand(task, transfer)  # says how it changed, if it still shows
            raise Ended(self._check.changed(task, transfer, look)) from None
        except Stalled as error:
            if error.side == "source":
                raise Ended(self._check.stalled(task, transfer, error)) from error
            raise Ended(self._trouble.of(lane, transfer, error)) from error
        except Failed as error:
            raise Ended(self._trouble.of(lane, transfer, error)) from error

    async def _copy(
        self, lane: TargetState, task: TaskState, moving: Moving, ahead: Ahead, *, durable: bool, written: bool
    ) -> Sent:
        transfer = moving.transfer

        async def copy(*, over: bool) -> Sent:
            (order,) = _orders(_terms(lane, task, durable=durable), [transfer])
            order = order._replace(replace=order.replace or over, written=written)
            return await lane.port.copy(order, lambda done: self._progressed(moving, done))

        try:
            return ahead.of(transfer.id) if transfer.id in ahead else await copy(over=False)
        except AlreadyStanding as found:
            if not found.standing.is_file:
                raise Failed(
                    errno=None, step="occupied", side="target", message="a folder stands under its name"
                ) from found
            await self._end_unless_replaced(task, transfer, found.standing)
            return await copy(over=True)

    def _progressed(self, moving: Moving, done: int) -> None:
        now = self._clock.monotonic()
        moving.progressed(done, now)
        if self._bus.heard and now - moving.told >= _TELL_EVERY:
            moving.told = now
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
        if known is None or not _is_sent(known, size=size, mtime_ns=mtime_ns):  # that says more than that it was there
            entry = adoption(task.task, transfer.path, transfer.version, standing, now=self._clock.now())
            await self._recorder.insist(lambda: self._store.adopt([entry]))
        reason = because(Code.CANCELLED_STANDING, size=size, target_size=standing.size)
        raise Ended(move_of(transfer, Event.CANCEL, reason=reason)._replace(swept=True))

    async def _put_off(self, transfer: Transfer, due: datetime, reason: Reason, device: int | None = None) -> None:
        """The others of its task (on that disk) wait for the same: they need not be tried one by one."""
        await self._recorder.insist(lambda: self._store.put_off(transfer.task, until=due, reason=reason, device=device))

    async def _held(self, lane: TargetState, transfer: Transfer, held: TargetHeld) -> Move:
        """A task's own folder that is gone holds that task's files, anything else the whole target."""
        if held.reason.code == Code.HELD_BASE_GONE:
            due = self._clock.now() + _LOOK_AGAIN_AT_LOST_FOLDER
            await self._put_off(transfer, due, held.reason)
            return move_of(transfer, Event.DEFER, reason=held.reason, due=due)
        self._trouble.note(lane, held)
        return move_of(transfer, Event.DEFER, reason=held.reason)


def _terms(lane: TargetState, task: TaskState, *, durable: bool) -> CopyTerms:
    return CopyTerms(
        source_root=task.task.source,
        base=task.task.base,
        make_base=not task.base_made,
        durable=durable,
        verify=lane.spec.verify,
        file_mode=lane.spec.file_mode,
        dir_mode=lane.spec.dir_mode,
    )


def _orders(terms: CopyTerms, transfers: Sequence[Transfer]) -> list[CopyOrder]:
    return [
        CopyOrder(terms, each.destination, each.temporary or b"", each.path, each.version, each.replace)
        for each in transfers
    ]


def _is_sent(known: LedgerEntry, *, size: int, mtime_ns: int) -> bool:
    return known.origin is Origin.SENT and (known.size, known.mtime_ns) == (size, mtime_ns)
