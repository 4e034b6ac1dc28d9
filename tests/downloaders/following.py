"""A client of a real downloader, polled until what it tells of a torrent is what a test waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cloudgather.app.downloaders import make_downloader
from cloudgather.core.downloader import DownloaderSpec, Item
from cloudgather.ports.downloader import Downloader
from downloaders.program import Program
from downloaders.seeder import Seeder, Torrent

T = TypeVar("T")
_WITHIN = 60.0


def with_client(spec: DownloaderSpec, work: Callable[[Downloader], Awaitable[T]]) -> T:
    """`work` with a client of its own, which is closed after it."""

    async def run() -> T:
        client = make_downloader(spec)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(run())


class Followed:
    """What a client's polls have shown so far."""

    def __init__(self, client: Downloader, *, seeder: Seeder, program: Program) -> None:
        self._client = client
        self._seeder = seeder
        self._program = program
        self.items: dict[str, Item] = {}

    async def poll(self) -> None:
        """One poll more."""
        polled = await self._client.poll()
        self.items.update(polled.changed)
        for id in polled.gone:
            del self.items[id]

    def item(self, torrent: Torrent) -> Item | None:
        """The torrent's."""
        found = [item for item in self.items.values() if torrent.infohash in item.infohashes]
        return found[-1] if found else None

    async def until(self, torrent: Torrent, condition: Callable[[Item | None], bool]) -> Item | None:
        """Poll until the item is so, while the seeder offers what it has of it."""
        end = asyncio.get_running_loop().time() + _WITHIN
        while not condition(self.item(torrent)):
            assert asyncio.get_running_loop().time() < end, f"it stays {self.item(torrent)}"
            await asyncio.sleep(0.05)
            self._seeder.connect(torrent, self._program.peers)
            await self.poll()
        return self.item(torrent)
