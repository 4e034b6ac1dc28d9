"""A downloader in memory that does what a test says."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.downloader import About, DownloaderSpec, DownloadOrder, Item, ItemFile, Kind, Phase, Polled
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk


def an_item(id: str = "1", **changes: Any) -> Item:
    """A torrent of one file in /downloads, half of which is there."""
    given: dict[str, Any] = {"name": f"{id}.mkv", "top": f"{id}.mkv".encode(), "size": 100, "done": 50, **changes}
    return Item(**{"id": id, "phase": Phase.STALLED, "final": b"/downloads", "current": b"/downloads", **given})


def complete(item: Item, **changes: Any) -> Item:
    """The same with everything there."""
    return replace(item, **{"phase": Phase.SEEDING, "done": item.size, **changes})


class FakeDownloader:
    """ports.downloader.Downloader; `down` makes it unreachable.

    `slow` has answers to polls wait until it is set, `slow_files` those on the files of an item.
    """

    def __init__(self, name: str = "qb", **changes: Any) -> None:
        self.spec = DownloaderSpec(name=name, kind=Kind.QBITTORRENT, url="http://qb", **changes)
        self.down = False
        self.refuses_files = 0  # so many questions for them to come
        self.slow: asyncio.Event | None = None
        self.slow_files: dict[str, asyncio.Event] = {}
        self.polls = 0
        self.listens = 0
        self.tells = False  # by itself that something has happened
        self.stirred: Callable[[], None] | None = None  # whoever listens
        self._over = asyncio.Event()
        self.items: dict[str, Item] = {}
        self.content: dict[str, Sequence[ItemFile]] = {}
        self._told: dict[str, Item] = {}

    def put(self, item: Item, files: Sequence[ItemFile] | None = None) -> None:
        """It has this item now, of one file unless `files` are given."""
        self.items[item.id] = item
        one = ItemFile(index=0, path=item.top or b"", size=item.size, done=item.done, wanted=True)
        self.content[item.id] = files if files is not None else [one]

    def _ask(self) -> None:
        if self.down:
            raise CannotAsk(because(Code.DOWNLOADER_UNREACHABLE, downloader=self.spec.name, url=self.spec.url))

    async def about(self) -> About:
        self._ask()
        return About(program="1", api="1", folder=b"/downloads")

    async def poll(self) -> Polled:
        self.polls += 1
        self._ask()
        changed = {id: item for id, item in self.items.items() if self._told.get(id) != item}
        gone = frozenset(self._told.keys() - self.items.keys())
        self._told = dict(self.items)
        if self.slow is not None:
            await self.slow.wait()
        return Polled(changed=changed, gone=gone)

    async def listen(self, stirred: Callable[[], None]) -> None:
        self.listens += 1
        if not self.tells:
            await asyncio.get_running_loop().create_future()
        if self.down:
            raise CannotAsk(because(Code.DOWNLOADER_UNREACHABLE, downloader=self.spec.name, url=self.spec.url))
        self.stirred, self._over = stirred, asyncio.Event()
        stirred()
        await self._over.wait()
        self.stirred = None

    def hang_up(self) -> None:
        """It ends the conversation with whoever listens."""
        self._over.set()

    async def files(self, id: str) -> Sequence[ItemFile]:
        self._ask()
        if self.refuses_files:
            self.refuses_files -= 1
            raise CannotAsk(because(Code.DOWNLOADER_FOREIGN, downloader=self.spec.name, url=self.spec.url))
        if id in self.slow_files:
            await self.slow_files[id].wait()
        return self.content.get(id, ())

    async def add(self, order: DownloadOrder) -> str | None:
        raise DownloadRefused(because(Code.DOWNLOADER_READ_ONLY))

    async def select(self, id: str, wanted: Collection[int]) -> None: ...
    async def announce(self, id: str, trackers: Sequence[str]) -> None: ...
    async def pause(self, id: str) -> None: ...
    async def resume(self, id: str) -> None: ...
    async def remove(self, id: str, *, with_files: bool) -> None: ...
    async def close(self) -> None: ...
