"""Finds out which written files the program behind the mount has brought to the cloud (`confirm = "rclone"`)."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.retry import backoff
from cloudgather.core.target import Confirm, Identity
from cloudgather.core.transfer import Event, Transfer
from cloudgather.core.uploads import (
    CALM,
    Lost,
    NotYet,
    Refused,
    Stored,
    Upload,
    judge_listed,
    judge_pending,
)
from cloudgather.pipeline.board import TargetState
from cloudgather.pipeline.recording import move_of
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move
from cloudgather.ports.uploads import CannotAsk, Uploads

_LOOKED_UP_AT_ONCE: Final = 100
OTHER_SENT: Final = "another version of it was sent since"
_UNREADABLE: Final = "its name is not UTF-8: rclone cannot be asked about it"

_Try: TypeAlias = tuple[int, int]  # a transfer, and which of its tries


class UploadWatch:
    """Remembers since when each file is calm, or missed, and says on the board why what is written waits."""

    def __init__(self, *, uploads: Uploads, clock: Clock, luck: Callable[[], float]) -> None:
        self._uploads = uploads
        self._clock = clock
        self._luck = luck
        self._calm: dict[str, dict[_Try, float]] = {}  # target -> monotonic: nothing to upload since
        self._missed: dict[str, dict[_Try, float]] = {}  # target -> monotonic: first not listed

    async def moves(self, lane: TargetState, written: Sequence[Transfer]) -> list[Move]:
        """What can be said of them now, by transfer in the order of age."""
        if (identity := lane.memory.identity) is None:
            return []
        newest = {transfer.destination: transfer.id for transfer in written}  # in the order of ids
        overtaken = [transfer for transfer in written if newest[transfer.destination] != transfer.id]
        moves = [
            move_of(transfer, Event.GIVE_UP, reason=because(Code.FAIL_UNCONFIRMED, message=OTHER_SENT))
            for transfer in overtaken
        ]
        latest = [transfer for transfer in written if newest[transfer.destination] == transfer.id]
        try:
            moves += await self._judged(lane, identity, latest)
        except CannotAsk as cannot:
            lane.unconfirmed, lane.unconfirmed_why = {}, cannot.reason
            self._calm.pop(lane.spec.name, None)  # it may be another rclone that answers next
            self._missed.pop(lane.spec.name, None)
        else:
            lane.unconfirmed_why = None
        return moves

    async def _judged(self, lane: TargetState, identity: Identity, written: Sequence[Transfer]) -> list[Move]:
        uploads = await self._uploads.progress(lane.spec, identity, [transfer.destination for transfer in written])
        lane.unconfirmed = {}  # not before the answer: whoever looks meanwhile reads what was true last
        moves: list[Move] = []
        calm: list[tuple[Transfer, Upload]] = []
        for transfer, upload in zip(written, uploads, strict=True):
            if upload.pending:
                age = self._clock.now() - transfer.updated
                verdict = judge_pending(upload, age=age, within=lane.spec.confirm_within)
                moves += self._follow(lane, transfer, verdict)
            elif not _is_utf8(transfer.destination):
                verdict = Refused(why=because(Code.FAIL_UNCONFIRMED, message=_UNREADABLE))
                moves += self._follow(lane, transfer, verdict)
            else:
                lane.unconfirmed[transfer.id] = because(Code.CONFIRM_CHECKING)
                calm.append((transfer, upload))
        return moves + await self._looked_up(lane, identity, self._calm_for_long(lane, calm))

    def _calm_for_long(
        self, lane: TargetState, calm: Sequence[tuple[Transfer, Upload]]
    ) -> Sequence[tuple[Transfer, Upload]]:
        """Those never looked for come first, so that what is missed holds up no other."""
        now, before = self._clock.monotonic(), self._calm.get(lane.spec.name, {})
        since = {_try(transfer): before.get(_try(transfer), now) for transfer, _ in calm}
        missed = {each: at for each, at in self._missed.get(lane.spec.name, {}).items() if each in since}
        self._calm[lane.spec.name], self._missed[lane.spec.name] = since, missed
        ready = [each for each in calm if now - since[_try(each[0])] >= CALM.total_seconds()]
        ready.sort(key=lambda each: missed.get(_try(each[0]), 0.0))
        return ready[:_LOOKED_UP_AT_ONCE]

    async def _looked_up(
        self, lane: TargetState, identity: Identity, ready: Sequence[tuple[Transfer, Upload]]
    ) -> list[Move]:
        if not ready:
            return []
        listed = await self._uploads.stored(lane.spec, identity, [transfer.destination for transfer, _ in ready])
        now, missed = self._clock.monotonic(), self._missed[lane.spec.name]
        moves: list[Move] = []
        for (transfer, upload), found in zip(ready, listed, strict=True):
            span = timedelta(seconds=now - missed.get(_try(transfer), now))
            verdict = judge_listed(transfer, upload, found, missed=span, attempts=lane.spec.attempts)
            if isinstance(verdict, NotYet):
                missed.setdefault(_try(transfer), now)
            moves += self._follow(lane, transfer, verdict)
        return moves

    def _follow(self, lane: TargetState, transfer: Transfer, verdict: Stored | NotYet | Lost | Refused) -> list[Move]:
        lane.unconfirmed.pop(transfer.id, None)
        match verdict:
            case Stored():
                reason = because(Code.DONE_STORED)
                return [move_of(transfer, Event.CONFIRM, reason=reason, strength=str(Confirm.STORED))]
            case NotYet(why=why):
                lane.unconfirmed[transfer.id] = why
                return []
            case Lost(why=why):
                spec = lane.spec
                wait = backoff(spec.retry_first, spec.retry_most, times=transfer.attempts, luck=self._luck())
                return [move_of(transfer, Event.LOSE, reason=why, due=self._clock.now() + wait, spend=True)]
            case Refused(why=why):
                return [move_of(transfer, Event.GIVE_UP, reason=why)]


def _try(transfer: Transfer) -> _Try:
    return transfer.id, transfer.tries


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True
