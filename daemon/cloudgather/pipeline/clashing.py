"""Keeps two files from one place at a target: what has it, or comes to it first, keeps it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import takewhile
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.clashes import Names, Rival, Verdict, folded, judge
from cloudgather.core.naming import shown
from cloudgather.core.transfer import Event, Transfer
from cloudgather.pipeline.board import Board, TargetState, Turn
from cloudgather.pipeline.planning import adoption
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move, QueueStore
from cloudgather.ports.target import Standing

_LOOK_AGAIN: Final = timedelta(hours=1)  # nothing but somebody's doing changes it
_WHILE_IT_IS_SENT: Final = timedelta(seconds=30)


class Clashes:
    """Asked before anything of a claimed transfer is copied."""

    def __init__(self, *, store: QueueStore, recorder: Recorder, board: Board, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._clock = clock

    async def among(self, lane: TargetState, turn: Turn) -> Mapping[int, Move]:
        """Those of a batch that must not be copied, each with the move that follows.

        What was claimed first goes. Those under way are looked at before the ledger, which has what has ended since.
        """
        names = Names.of(lane.memory.facts)
        rivals: dict[int, list[Rival]] = defaultdict(list)
        for transfer, before in _under_way(lane, turn, await self._left_publishing(lane)):
            if names.same(transfer.destination, before.destination):
                rivals[transfer.id].append(self._moving(before))
        places = lane.places[turn]
        found = await self._recorder.insist(lambda: self._store.sent_there(lane.spec.name, [*{*places.values()}]))
        by_place: dict[bytes, list[Transfer]] = defaultdict(list)
        for id, place in places.items() if found else ():
            by_place[place].append(lane.moving[id].transfer)
        for entry in found:
            task = self._board.tasks.get(entry.task)
            if task is None:
                continue  # it was removed: what it sent is judged by the rules like anybody's
            file = task.task.source + b"/" + entry.path
            rival = Rival(
                task=entry.task, path=entry.path, file=file, size=entry.size, mtime_ns=entry.mtime_ns, sent=True
            )
            for transfer in by_place[folded(entry.destination)]:
                itself = (transfer.task, transfer.path) == (entry.task, entry.path)
                if not itself and names.same(transfer.destination, entry.destination):
                    rivals[transfer.id].append(rival)
        moves = {id: await self._move(lane.moving[id].transfer, of_one) for id, of_one in rivals.items()}
        return {id: move for id, move in moves.items() if move is not None}

    async def _left_publishing(self, lane: TargetState) -> Sequence[Transfer]:
        found = [await self._recorder.insist(partial(self._store.transfer, id)) for id in sorted(lane.unresolved)]
        return [transfer for transfer in found if transfer is not None]

    def _moving(self, transfer: Transfer) -> Rival:
        version = transfer.version
        return Rival(
            task=transfer.task,
            path=transfer.path,
            file=self._file(transfer),
            size=version.size,
            mtime_ns=version.mtime_ns,
            sent=False,
        )

    def _file(self, transfer: Transfer) -> bytes:
        task = self._board.tasks.get(transfer.task)
        return (task.task.source if task is not None else b"") + b"/" + transfer.path

    async def _move(self, transfer: Transfer, rivals: Sequence[Rival]) -> Move | None:
        verdicts = {judge(self._file(transfer), transfer.version, rival): rival for rival in rivals}
        now = self._clock.now()
        if (rival := verdicts.get(Verdict.CLASH)) is not None:
            reason = because(Code.HELD_NAME_CLASH, other=f"{rival.task}: {shown(rival.path)}")
            move = move_of(transfer, Event.DEFER, reason=reason, due=now + _LOOK_AGAIN)
        elif (rival := verdicts.get(Verdict.WAIT)) is not None:
            reason = because(Code.HELD_SAME_FILE, task=rival.task)
            move = move_of(transfer, Event.DEFER, reason=reason, due=now + _WHILE_IT_IS_SENT)
        elif Verdict.SENT in verdicts and (task := self._board.tasks.get(transfer.task)) is not None:
            size = transfer.version.size
            standing = Standing(size=size, mtime_ns=transfer.version.mtime_ns)
            entry = adoption(task.task, transfer.path, transfer.version, standing, now=now)
            await self._recorder.insist(lambda: self._store.adopt([entry]))
            reason = because(Code.CANCELLED_STANDING, size=size, target_size=size)
            move = move_of(transfer, Event.CANCEL, reason=reason)
        else:
            return None
        return move._replace(swept=True)


def _under_way(lane: TargetState, turn: Turn, left: Sequence[Transfer]) -> Sequence[tuple[Transfer, Transfer]]:
    """(one of this batch, one that was claimed before it), of all pairs whose place is perhaps the same."""
    mine = frozenset(lane.places[turn].values())
    earlier = {each: lane.places[each] for each in takewhile(lambda each: each is not turn, lane.places)}
    before: dict[bytes, list[Transfer]] = defaultdict(list)
    for transfer in left:
        before[folded(transfer.destination)].append(transfer)
    theirs = [before, *(places.values() for places in earlier.values())]
    if len(mine) == len(lane.places[turn]) and all(map(mine.isdisjoint, theirs)):
        return []
    pairs = []
    for each, places in [*earlier.items(), (turn, lane.places[turn])]:
        for id, place in places.items():
            moving = lane.moving.get(id)
            if moving is None or moving.turn is not each:
                continue  # it was put back
            if each is turn:
                pairs += [(moving.transfer, rival) for rival in before[place] if rival.id != id]
            before[place].append(moving.transfer)
    return pairs
