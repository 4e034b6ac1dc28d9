"""Brings complete downloads to their targets, and removes their data once it may go."""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download, Event, Rules, State
from cloudgather.core.downloader import Item
from cloudgather.core.task import Filter, Initial, Send, Task
from cloudgather.core.transfer import LIVE
from cloudgather.core.transfer import State as TransferState
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.matching import WRONG, find, is_ours
from cloudgather.pipeline.pending import SkipSettle
from cloudgather.pipeline.scanning import Scanner
from cloudgather.pipeline.seeding import Seeding
from cloudgather.pipeline.sparing import Sparing, arrived, shared, to_upload
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, QueueStore
from cloudgather.ports.source import SourceUnavailable

logger = logging.getLogger(__name__)

_AGAIN: Final = 15.0  # seconds after which a disk is asked again that did not do what it should
_ENDED_BADLY: Final = frozenset({TransferState.FAILED, TransferState.CANCELLED, TransferState.VANISHED})


class Leaving:
    """One step at a time for each download whose files are complete."""

    def __init__(
        self,
        *,
        store: QueueStore,
        book: Book,
        board: Board,
        scanner: Scanner,
        clock: Clock,
        rules: Callable[[], Rules],
        seeding: Seeding,
        sparing: Sparing,
        tasks_changed: Callable[[], Awaitable[object]],
        remove_tree: Callable[[bytes], Awaitable[None]],
    ) -> None:
        """`tasks_changed` brings the tasks of downloads that upload onto the board; `remove_tree` raises OSError."""
        self._store = store
        self._book = book
        self._board = board
        self._scanner = scanner
        self._clock = clock
        self._rules = rules
        self._seeding = seeding
        self._sparing = sparing
        self._tasks_changed = tasks_changed
        self._remove_tree = remove_tree
        self._emptied: dict[int, float] = {}  # id -> the poll at which its downloader did not have it any more
        self._told: set[int] = set()  # ids of those that are being removed: who could say what is theirs forgets them
        self._scanned: set[int] = set()  # a scan of this daemon has found all their files
        self._examined: dict[int, float] = {}  # id -> monotonic: when it is looked again whether it stays for good
        # id -> why its scan or its removal did not work, monotonic: when it is tried again
        self._put_off: dict[int, tuple[Reason, float]] = {}

    async def begin(self, download: Download) -> None:
        """Hand its files to the queue."""
        await self._book.move(download, Event.UPLOAD, None, {})
        await self._tasks_changed()

    async def follow(self, download: Download) -> None:
        """Look what has become of its files' transfers."""
        state = self._board.tasks.get(download.task_name)
        if state is None:
            if download.task_name in self._board.broken:
                self._book.hold(download.id, because(Code.HELD_TASK_BROKEN, task=download.asked.task))
                return
            await self._tasks_changed()
            return
        if state.task.target not in self._board.targets:
            self._book.hold(download.id, because(Code.ERROR_NO_SUCH_TARGET, target=state.task.target))
            return
        if download.left_out is None:
            # What it is now holds: a filter that leaves out more later on must not let data go that was never sent.
            now = to_upload(state.task, download)
            left_out = frozenset(path for path, _ in download.files).difference(now)
            download = await self._book.note(download, {"left_out": left_out})
        paths = to_upload(state.task, download)
        if not paths:
            await self._book.move(download, Event.FAIL, because(Code.DOWNLOAD_NOTHING), {})
            return
        missing = set(paths) - (await arrived(self._store, state.task, paths)).keys()
        if not missing:
            await self._book.move(download, Event.UPLOADED, None, {})
            self._scanned.discard(download.id)
            return
        if self._scanner.is_scanning(download.task_name):
            return
        if download.id not in self._scanned:
            await self._scan(download, state)
            return
        if unsettled := self._scanner.unsettled(download.task_name):  # its downloader checks it again, or is silent
            for condition in [each for pending in unsettled for each in pending.conditions]:
                if condition.code.startswith("wait."):
                    self._book.hold(download.id, condition)
            return
        failure = await self._failure(download, missing)
        # What was under way as it was looked for above may have ended well since.
        if failure is not None and missing - (await arrived(self._store, state.task, paths)).keys():
            self._scanned.discard(download.id)
            await self._book.move(download, Event.FAIL, failure, {})

    async def _scan(self, download: Download, state: TaskState) -> None:
        """Have all of its files taken in; where that is not possible now, say why and wait some time."""
        if self._is_put_off(download):
            return
        try:
            await state.source.root()  # a run for nothing is not even begun
            problem = (await self._scanner.upload(state, b"", skip_settle=SkipSettle.GUESS)).problem
        except SourceUnavailable as lost:
            problem = lost.reason
        if problem is None:
            self._scanned.add(download.id)
        else:
            self._put_it_off(download, problem)

    def _is_put_off(self, download: Download) -> bool:
        if download.id not in self._put_off:
            return False
        problem, again = self._put_off[download.id]
        if again <= self._clock.monotonic():
            del self._put_off[download.id]
            return False
        self._book.hold(download.id, problem)
        return True

    def _put_it_off(self, download: Download, problem: Reason) -> None:
        self._put_off[download.id] = problem, self._clock.monotonic() + _AGAIN
        self._book.hold(download.id, problem)

    async def _failure(self, download: Download, missing: set[bytes]) -> Reason | None:
        """Why the upload will not go on by itself; None while something of it is under way, or waits and says so."""
        chosen = Chosen(task=download.task_name)
        moving = replace(chosen, states=LIVE | {TransferState.WRITTEN})
        begun = replace(chosen, states=moving.states - {TransferState.QUEUED})  # found at once, however much is queued
        if under_way := await self._store.transfers(begun, limit=1) or await self._store.transfers(moving, limit=1):
            first = under_way[0]
            written = first.state is TransferState.WRITTEN
            for hold in (self._board.unconfirmed(first) if written else self._board.holds_of(first))[:1]:
                self._book.hold(download.id, hold)
            return None
        for transfer in await self._store.transfers(replace(chosen, states=_ENDED_BADLY), limit=1000):
            if transfer.path in missing:
                cause = transfer.reason.to_wire() if transfer.reason is not None else None
                return because(Code.DOWNLOAD_UNSENT, path=transfer.path, files=len(missing), cause=cause)
        return because(Code.DOWNLOAD_UNSENT, path=min(missing), files=len(missing))

    # ---- afterwards --------------------------------------------------------------------------------------------------

    async def seed(self, download: Download, known: Known, others: Collection[Download]) -> None:
        """Remove its data when it has been seeded and kept for long enough, or leave it for good. Raises CannotAsk."""
        if download.clearing:
            if await self._clear(download, known):
                await self._end(download, because(Code.DOWNLOAD_CLEARED))
            return
        item = find(download, known)
        if item is not None:
            self._book.show(download.id, item)
        now = self._clock.now()
        if not download.seeded:
            if (hold := await self._seeding.hold(download, item, known)) is not None:
                if item is not None and item.phase in WRONG and (stays := await self._sparing.for_good(download)):
                    await self._end(download, stays)
                    return
                self._book.hold(download.id, hold)
                return
            download = await self._book.note(download, {"seeded": True, "due": now + self._rules().keep_after})
        due = min(download.due or now, now + self._rules().keep_after)  # the wall clock may have jumped
        if due > now:
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_KEPT, until=due.timestamp()))
            return
        # Others may need it for weeks; each of its files is looked at once in a while, and always before it goes.
        waits = await self._waits(download, known, others) is not None
        if not waits or self._clock.monotonic() >= self._examined.get(download.id, 0.0):
            self._examined[download.id] = self._clock.monotonic() + _AGAIN
            if (stays := await self._stays(download, item, known)) is not None:
                await self._end(download, stays)
                return
        if (hold := await self._waits(download, known, others)) is not None:
            self._book.hold(download.id, hold)
            return
        # From now on its files go, and what is missing of them proves nothing any more.
        await self._book.note(download, {"clearing": True})

    async def _waits(self, download: Download, known: Known, others: Collection[Download]) -> Reason | None:
        return await self._sparing.for_others(download, known, others) or self._sparing.elsewhere(download, known)

    async def _stays(self, download: Download, item: Item | None, known: Known) -> Reason | None:
        """Why its data stays for good. Raises CannotAsk, SourceUnavailable."""
        stays = await self._sparing.for_good(download)
        if stays is None and item is not None:
            stays = await self._sparing.by_choice(download, item, known)
        return stays or await self._sparing.put_there(download, item, known)

    async def _end(self, download: Download, reason: Reason) -> None:
        await self._book.move(download, Event.FINISH, reason, {"cleared": True})
        self._book.forget(download.id)
        self._seeding.forget(download)
        self._examined.pop(download.id, None)
        await self._tasks_changed()

    async def let_go(self) -> None:
        """Take the tasks of those that have ended off the board; what they had queued is cancelled."""
        await self._tasks_changed()

    async def clear(self, download: Download, known: Known, others: Collection[Download]) -> bool:
        """Remove one by order, once nothing else needs its data; whether nothing is left. Raises CannotAsk."""
        if download.foreign:
            return True
        if not download.clearing:
            if download.keep_files:
                hold = shared(download, others)
            else:
                hold = await self._sparing.for_others(download, known, others)
            if hold is not None:
                self._book.hold(download.id, hold)
                return False
            download = await self._book.note(download, {"clearing": True})
        return await self._clear(download, known)

    async def _clear(self, download: Download, known: Known) -> bool:
        """Remove what the downloader has of it, and its folder; whether nothing is left. Raises CannotAsk."""
        if not download.keep_files and (hold := self._sparing.beside(download, known)) is not None:
            self._book.hold(download.id, hold)
            return False
        there = known.items.in_folder(known.client.spec.theirs(download.folder))
        left = [item for item in there if is_ours(download, item)]
        if left:
            self._emptied.pop(download.id, None)
            if await self._stays_after_all(download, known):
                return False
        for item in left:
            await known.client.remove(item.id, with_files=not download.keep_files)
            self._told.add(download.id)
        if left or self._emptied.setdefault(download.id, known.heard) == known.heard:
            known.poll_soon()
            return False  # gone only when two polls do not show it: a downloader may yet be removing its files
        if self._is_put_off(download) or await self._stays_after_all(download, known):
            return False
        try:
            if not download.keep_files:
                await self._remove_tree(download.folder)
        except OSError as error:
            path = error.filename if isinstance(error.filename, bytes | str) else download.folder
            message = error.strerror or "no answer in time"
            self._put_it_off(download, because(Code.HELD_DOWNLOAD_REMOVAL, path=path, message=message))
            return False
        self._emptied.pop(download.id)
        self._told.discard(download.id)
        return True

    async def _stays_after_all(self, download: Download, known: Known) -> bool:
        """Whether something was written there since it was found that all may go, which it does by no order.

        Raises CannotAsk, SourceUnavailable.
        """
        if download.state is not State.SEEDING or download.id in self._told:
            return False
        stays = await self._sparing.since(download, find(download, known), known)
        if stays is not None:
            await self._end(await self._book.note(download, {"clearing": False}), stays)
        return stays is not None


def task_of(download: Download, configured: Task | None) -> Task:
    """The task that uploads it: all of its files and no others, as the configured one it was asked for would.

    Where that has left the configuration, what its filter left out is left out still.
    """
    files = frozenset(path for path, _ in download.files)
    if configured is None:
        files -= download.left_out or frozenset()
        return Task(
            name=download.task_name,
            source=download.folder,
            target=download.asked.target,
            base=download.asked.base,
            watch=False,
            filter=Filter(only=files),
        )
    return replace(
        configured,
        name=download.task_name,
        source=download.folder,
        initial=Initial.SEND,
        send=Send.FILE,
        watch=False,
        schedule=None,
        every=None,
        filter=replace(configured.filter, only=files),
    )


def uploads(download: Download) -> bool:
    """Whether its task is on the board."""
    return download.state in (State.UPLOADING, State.SEEDING) or (
        download.state is State.FAILED and bool(download.files)
    )
