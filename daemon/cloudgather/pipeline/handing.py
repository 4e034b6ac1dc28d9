"""Hands downloads to downloaders that do not have them, or finds what they have of them already."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download, Event, Rules, State
from cloudgather.core.downloader import DownloadOrder, Item, Phase
from cloudgather.core.options import going_on
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.downloading import MISSED_FOR, MISSED_POLLS, Book, Known, Polls
from cloudgather.pipeline.journal import english
from cloudgather.pipeline.matching import WRONG, facts, has, mark, not_chosen_there, same_torrent, stops_for_choice
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader, DownloadRefused
from cloudgather.ports.downloads import DownloadStore

logger = logging.getLogger(__name__)


class Handing:
    """What is remembered here between two steps may be lost with the daemon."""

    def __init__(
        self,
        *,
        store: DownloadStore,
        book: Book,
        clock: Clock,
        rules: Callable[[], Rules],
        admission: Admission,
        listed: Callable[[bytes], Awaitable[Sequence[str]]],
    ) -> None:
        """`listed`: the trackers in a file."""
        self._store = store
        self._book = book
        self._rules = rules
        self._admission = admission
        self._listed = listed
        self._announced: dict[int, Sequence[str]] = {}  # id -> the further trackers that were told last
        self._missing = Polls(clock)
        self._handed = Polls(clock)  # polls since then
        self._refused: dict[int, Reason] = {}  # id -> the downloader's answer, of torrents that it may have by now
        self._afresh: set[int] = set()  # ids of those of which nothing can be gone on with

    def found(self, download: Download) -> bool:
        """The downloader has it; whether what it has may be of an earlier try."""
        self._missing.forget(download.id)
        self._refused.pop(download.id, None)
        return download.state is State.QUEUED and download.id not in self._handed

    async def clear(self, download: Download, known: Known, item: Item) -> None:
        """Remove what failed before it was tried again."""
        await known.client.remove(item.id, with_files=False)
        if not item.resumable:
            self._afresh.add(download.id)

    async def step(self, download: Download, known: Known, others: Collection[Download]) -> None:
        """Do what is next for one that its downloader does not have. Raises CannotAsk."""
        await (self._gone(download, known) if download.foreign else self._absent(download, known, others))

    async def _gone(self, download: Download, known: Known) -> None:
        """Whoever gave it to the downloader has taken it away; it is not ours to bring back."""
        polls, seconds = self._missing.so_far(download.id, known)
        if polls >= MISSED_POLLS and seconds >= MISSED_FOR:
            reason = because(Code.DOWNLOAD_FOREIGN_GONE, downloader=download.asked.downloader)
            await self._book.move(download, Event.FAIL, reason, {})

    async def _absent(self, download: Download, known: Known, others: Collection[Download]) -> None:
        if download.state is not State.QUEUED:
            if self._missing.so_far(download.id, known)[0] >= MISSED_POLLS:
                await self._book.move(download, Event.LOSE, because(Code.DOWNLOAD_LOST), {})
            return
        if (refusal := self._refused.get(download.id)) is not None and (there := same_torrent(download, known)):
            self._refused.pop(download.id)
            await self._reuse(download, known, there, others)
            return
        if download.id in self._handed and self._handed.so_far(download.id, known)[0] < MISSED_POLLS:
            return  # the polls have yet to show it
        if refusal is not None:
            await self._book.move(download, Event.FAIL, refusal, {})
            return
        if download.paused:
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_PAUSED))
            return
        if there := same_torrent(download, known):
            await self._reuse(download, known, there, others)
            return
        if (hold := await self._admission.enter(download, others)) is not None:
            self._book.hold(download.id, hold)
            return
        try:
            await self._hand_over(download, known)
        finally:
            self._admission.leave(download.id)  # what was handed over is counted by that

    async def is_there(self, download: Download, known: Known, item: Item, others: Collection[Download]) -> bool:
        """Whether its downloader has the torrent from elsewhere, and gave up what it was handed for that (aria2)."""
        if download.foreign or item.phase not in WRONG or download.state is not State.QUEUED:
            return False
        there = same_torrent(download, known)
        if there is None or there.phase in WRONG or has(download, there, known):
            return False
        await known.client.remove(item.id, with_files=False)
        await self._reuse(download, known, there, others)
        return True

    async def _reuse(self, download: Download, known: Known, item: Item, others: Collection[Download]) -> None:
        """Another has given the downloader this torrent: it is followed, and its data is left alone.

        What another download has it for is never followed: it goes with that download.
        """
        keeper = next((other for other in others if other.id != download.id and has(other, item, known)), None)
        if keeper is not None and keeper.state is State.REMOVED:
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_LEAVING, download=keeper.id))
            return
        if keeper is not None or not download.asked.reuse:
            reason = because(Code.ERROR_DOWNLOAD_THERE, downloader=download.asked.downloader, name=item.name)
            await self._book.move(download, Event.FAIL, reason, {})
            return
        if (larger := too_large(download, item.size)) is not None:
            await self._book.move(download, Event.FAIL, larger, {})
            return
        files = await known.client.files(item.id) if item.phase is not Phase.METADATA else ()
        if wrong := not_chosen_there(download, files):
            await self._book.move(download, Event.FAIL, wrong, {})
            return
        changes = {"foreign": True, "handed": False, "folder": known.client.spec.ours(item.final)}
        changes["own_folder"] = download.folder
        logger.info("download %d: %s has it already", download.id, download.asked.downloader)
        await self._book.note(download, {**changes, **facts(download, item, known)})

    async def _hand_over(self, download: Download, known: Known) -> None:
        download = await self._book.note(download, {"tries": download.tries + 1, "handed": True, "short": False})
        torrent = await self._store.torrent(download.id)
        spec = known.client.spec
        order = DownloadOrder(
            uri=download.asked.uri if torrent is None else None,
            torrent=torrent,
            folder=spec.theirs(download.folder),
            mark=mark(download),
            paused=download.paused or (stops_for_choice(download) and torrent is not None),
            choose=stops_for_choice(download) and torrent is None,
            goal=self._rules().goal,
            trackers=await self._trackers_for(download),
            afresh=download.id in self._afresh,
            options={**download.asked.options, **going_on(spec.kind)},
        )
        self._handed.begin(download.id, known)
        try:
            await known.client.add(order)
        except DownloadRefused as refused:
            if download.infohash is None:
                await self._book.move(download, Event.FAIL, refused.reason, {})
                return
            # Most often since the last poll somebody has given it the torrent.
            self._refused[download.id] = refused.reason
            known.poll_soon()
            return
        known.poll_soon()
        logger.info("download %d: handed to %s", download.id, spec.name)

    async def announce(self, download: Download, client: Downloader, item: Item) -> None:
        """Tell one that has come so far which further trackers it may have."""
        if download.foreign or item.phase is Phase.METADATA:
            return
        trackers = await self._trackers_for(download)
        if not trackers or self._announced.get(download.id) == trackers:
            return
        try:
            await client.announce(item.id, trackers)
        except DownloadRefused as refused:
            logger.warning("download %d: further trackers: %s", download.id, english(refused.reason))
        self._announced[download.id] = trackers

    async def _trackers_for(self, download: Download) -> Sequence[str]:
        """Further ones, where it may have them: a private torrent's peers are found by its own trackers only."""
        if download.private or download.infohash is None:
            return ()
        rules = self._rules()
        return rules.extra_trackers if rules.tracker_file is None else await self._listed(rules.tracker_file)

    def forget(self, id: int) -> None:
        """It has come, was given up, or begins anew."""
        self._missing.forget(id)
        self._handed.forget(id)
        self._refused.pop(id, None)
        self._announced.pop(id, None)
        self._afresh.discard(id)


def too_large(download: Download, size: int) -> Reason | None:
    """Why its owner may not have it."""
    most = download.asked.max_size
    if most is None or size <= most:
        return None
    return because(Code.DOWNLOAD_TOO_LARGE, size=size, limit=most)
