"""Finds what downloaders have again of downloads whose data was removed, and has it removed once more.

A downloader that is killed may begin anew with what it had written down some time before: aria2 saves its session once
a minute at best, and would download again, into a folder of ours, what nobody follows any more.
"""

import logging
import os
from collections.abc import Callable, Collection, Mapping

from cloudgather.core.download import Download, State
from cloudgather.core.downloader import Item, Kind
from cloudgather.core.mounts import is_below
from cloudgather.core.naming import download_of_folder
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.matching import is_marked, is_ours
from cloudgather.ports.downloads import DownloadStore
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)


class Returning:
    """Looks at each item of a downloader once, as it appears."""

    def __init__(
        self,
        *,
        store: DownloadStore,
        book: Book,
        downloaders: Callable[[], Collection[str]],
        known: Callable[[str], Known | CannotAsk],
    ) -> None:
        self._store = store
        self._book = book
        self._downloaders = downloaders
        self._known = known
        self._seen: dict[str, Collection[str]] = {}  # by downloader: ids of its items

    async def look(self) -> None:
        """Open those again that have come back; where the store cannot be read, later. Raises as Book.note."""
        names = self._downloaders()
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        for name in names:
            if isinstance(known := self._known(name), Known):
                await self._look_at(name, known, dict(known.items))

    async def _look_at(self, name: str, known: Known, items: Mapping[str, Item]) -> None:
        before, again = self._seen.get(name, ()), set[str]()
        for id in items.keys() - before:
            folder = known.client.spec.ours(items[id].final)
            try:
                download = await self._of(folder)
            except StoreUnavailable:  # perhaps it is only this row that cannot be read
                again.add(id)
                continue
            if download is not None and self._has_ended(download, known, folder, items[id]):
                logger.info("download %d: %s has it again, and it is removed again", download.id, name)
                await self._book.note(download, {"cleared": False})
        self._seen[name] = items.keys() - again

    async def _of(self, folder: bytes) -> Download | None:
        made = download_of_folder(os.path.basename(folder))
        return await self._store.download(made[1]) if made is not None else None

    def _has_ended(self, download: Download, known: Known, folder: bytes, item: Item) -> bool:
        """Whether its data was removed, and it is this that has come back: nobody has put there what is his since."""
        spec = known.client.spec
        removed = download.clearing and download.cleared and download.state in (State.DONE, State.REMOVED)
        # aria2 gives what it takes up again another id. Who puts kept files back into a downloader leaves no mark.
        unmarked = spec.kind is Kind.ARIA2 and not download.keep_files and is_ours(download, item)
        back = removed and not download.foreign and (is_marked(download, item) or unmarked)
        ours = (download.folder, download.asked.downloader) == (folder, spec.name)
        shared = any(is_below(other.folder, folder) for other in self._book.open.values())
        return back and ours and not shared
