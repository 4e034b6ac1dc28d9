"""Follows every download on request from step to step, and brings each on."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.download import ARRIVING, Download, Event, State
from cloudgather.core.downloader import Item
from cloudgather.core.task import Task
from cloudgather.pipeline.arriving import Arriving
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.leaving import Leaving, task_of, uploads
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.downloads import DownloadStore, NewDownload, PastDownloadMove
from cloudgather.ports.queue import Overtaken, StoreUnavailable
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)

_EVERY: Final = 1.0  # seconds between two looks, where nobody asks for one
_REST: Final = 30.0


class Downloads:
    """Whatever is remembered here is found again after a crash: the store and the downloaders have it."""

    def __init__(
        self,
        *,
        store: DownloadStore,
        book: Book,
        arriving: Arriving,
        leaving: Leaving,
        clock: Clock,
        known: Callable[[str], Known | CannotAsk],
        every: float = _EVERY,
    ) -> None:
        """`known`: what a downloader has said so far, or why it cannot be asked."""
        self._store = store
        self._book = book
        self._arriving = arriving
        self._leaving = leaving
        self._clock = clock
        self._known = known
        self._every = every
        self._wake = asyncio.Event()
        self.open: Sequence[Download] = ()

    def wake(self) -> None:
        """Something has happened that may bring one on."""
        self._wake.set()

    def tasks(self, configured: Mapping[str, Task]) -> dict[str, Task]:
        """The tasks of those that are being uploaded, by name; their settings are those of the configured ones."""
        return {
            each.task_name: task_of(each, configured.get(each.asked.task) if each.asked.task else None)
            for each in self.open
            if uploads(each)
        }

    # ---- what may be asked and ordered -------------------------------------------------------------------------------

    async def add(self, new: NewDownload) -> Download:
        """Record it; it is followed from then on."""
        download = await self._store.add_download(new, now=self._clock.now())
        self._book.tell(download)
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
            await self._leaving.let_go()  # nothing more of it is uploaded
        self.wake()

    def known(self, downloader: str) -> Known | CannotAsk:
        """What a downloader has said so far, or why it cannot be asked."""
        return self._known(downloader)

    def hold_of(self, download: Download) -> Reason | None:
        """What it waits for."""
        return self._book.hold_of(download.id)

    def shown(self, download: Download) -> Item | None:
        """What its downloader said of it last."""
        return self._book.shown(download.id)

    # ---- bringing them on --------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Read anew which there are."""
        self.open = await self._store.open_downloads()

    async def run(self) -> None:
        """Bring each on, until cancelled."""
        refused = ""  # what the store said last, and the log
        while True:
            self._wake.clear()
            before = self._book.moved
            try:
                await self.look()
                for download in self.open:
                    await self._step(download)
                refused = ""
            except StoreUnavailable as error:
                if str(error) != refused:
                    logger.warning("downloads wait: %s", error)
                refused = str(error)
            if self._book.moved != before:
                continue  # the next step of it may be due
            waiting = any(each.state is not State.FAILED for each in self.open)
            span = self._every if waiting else _REST
            await wait_for_either(self._wake.wait(), self._clock.sleep(span))

    async def _step(self, download: Download) -> None:
        """Whatever goes wrong with one keeps up no other."""
        try:
            await self._bring_on(download)
        except CannotAsk as error:
            self._book.hold(download.id, error.reason)
        except DownloadRefused as refused:
            self._book.hold(download.id, refused.reason)
        except Overtaken:
            self.wake()  # an order has moved it meanwhile
        except StoreUnavailable:
            raise
        except Exception:
            about = {"DOWNLOAD": download.id}
            logger.exception("download %d cannot be brought on: a bug of ours", download.id, extra=about)

    async def _bring_on(self, download: Download) -> None:
        self._book.release(download.id)
        match download.state:
            case State.DOWNLOADED:
                await self._leaving.begin(download)
            case State.UPLOADING:
                await self._leaving.follow(download)
            case State.SEEDING:
                await self._leaving.seed(download, self._answering(download), self.open)
            case State.REMOVED:
                if await self._leaving.clear(download, self._answering(download), self.open):
                    await self._book.note(download, {"cleared": True})
                    self._book.forget(download.id)
            case State.FAILED | State.DONE:
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
