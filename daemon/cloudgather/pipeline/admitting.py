"""Whether a download may begin, and whether it may go on: its owner's turn, and room on its disk."""

import os
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import ARRIVING, Download, Rules, State
from cloudgather.core.downloader import Item
from cloudgather.pipeline.downloading import Book
from cloudgather.ports.clock import Clock

_LOOK_EVERY: Final = 5.0  # seconds, at the disk of one that is under way
_BEFORE_ANY_BYTE: Final = frozenset({State.METADATA, State.CHOOSING})
_MORE_TO_GO_ON: Final = 8  # what was paused goes on when an eighth more than `min_free` is free


class Admission:
    """Several may ask at once: two never take the same room, nor the same turn."""

    def __init__(
        self, *, book: Book, clock: Clock, rules: Callable[[], Rules], free: Callable[[bytes], Awaitable[int]]
    ) -> None:
        """`free`: bytes that are free on the disk of a folder; raises OSError."""
        self._book = book
        self._clock = clock
        self._rules = rules
        self._free = free
        self._admitted: set[int] = set()
        self._seen: dict[bytes, tuple[float, int | Reason]] = {}  # folder -> when it was looked at (monotonic), free

    async def enter(self, download: Download, others: Collection[Download]) -> Reason | None:
        """What one that is to begin waits for; None: it may, and its room counts as taken until it leaves."""
        free = await self._free_for(download)
        # Nothing is waited for from here: whoever asks meanwhile finds it admitted.
        if hold := self._no_turn(download, others) or self._no_room(download, others, free):
            return hold
        self._admitted.add(download.id)
        return None

    def leave(self, id: int) -> None:
        """It has begun, or will not."""
        self._admitted.discard(id)

    async def begin(self, download: Download, needed: int, others: Collection[Download]) -> Reason | None:
        """What one waits for that its downloader has, and that has `needed` bytes to write; None: it may begin."""
        free = await self._free_for(download)
        # Nothing is waited for from here: see `enter`.
        if isinstance(free, Reason):
            return free
        if free - self._taken(download, others, free) - needed < self._rules().min_free:
            return self._no_space(os.path.dirname(download.folder), free, needed)
        self._admitted.add(download.id)
        return None

    async def short(self, download: Download, item: Item, others: Collection[Download]) -> Reason | None:
        """Why one that is under way must rest: less is left on its disk than must be.

        Of what it has yet to write nothing is said here: a program may have taken the room for that already. What
        rests goes on when those that do not, and those that were asked for before it, leave it room.
        """
        folder, least = os.path.dirname(download.folder), self._rules().min_free
        at, free = self._seen.get(folder, (0.0, 0))
        if folder not in self._seen or self._clock.monotonic() - at >= _LOOK_EVERY:
            free = await self._free_for(download)
            self._seen[folder] = self._clock.monotonic(), free
        if isinstance(free, Reason):
            return free if download.short else None
        taken = self._taken(download, others, free) if download.short else 0
        if free - taken >= (least + least // _MORE_TO_GO_ON if download.short else least):
            return None
        return self._no_space(folder, free, item.size - item.done)

    def _has_begun(self, other: Download) -> bool:
        return other.state in ARRIVING and (other.handed or other.id in self._admitted)

    def _no_turn(self, download: Download, others: Collection[Download]) -> Reason | None:
        """Its owner has as many downloading as are allowed."""
        most, mine = download.asked.max_active, [each for each in others if each.asked.uid == download.asked.uid]
        active = [other for other in mine if other.id != download.id and self._has_begun(other)]
        if most is None or len(active) < most:
            return None
        return because(Code.HELD_DOWNLOAD_ACTIVE, active=len(active), limit=most)

    async def _free_for(self, download: Download) -> int | Reason:
        """Bytes that are free on its disk, or why that is not known."""
        folder = os.path.dirname(download.folder)
        try:
            return await self._free(folder)
        except OSError as error:
            return because(Code.HELD_DOWNLOAD_FOLDER, folder=folder, message=error.strerror or "no answer")

    def _no_room(self, download: Download, others: Collection[Download], free: int | Reason) -> Reason | None:
        """What it would leave on its disk, with what the others there have yet to write."""
        if isinstance(free, Reason):
            return free
        needed = self._taken(download, others, free) + (download.size or 0)
        if free - needed >= self._rules().min_free:
            return None
        return self._no_space(os.path.dirname(download.folder), free, needed)

    def _taken(self, download: Download, others: Collection[Download], free: int) -> int:
        """Bytes that the others on its disk have yet to write, as far as they go before it."""
        folder, least, taken = os.path.dirname(download.folder), self._rules().min_free, 0
        for other in sorted(others, key=lambda other: (other.short, other.id)):
            if other.id == download.id or os.path.dirname(other.folder) != folder or not self._writes(other):
                continue
            item = self._book.shown(other.id)
            size = max(other.size or 0, item.size if item is not None and other.size is None else 0)
            left = max(0, size - (item.done if item is not None else 0))
            # Of those that rest the first goes on: else all would, and none of them come to its end.
            if not other.short or (other.id < download.id and free - taken >= least + least // _MORE_TO_GO_ON):
                taken += left
        return taken

    def _writes(self, other: Download) -> bool:
        """Whether it has begun to write, or may."""
        waits = other.state in _BEFORE_ANY_BYTE and not other.short and other.id not in self._admitted
        return self._has_begun(other) and not waits

    def _no_space(self, folder: bytes, free: int, needed: int) -> Reason:
        least = self._rules().min_free
        return because(Code.HELD_DOWNLOAD_SPACE, folder=folder, free=free, needed=needed, min_free=least)
