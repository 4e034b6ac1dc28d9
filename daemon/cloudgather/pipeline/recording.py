"""Records moves: waits out a store that cannot commit, and tells the bus and the task's log what happened."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import LIVE, MOVES, Event, State, Transfer, Version
from cloudgather.pipeline.board import Board
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.journal import Journal
from cloudgather.pipeline.redirecting import redirect_again
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move, QueueStore, StoreUnavailable

_STORE_AGAIN = 5.0
_ON_THE_WAY: Final = (Event.CLAIM, Event.PUBLISH)  # nothing an operator wants to read
_END_A_TRY: Final = frozenset(MOVES[State.COPYING])

Result = TypeVar("Result")


class Recorder:
    """The only one that calls `store.move` for a running transfer."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        bus: Bus,
        journal: Journal,
        clock: Clock,
        vanished: Callable[[str, bytes], None],
        run_changed: Callable[[int], None] = lambda run: None,
    ) -> None:
        """`vanished` is called with task and path of a file that has been recorded as such."""
        self._store = store
        self._board = board
        self._bus = bus
        self._journal = journal
        self._clock = clock
        self._vanished = vanished
        self._run_changed = run_changed

    async def record(self, moves: Sequence[Move]) -> Sequence[Transfer]:
        """Commit the moves in one step and announce them; while the store cannot commit, hold everything and wait.

        Answers with their transfers as they are then, one after the other. Raises Overtaken. Until it returns, nothing
        that depends on these moves may be done.
        """
        moves = [self._with_what_was_sent(move) if move.event in _END_A_TRY else move for move in moves]
        moved = await self.insist(lambda: self._store.move(moves, now=self._clock.now()))
        left = iter(moved)
        made = [(move, [*islice(left, len(move.transfers))]) for move in moves]
        for move, transfers in made:
            self._announce(transfers, move)
        self._journal.outcomes((move.event, those) for move, those in made if move.event not in _ON_THE_WAY)
        changed: set[int | None] = set()
        for _, transfers in made:  # their move has brought all of them to one state
            state = transfers[0].state
            if state is State.QUEUED:
                for transfer in transfers:
                    await self.insist(
                        partial(redirect_again, transfer, store=self._store, board=self._board, clock=self._clock)
                    )
            elif state is State.VANISHED:
                self.look_again(transfers)
            if state not in LIVE:
                changed.update([transfer.run for transfer in transfers])
        for run in changed:
            if run is not None:
                self._run_changed(run)
        return moved

    def look_again(self, vanished: Sequence[Transfer]) -> None:
        """A file may be there again, and have been seen by those who knew it as under way.

        Not where a folder stands: that would have it scanned, whether or not its task watches.
        """
        for transfer in vanished:
            if transfer.reason is None or transfer.reason.code != Code.SKIP_DIRECTORY:
                self._vanished(transfer.task, transfer.path)

    def _with_what_was_sent(self, move: Move) -> Move:
        return move._replace(moved=self._board.sent(move.transfers))

    async def insist(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """What the store answers to `call`; while it cannot, hold everything and wait."""
        while True:
            try:
                result = await call()
            except StoreUnavailable as refused:
                self._board.store_hold = refused.reason
                await self._clock.sleep(_STORE_AGAIN)
            else:
                self._board.store_hold = None
                return result

    def _announce(self, transfers: Sequence[Transfer], move: Move) -> None:
        if move.confirmed is None:
            self.announce(transfers, move.event)
        elif self._bus.heard:
            for transfer in transfers:
                self._publish(transfer._replace(state=State.WRITTEN, reason=move.reason), move.event)
                self._publish(transfer, Event.CONFIRM)

    def announce(self, transfers: Sequence[Transfer], event: Event) -> None:
        """Tell listeners, if there are any, of a move that has been committed."""
        if self._bus.heard:
            for transfer in transfers:
                self._publish(transfer, event)

    def _publish(self, transfer: Transfer, event: Event) -> None:
        self._bus.publish(
            {
                "kind": "transfer",
                "id": transfer.id,
                "task": transfer.task,
                "path": transfer.path,
                "target": transfer.target,
                "state": str(transfer.state),
                "event": str(event),
                "reason": transfer.reason.to_wire() if transfer.reason else None,
                "at": transfer.updated.timestamp(),
            }
        )


def move_of(
    transfer: Transfer,
    event: Event,
    *,
    reason: Reason | None = None,
    due: datetime | None = None,
    spend: bool = False,
    version: Version | None = None,
    strength: str | None = None,
) -> Move:
    """A move of this transfer alone."""
    return Move((transfer,), event, reason=reason, due=due, spend=spend, version=version, strength=strength)
