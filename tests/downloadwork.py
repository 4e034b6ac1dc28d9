"""Downloads on request on a real store, with a downloader in memory, brought on by the test."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from cgwire.reasons import Reason
from cloudgather.core.download import ARRIVING, Asked, Download, Event, Rules, State
from cloudgather.core.downloader import DownloadOrder, Item, Phase
from cloudgather.core.items import Items
from cloudgather.core.mounts import is_below
from cloudgather.core.naming import destination
from cloudgather.core.task import Filter
from cloudgather.core.transfer import Version
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.arriving import Arriving
from cloudgather.pipeline.board import TaskState
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.downloads import Downloads
from cloudgather.pipeline.handing import Handing
from cloudgather.pipeline.leaving import Leaving, task_of
from cloudgather.pipeline.returning import Returning
from cloudgather.pipeline.seeding import Seeding
from cloudgather.pipeline.sparing import Sparing
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.downloads import NewDownload
from cloudgather.ports.queue import LedgerEntry, Origin
from cloudgather.ports.source import Access, Look, Source
from cloudgather.ports.uploads import CannotAsk
from fakes.downloader import FakeDownloader, an_item
from pipework import Works, a_task, working

HASH = "a" * 40


class ToldDownloader(FakeDownloader):
    """Remembers each order that changes something."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Any]] = []
        self.orders: list[DownloadOrder] = []
        self.takes = False  # what it is given it has from then on
        self.refusal: DownloadRefused | None = None  # of whatever it is given

    async def add(self, order: DownloadOrder) -> str | None:
        self.told.append(("add", order.folder))
        self.orders.append(order)
        if self.refusal is not None:
            raise self.refusal
        if self.takes:
            self.put(an_item(order.mark, final=order.folder, current=order.folder, phase=Phase.DOWNLOADING))
        return None

    async def select(self, id: str, wanted: Collection[int]) -> None:
        self.told.append(("select", (id, frozenset(wanted))))

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        self.told.append(("announce", (id, trackers)))

    async def pause(self, id: str) -> None:
        self.told.append(("pause", id))

    async def resume(self, id: str) -> None:
        self.told.append(("resume", id))

    async def remove(self, id: str, *, with_files: bool) -> None:
        self.told.append(("remove", id))
        del self.items[id]


class _AllThere:
    """A source in which whatever is looked at is a file of 100 bytes."""

    def __init__(self, stage: "Stage", root: bytes) -> None:
        self._stage = stage
        self._root = root

    async def look_all(self, paths: Sequence[bytes]) -> list[Look]:
        for hung in self._stage.hung:
            if any(is_below(os.path.join(self._root, path), hung) for path in paths):
                self._stage.hung_at.add(hung)
                await asyncio.get_running_loop().create_future()
        version = Version(size=100, mtime_ns=0, device=1, inode=1)
        look = Look(
            path=b"", version=version, ctime_ns=0, links=1, access=Access.FREE, unknown_why=None, control_file=None
        )
        return [look._replace(path=path) for path in paths]


