"""An aria2, qBittorrent or Transmission."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from cgwire.reasons import Reason
from cloudgather.core.downloader import About, DownloaderSpec, DownloadOrder, ItemFile, Polled


class DownloadRefused(Exception):
    """A downloader will not do what it was told; `reason` is a downloader.* code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Downloader(Protocol):
    """A program that downloads and can be asked. Its ids and paths are its own; nothing here looks at a disk.

    All may raise CannotAsk with a downloader.* reason; whoever is refused once with a name and password does not show
    them again until they change. What is told to do something may raise DownloadRefused.
    """

    spec: DownloaderSpec

    async def about(self) -> About:
        """What it says of itself, over a connection and a login made anew."""
        ...

    async def poll(self) -> Polled:
        """What is another since the last poll that was answered, in one question; everything at the first."""
        ...

    async def listen(self, stirred: Callable[[], None]) -> None:
        """Call `stirred` as soon as anything may have become another since the last poll, until it cannot be heard.

        Of a program that says nothing by itself this never ends. Ends without an error, or raises CannotAsk.
        """
        ...

    async def files(self, id: str) -> Sequence[ItemFile]:
        """Its files as they are now; empty where they are not known yet, or the item is not there any more."""
        ...

    async def add(self, order: DownloadOrder) -> str | None:
        """Download it; its id, or None where only a later poll will show it (by the order's mark, by its infohash).

        Raises DownloadRefused also where the downloader has it already.
        """
        ...

    async def select(self, id: str, wanted: Collection[int]) -> None:
        """Download the files with these indexes and no others."""
        ...

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        """Have these further trackers for a public torrent whose files are known.

        No-op for a private one, and where the program has had them with the order or takes none.
        """
        ...

    async def pause(self, id: str) -> None:
        """Neither download nor seed it until resumed."""
        ...

    async def resume(self, id: str) -> None:
        """Go on with it."""
        ...

    async def remove(self, id: str, *, with_files: bool) -> None:
        """Forget it; no error where it is not there any more.

        `with_files`: and remove what it has written, where the program can (aria2 cannot, and ignores it).
        """
        ...

    async def close(self) -> None:
        """End the conversation."""
        ...
