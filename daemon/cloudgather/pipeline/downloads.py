"""Follows every download on request from step to step, and brings each on."""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import ARRIVING, Download, Event, State
from cloudgather.core.downloader import Item
from cloudgather.core.secrecy import without_sign_in
from cloudgather.core.task import Task
from cloudgather.pipeline.arriving import Arriving
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.journal import english
from cloudgather.pipeline.leaving import Leaving, task_of, uploads
from cloudgather.pipeline.returning import Returning
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.downloads import DownloadStore, NewDownload, PastDownloadMove
from cloudgather.ports.queue import Overtaken, StoreUnavailable
from cloudgather.ports.source import SourceUnavailable
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)

_EVERY: Final = 1.0  # seconds between two looks, where nobody asks for one
_REST: Final = 10.0  # a downloader may have something again
_READ_EVERY: Final = 600.0  # seconds: what is too old is forgotten by the store
_BUG_FIRST: Final = 2.0  # seconds after which it is tried again that has met a bug of ours; doubled each time
_BUG_MOST: Final = 600.0


class Downloads:
    """Whatever is remembered here is found again after a crash: the store and the downloaders have it."""

    def __init__(
        self,
        *,
        store: DownloadStore,
        book: Book,
        arriving: Arriving,
        leaving: Leaving,
        returning: Returning,
        clock: Clock,
        known: Callable[[str], Known | CannotAsk],
        every: float = _EVERY,
    ) -> None:
        """`known`: what a downloader has said so far, or why it cannot be asked."""
        self._store = store
        self._book = book
        self._arriving = arriving
        self._leaving = leaving
        self._returning = returning
        self._clock = clock
        self._known = known
        self._every = every
        self._wake = asyncio.Event()
        self._steps: dict[int, asyncio.Task[None]] = {}  # by id: those that are going on
        self._bugs = _Bugs()
        self._read_at = -math.inf  # monotonic
        self._unsure = True  # whether the store may have something else than the book
        self._refused: Reason | None = None  # what the store said last, and the log, since it recorded something

    def wake(self) -> None:
        """Something has happened that may bring one on."""
        self._wake.set()

    def tasks(self, configured: Mapping[str, Task], broken: Collection[str]) -> dict[str, Task]:
        """The tasks of those that are being uploaded, by name; their settings are those of the configured ones."""
        waiting = self.waiting_for(broken)
        return {
            each.task_name: task_of(each, configured.get(each.asked.task) if each.asked.task else None)
            for each in self.open
            if uploads(each) and each.task_name not in waiting
        }

    def waiting_for(self, broken: Collection[str]) -> frozenset[str]:
        """The names of the tasks of those whose upload waits until these are mended, whose settings they have."""
        concerned = (each for each in self.open if uploads(each) and each.state is not State.SEEDING)
        return frozenset(each.task_name for each in concerned if each.asked.task in broken)

    # ---- what may be asked and ordered -------------------------------------------------------------------------------

    async def add(self, new: NewDownload) -> Download:
        """Record it; it is followed from then on."""
        download = await self._book.add(new)
        self.wake()
        return download

    async def one(self, id: int) -> Download | None:
        """The download of this id."""
        return await self._store.download(id)

    async def all(self, *, uid: int | None) -> Sequence[Download]:
        """ports.downloads.DownloadStore.downloads, without those that were removed, once nothing is left of them."""
        found = await self._store.downloads(uid=uid)
        return [each for each in found if each.state is not State.REMOVED or not each.cleared]

    async def of_infohash(self, infohash: str) -> Download | None:
        """ports.downloads.DownloadStore.download_of."""
        return await self._store.download_of(infohash)

    async def torrent(self, id: int) -> bytes | None:
        """ports.downloads.DownloadStore.torrent."""
        return await self._store.torrent(id)

    async def history(self, id: int) -> Sequence[PastDownloadMove]:
        """ports.downloads.DownloadStore.download_history."""
        return await self._store.download_history(id)

    async def note(self, download: Download, changes: Mapping[str, Any]) -> None:
        """Change what is known of it; raises Overtaken."""
        await self._book.note(download, changes)
        self.wake()

    async def move(self, download: Download, event: Event, changes: Mapping[str, Any]) -> None:
        """Move it by order; raises Overtaken."""
        moved = await self._book.move(download, event, None, changes)
        if moved.state is State.REMOVED:
            self._arriving.forget(download.id)
            await self._leaving.let_go()  # nothing more of it is uploaded
        self.wake()

    def known(self, downloader: str) -> Known | CannotAsk:
        """What a downloader has said so far, or why it cannot be asked."""
        return self._known(downloader)

    @property
    def open(self) -> Collection[Download]:
        """Those for which something is left to be done, by id."""
        return self._book.open.values()

    def hold_of(self, download: Download) -> Reason | None:
        """What it waits for."""
        return self._book.hold_of(download.id)

    def shown(self, download: Download) -> Item | None:
        """What its downloader said of it last."""
        return self._book.shown(download.id)

    # ---- bringing them on --------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read anew which there are. Raises StoreUnavailable."""
        self._read_at, self._unsure = self._clock.monotonic(), False
        try:
            await self._book.read()
        except StoreUnavailable:
            self._unsure = True
            raise

    async def run(self) -> None:
        """Bring each on, in a step of its own that no other waits for, until cancelled."""
        try:
            while True:
                self._wake.clear()
                if await self._is_read():
                    self._begin_steps()
                waiting = any(each.state is not State.FAILED for each in self.open)
                span = self._every if waiting else _REST
                await wait_for_either(self._wake.wait(), self._clock.sleep(span))
        finally:
            steps = list(self._steps.values())
            for step in steps:
                step.cancel()
            await asyncio.gather(*steps, return_exceptions=True)

    async def _is_read(self) -> bool:
        """Whether it is known what the store has."""
        try:
            if self._unsure or self._clock.monotonic() - self._read_at >= _READ_EVERY:
                await self.look()
            await self._returning.look()
        except StoreUnavailable as error:
            self._away(error)
            return False
        except Overtaken:
            self._unsure = True
        return True

    def _away(self, error: StoreUnavailable) -> None:
        """The store cannot be read, or it is not known what it has recorded."""
        self._unsure = True
        if error.reason != self._refused:
            logger.warning("downloads wait: %s", english(error.reason))
        self._refused = error.reason

    def _begin_steps(self) -> None:
        now = self._clock.monotonic()
        for id, download in self._book.open.items():
            if download.state is State.FAILED or id in self._steps or self._bugs.rests(id, now):
                continue
            self._steps[id] = step = asyncio.create_task(self._step(id), name=f"download {id}")
            step.add_done_callback(partial(self._stepped, id))

    def _stepped(self, id: int, _: asyncio.Task[None]) -> None:
        del self._steps[id]

    async def _step(self, id: int) -> None:
        """Bring one as far as it goes now. Whatever goes wrong with it keeps up no other."""
        with self._book.stepping(id):
            try:
                while (download := self._book.open.get(id)) is not None:
                    await self._bring_on(download)
                    if self._book.open.get(id) is download:
                        break  # nothing was recorded: it waits
                    self._refused = None
                    self.wake()  # others may have waited for that
                self._bugs.over(id)
            except (CannotAsk, SourceUnavailable) as error:
                self._book.hold(id, error.reason)
            except DownloadRefused as refused:
                self._book.hold(id, refused.reason)
            except Overtaken:  # an order has moved it meanwhile
                self._unsure = True
                self.wake()
            except StoreUnavailable as error:
                self._away(error)
            except Exception as error:
                self._book.hold(id, because(Code.HELD_DOWNLOAD_BUG, message=without_sign_in(repr(error))))
                if self._bugs.again(id, error, self._clock.monotonic()):
                    about = {"about": {"DOWNLOAD": id}}
                    logger.exception("download %d cannot be brought on: a bug of ours", id, extra=about)

    async def _bring_on(self, download: Download) -> None:
        match download.state:
            case State.DOWNLOADED:
                await self._leaving.begin(download)
            case State.UPLOADING:
                await self._leaving.follow(download)
            case State.SEEDING:
                await self._leaving.seed(download, self._answering(download), self.open)
            case State.REMOVED | State.DONE:  # done and yet open: the downloader has it again
                if await self._leaving.clear(download, self._answering(download), self.open):
                    await self._book.note(download, {"cleared": True})
                    self._book.forget(download.id)
            case State.FAILED:
                return
            case _:
                assert download.state in ARRIVING
                await self._arriving.step(download, self._answering(download), self.open)

    def _answering(self, download: Download) -> Known:
        match self._known(download.asked.downloader):
            case Known() as known:
                return known
            case error:
                raise error


class _Bugs:
    """Which downloads a bug of ours keeps up: each is tried again later and later, and each bug is told once."""

    def __init__(self) -> None:
        self._met: dict[int, tuple[str, int, float]] = {}  # id -> the last bug, how often there was one, next try

    def rests(self, id: int, now: float) -> bool:
        """Whether it is too early to try it again; `now` is monotonic."""
        return id in self._met and now < self._met[id][2]

    def again(self, id: int, error: Exception, now: float) -> bool:
        """It has met this one; whether that is new."""
        before, count, _ = self._met.get(id, ("", 0, 0.0))
        self._met[id] = repr(error), count + 1, now + min(_BUG_FIRST * 2.0 ** min(count, 20), _BUG_MOST)
        return repr(error) != before

    def over(self, id: int) -> None:
        """It could be brought on."""
        self._met.pop(id, None)
