"""What the steps of a download have in common: what is known of a downloader, and the book that records moves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cgwire.reasons import Reason
from cloudgather.core.download import MOVES, Download, Event
from cloudgather.core.downloader import Item
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.journal import Journal
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader
from cloudgather.ports.downloads import DownloadStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a downloader that answers has said so far."""

    client: Downloader
    items: Mapping[str, Item]
    heard: float  # monotonic: its last answer
    steady: Collection[str]  # ids of items that two polls in a row have shown complete


class Book:
    """Records moves of downloads and tells listeners; remembers, for those who ask, what each waits for."""

    def __init__(self, *, store: DownloadStore, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._journal = Journal()
        self.moved = 0  # so many changes were recorded
        self._holds: dict[int, Reason] = {}
        self._items: dict[int, Item] = {}

    def moves(self, download: Download) -> Mapping[Event, object]:
        """What may happen to it now."""
        return MOVES[download.state]

    async def move(
        self, download: Download, event: Event, reason: Reason | None, changes: Mapping[str, Any]
    ) -> Download:
        """Move it; raises Overtaken."""
        now = self._clock.now()
        moved = await self._store.move_download(
            download.id, download.state, event, reason=reason, changes=changes, now=now
        )
        self.moved += 1
        self._holds.pop(download.id, None)
        self._journal.download(moved)
        self.tell(moved)
        return moved

    async def note(self, download: Download, changes: Mapping[str, Any]) -> Download:
        """Change what is known of it; raises Overtaken."""
        self.moved += 1
        return await self._store.note_download(download.id, download.state, changes, now=self._clock.now())

    def tell(self, download: Download) -> None:
        """Listeners hear that something has happened to it; what, they ask, who may see it."""
        self._bus.publish({"kind": "download", "id": download.id, "state": str(download.state)})

    def hold(self, id: int, reason: Reason) -> None:
        """It waits for this."""
        self._holds[id] = reason

    def release(self, id: int) -> None:
        """It waits for nothing, as far as is known."""
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
        self._items.pop(id, None)
