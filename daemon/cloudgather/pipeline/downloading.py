"""What the steps of a download have in common: what is known of a downloader, and the book that records moves."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.download import MOVES, Download, Event, State
from cloudgather.core.downloader import Item
from cloudgather.core.items import Items
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.journal import Journal
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader
from cloudgather.ports.downloads import DownloadStore, NewDownload

MISSED_POLLS: Final = 3  # so often it must be missing before it counts as forgotten
MISSED_FOR: Final = 60.0  # and for so many seconds before it counts as taken away


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a downloader that answers has said so far."""

    client: Downloader
    items: Items
    heard: float  # monotonic: its last answer
    steady: Collection[str]  # ids of items that two polls in a row have shown complete
    poll_soon: Callable[[], None]  # it was told something: what has come of it is seen before the next poll is due


class Polls:
    """Since when something has been so with a download, and how many polls of its downloader there have been since.

    A downloader that was started anew does not list at once all that it has.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[int, tuple[float, float, int]] = {}  # id -> since when (monotonic), the last poll, polls

    def __contains__(self, id: int) -> bool:
        return id in self._since

    def begin(self, id: int, known: Known) -> None:
        """It has been so since the last poll."""
        self._since[id] = self._clock.monotonic(), known.heard, 0

    def so_far(self, id: int, known: Known) -> tuple[int, float]:
        """It is still so, or is now: polls and seconds since it began."""
        if id not in self._since:
            self.begin(id, known)
        since, last, count = self._since[id]
        self._since[id] = since, known.heard, (count := count + (known.heard != last))
        return count, self._clock.monotonic() - since

    def forget(self, id: int) -> None:
        """It is not so any more."""
        self._since.pop(id, None)


class Book:
    """Records moves of downloads and tells listeners; remembers, for those who ask, what each waits for.

    Nobody else writes downloads to the store, so that `open`, by id those for which something is left to be done, is
    what the store has, once it was read.
    """

    def __init__(self, *, store: DownloadStore, bus: Bus, clock: Clock) -> None:
        self.open: dict[int, Download] = {}
        self._store = store
        self._bus = bus
        self._clock = clock
        self._journal = Journal()
        self._recorded: set[int] = set()  # ids of what was recorded while the store was being read
        self._holds: dict[int, Reason] = {}
        self._renewed: set[int] = set()  # ids of those that were held since their step began
        self._items: dict[int, Item] = {}

    async def read(self) -> None:
        """Read anew which there are. Raises StoreUnavailable."""
        self._recorded.clear()
        found = {each.id: each for each in await self._store.open_downloads()}
        for id in self._recorded:
            found.pop(id, None)
            if (known := self.open.get(id)) is not None:
                found[id] = known
        self.open.clear()
        self.open.update(sorted(found.items()))

    async def add(self, new: NewDownload) -> Download:
        """Record another one."""
        download = await self._store.add_download(new, now=self._clock.now())
        self._take(download)
        self.tell(download)
        return download

    def moves(self, download: Download) -> Mapping[Event, object]:
        """What may happen to it now."""
        return MOVES[download.state]

    async def move(
        self, download: Download, event: Event, reason: Reason | None, changes: Mapping[str, Any]
    ) -> Download:
        """Move it; raises Overtaken."""
        now = self._clock.now()
        if MOVES[download.state].get(event) is State.QUEUED:
            changes = {**changes, "handed": False, "short": False}  # it waits for its turn and for room as others do
            self._items.pop(download.id, None)
        moved = await self._store.move_download(
            download.id, download.state, event, reason=reason, changes=changes, now=now
        )
        self._take(moved)
        self._holds.pop(download.id, None)
        self._journal.download(moved)
        self.tell(moved)
        return moved

    async def note(self, download: Download, changes: Mapping[str, Any]) -> Download:
        """Change what is known of it; raises Overtaken."""
        noted = await self._store.note_download(download.id, download.state, changes, now=self._clock.now())
        self._take(noted)
        return noted

    def _take(self, download: Download) -> None:
        self._recorded.add(download.id)
        if download.cleared:
            self.open.pop(download.id, None)
        else:
            self.open[download.id] = download

    def tell(self, download: Download) -> None:
        """Listeners hear that something has happened to it; what, they ask, who may see it."""
        self._bus.publish({"kind": "download", "id": download.id, "state": str(download.state)})

    def hold(self, id: int, reason: Reason) -> None:
        """It waits for this."""
        self._holds[id] = reason
        self._renewed.add(id)

    @contextmanager
    def stepping(self, id: int) -> Iterator[None]:
        """A step of it: what it waited for before holds until the end, and no longer unless it is held anew."""
        self._renewed.discard(id)
        yield
        if id not in self._renewed:
            self._holds.pop(id, None)

    def hold_of(self, id: int) -> Reason | None:
        """What it waits for."""
        return self._holds.get(id)

    def show(self, id: int, item: Item) -> None:
        """What its downloader says of it now."""
        self._items[id] = item

    def shown(self, id: int) -> Item | None:
        """What its downloader said of it last."""
        return self._items.get(id)

    def forget(self, id: int) -> None:
        """Nothing is left to be done for it."""
        self._holds.pop(id, None)
        self._renewed.discard(id)
        self._items.pop(id, None)
