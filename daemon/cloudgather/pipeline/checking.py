"""Looks at the source of a claimed transfer: what is there now decides whether it may be copied."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.settle import QUIET_AT_LEAST_WHEN_BLIND, needed_quiet
from cloudgather.core.transfer import Event, Transfer
from cloudgather.pipeline.board import TaskState
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.recording import move_of
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move
from cloudgather.ports.source import Absent, Access, Look, SourceUnavailable
from cloudgather.ports.target import Stalled

_LOOK_AGAIN_AT_CHANGED: Final = timedelta(seconds=5)
_LOOK_AGAIN_AT_LOST_DISK: Final = timedelta(seconds=60)

# Has the others of a task wait until then for the same reason (those from this device, if one is given).
PutOff = Callable[[Transfer, datetime, Reason, int | None], Awaitable[None]]


class Ended(Exception):
    """The copy has led elsewhere than to a whole temporary: this move says where."""

    def __init__(self, move: Move) -> None:
        super().__init__(move.event)
        self.move = move


class SourceCheck:
    """Every answer that is no permission to copy is raised as Ended, or is the Move that ends it."""

    def __init__(self, *, clock: Clock, claims: Claims, put_off: PutOff) -> None:
        self._clock = clock
        self._claims = claims
        self._put_off = put_off

    async def before(self, task: TaskState, transfer: Transfer) -> Look:
        """Nothing has been made at the target yet, which need not be asked to remove anything."""
        try:
            return await self.demand(task, transfer)
        except Ended as ended:
            raise Ended(ended.move._replace(swept=True)) from ended

    async def demand(self, task: TaskState, transfer: Transfer) -> Look:
        """The queue may have been long: the source must still be the version that was planned, and complete."""
        try:
            look = await task.source.look(transfer.path)
        except SourceUnavailable as lost:
            task.source_hold = lost.reason
            reason = because(Code.HELD_SOURCE, cause=lost.reason.to_wire())
            raise Ended(move_of(transfer, Event.DEFER, reason=reason)) from lost
        match look:
            case Absent.GONE:
                raise Ended(await self._gone(task, transfer))
            case Absent.DENIED:
                raise Ended(move_of(transfer, Event.GIVE_UP, reason=because(Code.FAIL_SOURCE_DENIED, step="open")))
            case Absent.SYMLINK | Absent.SPECIAL | Absent.DIRECTORY:
                raise Ended(move_of(transfer, Event.VANISH, reason=because(f"skip.{look}")))
            case _:
                if look.version != transfer.version:
                    raise Ended(self.changed(task, transfer, look))
                if look.access is Access.WRITTEN:
                    await self._demand_word(task, transfer, look)
                # Left behind by a selective download, it stays for ever: who said that the file is complete knows.
                if look.control_file is not None and transfer.guessed:
                    reason = because(Code.WAIT_CONTROL_FILE, file=look.control_file)
                    raise Ended(self.changed(task, transfer, look, reason))
                return look

    async def _demand_word(self, task: TaskState, transfer: Transfer, look: Look) -> None:
        """aria2 keeps a complete file open for writing for as long as it seeds it: its word decides."""
        word = await self._claims.word(task.task, look)
        if word is None or word.code != Code.MET_DOWNLOADER:
            raise Ended(self.changed(task, transfer, look, word or because(Code.WAIT_WRITER, writers=[])))

    def changed(self, task: TaskState, transfer: Transfer, look: Look, reason: Reason | None = None) -> Move:
        """Not before it may be complete again: as long as a file must be quiet that somebody has just touched."""
        quiet = max(needed_quiet(task.task.settle), _LOOK_AGAIN_AT_CHANGED)
        if look.access is Access.UNKNOWN:
            quiet = max(quiet, QUIET_AT_LEAST_WHEN_BLIND)
        reason = reason or because(Code.RETRY_CHANGED)
        return move_of(transfer, Event.CHANGE, reason=reason, version=look.version, due=self._clock.now() + quiet)

    async def _gone(self, task: TaskState, transfer: Transfer) -> Move:
        """A deleted file has vanished; a file whose disk is not there is waited for."""
        try:
            device, empty = await task.source.folder_above(transfer.path)
            # A disk may get another number when it is mounted again; a mount point without its disk is empty.
            if device == transfer.version.device or not empty:
                return move_of(transfer, Event.VANISH, reason=because(Code.GONE_SOURCE))
            cause = because(Code.SOURCE_GONE, source=task.task.source)
        except SourceUnavailable as lost:
            cause = task.source_hold = lost.reason
        due = self._clock.now() + _LOOK_AGAIN_AT_LOST_DISK
        reason = because(Code.HELD_SOURCE, cause=cause.to_wire())
        await self._put_off(transfer, due, reason, transfer.version.device)
        return move_of(transfer, Event.DEFER, reason=reason, due=due)

    def stalled(self, task: TaskState, transfer: Transfer, error: Stalled) -> Move:
        """A source that hangs is no fault of the file: its task waits until the folder answers again."""
        task.source_hold = because(Code.SOURCE_STALLED, source=task.task.source, seconds=error.limit or 0.0)
        due = self._clock.now() + _LOOK_AGAIN_AT_LOST_DISK
        reason = because(Code.HELD_SOURCE, cause=task.source_hold.to_wire())
        return move_of(transfer, Event.DEFER, reason=reason, due=due)
