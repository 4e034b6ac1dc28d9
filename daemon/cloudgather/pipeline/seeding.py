"""Says whether a download has been seeded for long enough, and has it seeded on where its downloader forgot it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download, Event, Rules, seeding_left
from cloudgather.core.downloader import DownloadOrder, Item, Kind, Phase, SeedingGoal
from cloudgather.core.options import going_on
from cloudgather.core.torrent import read_torrent
from cloudgather.outside.threads import on_thread
from cloudgather.pipeline.downloading import MISSED_FOR, MISSED_POLLS, Book, Known, Polls
from cloudgather.pipeline.matching import mark
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.downloads import DownloadStore

logger = logging.getLogger(__name__)

_SHARED: Final = frozenset({Phase.SEEDING, Phase.COMPLETE})


class Seeding:
    """What is remembered here between two looks may be lost with the daemon."""

    def __init__(self, *, store: DownloadStore, book: Book, clock: Clock, rules: Callable[[], Rules]) -> None:
        self._store = store
        self._book = book
        self._clock = clock
        self._rules = rules
        self._missing = Polls(clock)
        self._given_back: set[int] = set()  # ids of those that were, and have not been listed since

    async def hold(self, download: Download, item: Item | None, known: Known) -> Reason | None:
        """Why its data has to stay: until its goal is reached, or it is stopped in the downloader or taken away there.

        Whatever else a downloader does with it is over some time, and says nothing of its goal: it checks what is
        there, its disk is away, it does not list yet all that it has. Raises CannotAsk.
        """
        goal = self._rules().goal
        if goal is None or goal.is_reached or download.infohash is None:
            return None
        downloader = download.asked.downloader
        if item is None:
            is_over = await self._is_missed(download, known, goal)
            return None if is_over else because(Code.HELD_DOWNLOAD_BUSY, downloader=downloader)
        self.forget(download)
        if item.phase not in _SHARED:
            return because(Code.HELD_DOWNLOAD_BUSY, downloader=downloader, state=str(item.phase))
        if (left := seeding_left(item, goal)) is None:
            return None
        return because(Code.HELD_DOWNLOAD_SEEDING, ratio=item.ratio, left=left.total_seconds())

    async def _is_missed(self, download: Download, known: Known, goal: SeedingGoal) -> bool:
        polls, seconds = self._missing.so_far(download.id, known)
        if polls >= MISSED_POLLS and download.id not in self._given_back:
            given = await self._give_back(download, known, goal)
            self._given_back.add(download.id)  # once: what is not listed then either is not to be had there
            if given:
                self._missing.forget(download.id)
                return False
        return polls >= MISSED_POLLS and seconds >= MISSED_FOR

    async def _give_back(self, download: Download, known: Known, goal: SeedingGoal) -> bool:
        """Hand it over once more, to be seeded for the time that is left, where the downloader forgets by itself.

        aria2 does so with its restart; the others forget what somebody takes away. Whether that was done.
        """
        spec = known.client.spec
        if spec.kind is not Kind.ARIA2 or download.foreign:
            return False
        torrent, left = await self._store.torrent(download.id), await self._left(download, goal)
        choice = await _choice(download, torrent)
        if choice is None or left <= timedelta(0):
            return False
        download = await self._book.note(download, {"tries": download.tries + 1})
        order = DownloadOrder(
            uri=download.asked.uri if torrent is None else None,
            torrent=torrent,
            folder=spec.theirs(download.folder),
            mark=mark(download),
            goal=replace(goal, time=left),
            options={**download.asked.options, **going_on(spec.kind), **choice},
        )
        try:
            await known.client.add(order)
        except DownloadRefused:
            return False
        known.poll_soon()
        logger.info("download %d: handed to %s again, to be seeded", download.id, spec.name)
        return True

    async def _left(self, download: Download, goal: SeedingGoal) -> timedelta:
        """Of the time that it is to be seeded, since it was complete."""
        history = await self._store.download_history(download.id)
        complete = next((each.at for each in history if each.event is Event.COMPLETE), download.created)
        return min(goal.time, goal.time - (self._clock.now() - complete))  # the wall clock may have jumped

    def forget(self, download: Download) -> None:
        """It is listed, or over."""
        self._missing.forget(download.id)
        self._given_back.discard(download.id)


async def _choice(download: Download, torrent: bytes | None) -> Mapping[str, str] | None:
    """The option of aria2 that names the files that were chosen; None where their numbers there are not known."""
    if download.wanted is None:
        return {}
    if torrent is None:
        return None
    files = (await on_thread(partial(read_torrent, torrent), "torrent")).files
    return {"select-file": ",".join(str(files[number - 1].index) for number in download.wanted)}
