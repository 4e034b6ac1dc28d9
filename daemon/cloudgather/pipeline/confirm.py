"""Takes what is written to done, where the proof is a look at the target (`confirm = "seen"`)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event, State, Transfer
from cloudgather.pipeline.board import Board, TargetState
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.ports import Chosen, Clock, Failed, Move, QueueStore, Standing, StoreUnavailable, TargetHeld

_AT_ONCE: Final = 64
_AGAIN: Final = 15.0  # seconds
_DEADLINE: Final = timedelta(minutes=10)  # a mount's own cache shows a file at once; a slow one within minutes


class Confirmer:
    """Looks at each written file once, through a fresh open of the target's root."""

    def __init__(self, *, store: QueueStore, recorder: Recorder, board: Board, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._clock = clock
        self._wanted: set[str] = set()
        self._wake = asyncio.Event()

    def offer(self, lane: TargetState) -> None:
        """This target has something written."""
        self._wanted.add(lane.spec.name)
        self._wake.set()

    async def run(self) -> None:
        """Confirm until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted, self._wanted = self._wanted, set()
            again = {name for name in wanted if not await self._confirmed(name)}
            self._wanted |= again  # beside what was offered meanwhile
            if again:
                asyncio.get_running_loop().call_later(_AGAIN, self._wake.set)

    async def _confirmed(self, name: str) -> bool:
        """Whether nothing is left to look at."""
        lane = self._board.targets.get(name)
        if lane is None or lane.spec.confirm is not Confirm.SEEN or self._board.stopping:
            return True
        chosen = Chosen(target=name, states=frozenset({State.WRITTEN}))
        try:
            written = await self._store.transfers(chosen, limit=_AT_ONCE)
            if not written:
                return True
            if lane.hold is not None:
                return False
            shown = await lane.port.look([transfer.destination for transfer in written])
            moves = self._moves(written, shown)
            await self._recorder.record(moves)
        except (TargetHeld, Failed, StoreUnavailable):
            return False  # the target's own loop finds out why
        if len(moves) < len(written):
            return False
        return len(written) < _AT_ONCE or await self._confirmed(name)

    def _moves(self, written: Sequence[Transfer], shown: Sequence[Standing | None]) -> list[Move]:
        moves = []
        for transfer, standing in zip(written, shown, strict=True):
            if standing is not None and standing.is_file and standing.size == transfer.version.size:
                moves.append(
                    move_of(transfer, Event.CONFIRM, reason=because(Code.DONE_SEEN), strength=str(Confirm.SEEN))
                )
            elif self._clock.now() - transfer.updated > _DEADLINE:
                reason = because(Code.FAIL_UNCONFIRMED, step="look", message="the target does not show it")
                moves.append(move_of(transfer, Event.GIVE_UP, reason=reason))
        return moves