class Stage:
    """Downloads on a real store, stepped by the test; `removed`: folders whose data went."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.store: Any = works.store
        self.client = ToldDownloader()
        self.removed: list[bytes] = []
        self.heard = 0.0
        self.downloads: Downloads | None = None
        self.book = Book(store=self.store, bus=works.bus, clock=works.clock)

        self.rules = Rules()
        self.listed: Sequence[str] = ()  # in the file of trackers
        self.free = 1 << 50  # bytes, on every disk
        self.free_fails = False  # the disk does not answer
        self.removal_fails: OSError | None = None  # of each folder
        self.removals_refused = 0
        self.needed_elsewhere: Reason | None = None  # by another downloader
        self.hung: set[bytes] = set()  # folders that answer nothing
        self.hung_at: set[bytes] = set()  # of them, those that were asked

        async def free(folder: bytes) -> int:
            if self.free_fails:
                raise TimeoutError
            return self.free

        async def listed(file: bytes) -> Sequence[str]:
            return self.listed

        async def remove_tree(folder: bytes) -> None:
            if folder in self.hung:
                self.hung_at.add(folder)
                await asyncio.get_running_loop().create_future()
            if self.removal_fails is not None:
                self.removals_refused += 1
                raise self.removal_fails
            self.removed.append(folder)

        async def tasks_changed() -> None: ...

        admission = Admission(book=self.book, clock=works.clock, rules=lambda: self.rules, free=free)
        self.arriving = Arriving(
            book=self.book,
            clock=works.clock,
            rules=lambda: self.rules,
            source_at=lambda root: cast(Source, _AllThere(self, root)),
            admission=admission,
            handing=Handing(
                store=self.store,
                book=self.book,
                clock=works.clock,
                rules=lambda: self.rules,
                admission=admission,
                listed=listed,
            ),
        )
        self.leaving = Leaving(
            store=self.store,
            book=self.book,
            board=works.board,
            scanner=works.scanner,
            clock=works.clock,
            rules=lambda: self.rules,
            seeding=Seeding(store=self.store, book=self.book, clock=works.clock, rules=lambda: self.rules),
            sparing=Sparing(
                store=self.store,
                board=works.board,
                source_at=works.world.source_at,
                needed_elsewhere=lambda folder, but: self.needed_elsewhere,
            ),
            tasks_changed=tasks_changed,
            remove_tree=remove_tree,
        )

    async def add(
        self, *, infohash: str | None = HASH, size: int | None = None, private: bool | None = None, **asked: Any
    ) -> Download:
        wanted, torrent = asked.pop("wanted", None), asked.pop("torrent", None)
        facts: dict[str, Any] = {"uri": None, "downloader": "qb", "task": None, "target": "cloud", "base": b"films"}
        facts |= {"choose": False, "reuse": True, "options": {}, "max_size": None, "max_active": None}
        new = NewDownload(
            asked=Asked(**{**facts, "uid": 1, "user": "somebody", **asked}),
            infohash=infohash,
            name=b"film",
            parent=b"/downloads",
            wanted=wanted,
            size=size,
            paused=False,
            torrent=torrent,
            private=private,
        )
        return await (self.book if self.downloads is None else self.downloads).add(new)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[Downloads]:
        """All of them brought on as the daemon does it, from one look to the next by the test's clock."""

        def known(name: str) -> Known | CannotAsk:
            return replace(self.known(), heard=self.works.clock.monotonic())

        downloads = Downloads(
            store=self.store,
            book=self.book,
            arriving=self.arriving,
            leaving=self.leaving,
            returning=Returning(store=self.store, book=self.book, downloaders=lambda: ["qb"], known=known),
            clock=self.works.clock,
            known=known,
        )
        self.downloads = downloads
        running = asyncio.create_task(downloads.run())
        try:
            yield downloads
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.wait({running})

    async def now(self, download: Download) -> Download:
        found: Download = await self.store.download(download.id)
        return found

    def known(self) -> Known:
        self.heard += 1
        return Known(
            client=self.client,
            items=Items(self.client.items.values()),
            heard=self.heard,
            steady=frozenset(self.client.items),
            poll_soon=lambda: None,
        )

    async def step(self, download: Download, *, times: int = 1) -> Download:
        """As many polls, and a step of the arriving download after each."""
        for _ in range(times):
            current = await self.now(download)
            if current.state in ARRIVING:
                await self.arriving.step(current, self.known(), await self.store.open_downloads())
        return await self.now(download)

    async def uploading(self, files: Sequence[tuple[bytes, int]]) -> Download:
        """One whose files are complete and handed to the queue."""
        download = await self.add()
        changes = {"files": tuple(files)}
        now = self.works.clock.now()
        await self.store.move_download(download.id, State.QUEUED, Event.COMPLETE, changes=changes, now=now)
        return await self.book.move(await self.now(download), Event.UPLOAD, None, {})

    def board(self, download: Download, wanted: Filter) -> None:
        """Put its task on the board, as a configured one with this filter would."""
        state = next(iter(self.works.board.tasks.values()))
        task = task_of(download, a_task(base=b"films", filter=wanted))
        source = self.works.world.source_at(download.folder)
        self.works.board.tasks[download.task_name] = TaskState(
            task=task, memory=state.memory, source=source, zone=state.zone
        )

    async def stored(self, download: Download) -> None:
        """Its files are in its folder and, as the target has proven, there."""
        source, entries = self.works.world.source_at(download.folder), []
        for path, size in download.files:
            source.write(path, b"f" * size, age=3600)
            entries.append(
                LedgerEntry(
                    task=download.task_name,
                    path=path,
                    size=size,
                    mtime_ns=source.files[path].mtime_ns,
                    origin=Origin.SENT,
                    target="cloud",
                    destination=destination(b"films", path),
                    target_size=size,
                    digest=None,
                    transfer=None,
                    strength="stored",
                    at=self.works.clock.now(),
                )
            )
        await self.works.store.asked(lambda store: store.adopt(entries))


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    async with working(folder) as works:
        yield Stage(works)


def theirs(**changes: Any) -> Item:
    """What somebody else has given the downloader."""
    return an_item("theirs", **{"infohashes": frozenset({HASH}), **changes})


def code(download: Download) -> str | None:
    return download.reason.code if download.reason is not None else None
