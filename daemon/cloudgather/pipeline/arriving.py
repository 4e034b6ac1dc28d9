"""Hands downloads to their downloaders, and follows them until their files are complete."""

import logging
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import Download, Event, Rules, State, seen
from cloudgather.core.downloader import DownloadOrder, Item, ItemFile, Kind, Phase
from cloudgather.core.mounts import is_below
from cloudgather.core.options import going_on
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.journal import english
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader, DownloadRefused
from cloudgather.ports.downloads import DownloadStore
from cloudgather.ports.source import Look, Source, SourceUnavailable

logger = logging.getLogger(__name__)

_BEFORE_ANY_BYTE: Final = frozenset({State.QUEUED, State.METADATA, State.CHOOSING})
_WRONG: Final = frozenset({Phase.FAILED, Phase.MISSING})
_WRITING: Final = frozenset({Phase.DOWNLOADING, Phase.STALLED})
_UNSAFE: Final = frozenset({b"", b".", b".."})
_MISSED_POLLS: Final = 3  # so often it must be missing before it counts as forgotten


class Arriving:
    """One step at a time for each download; what is remembered here between two steps may be lost with the daemon."""

    def __init__(
        self,
        *,
        store: DownloadStore,
        book: Book,
        clock: Clock,
        rules: Callable[[], Rules],
        source_at: Callable[[bytes], Source],
        admission: Admission,
        listed: Callable[[bytes], Awaitable[Sequence[str]]],
    ) -> None:
        """`listed`: the trackers in a file."""
        self._store = store
        self._book = book
        self._clock = clock
        self._rules = rules
        self._source_at = source_at
        self._admission = admission
        self._listed = listed
        self._announced: dict[int, Sequence[str]] = {}  # id -> the further trackers that were told last
        self._progress: dict[int, tuple[int, float]] = {}  # id -> bytes, and since when so many (monotonic)
        # id -> the last poll, and how many there have been since it was missed first, and since it was handed over.
        self._missing: dict[int, tuple[float, int]] = {}
        self._handed: dict[int, tuple[float, int]] = {}

    async def step(self, download: Download, known: Known, others: Collection[Download]) -> None:
        """Do what is next for one that is arriving. Raises CannotAsk."""
        item = find(download, known)
        if item is None:
            await (self._gone(download, known) if download.foreign else self._absent(download, known, others))
            return
        self._missing.pop(download.id, None)
        untold = download.state is State.QUEUED and download.id not in self._handed
        if item.phase in _WRONG and untold and not download.foreign:
            await known.client.remove(item.id, with_files=False)  # what failed before it was tried again
            return
        if await self._rests(download, known.client, item):
            return
        choosing = download.asked.choose and download.wanted is None and not download.foreign
        if not choosing and _is_to_begin(download, item) and await self._begin(download, known, item):
            return
        await self._announce(download, known.client, item)
        event = seen(item, choosing=choosing, idle=self._idle(download, item), rules=self._rules())
        self._book.show(download.id, item)
        if too_large := self._too_large(download, item):
            if not download.foreign:
                await known.client.pause(item.id)
            await self._book.move(download, Event.FAIL, too_large, {})
        elif event is Event.COMPLETE:
            if item.id in known.steady:
                await self._complete(download, known, item)
        elif event is not None:
            await self._follow(download, known, item, event)

    async def _rests(self, download: Download, client: Downloader, item: Item) -> bool:
        """Whether it rests until there is room on its disk again; others may fill that, too."""
        under_way = item.phase in _WRITING or (download.short and item.phase is Phase.QUEUED)
        if download.foreign or not under_way:
            return False
        short = await self._admission.short(download, item)
        if short is None:
            if download.short:
                download = await self._book.note(download, {"short": False})
                if not download.paused:
                    await client.resume(item.id)
            return False
        if not download.short:  # remembered first: whoever paused it is to let it go on
            download = await self._book.note(download, {"short": True})
        if not item.paused:
            await client.pause(item.id)
        self._book.show(download.id, item)
        self._book.hold(download.id, short)
        return True

    async def _follow(self, download: Download, known: Known, item: Item, event: Event) -> None:
        changes = _facts(download, item, known)
        if event is Event.FAIL:
            reason = because(Code.DOWNLOAD_FAILED, downloader=download.asked.downloader, message=item.message)
            await self._book.move(download, event, reason, changes)
            self._forget(download)
        elif event in self._book.moves(download):
            reason = None
            if event is Event.STALL:
                reason = because(Code.DOWNLOAD_STALLED, seconds=int(self._idle(download, item).total_seconds()))
            await self._book.move(download, event, reason, changes)
        elif changes:
            await self._book.note(download, changes)

    def _idle(self, download: Download, item: Item) -> timedelta:
        """For how long nothing has come."""
        now = self._clock.monotonic()
        done, since = self._progress.get(download.id, (-1, now))
        if done != item.done or item.paused:
            done, since = item.done, now
        self._progress[download.id] = done, since
        return timedelta(seconds=now - since)

    def _too_large(self, download: Download, item: Item) -> Reason | None:
        most = download.asked.max_size
        if most is None or item.size <= most:
            return None
        return because(Code.DOWNLOAD_TOO_LARGE, size=item.size, limit=most)

    async def _begin(self, download: Download, known: Known, item: Item) -> bool:
        """Let it begin, with the files that are wanted; whether it was moved, since they are not there.

        A downloader may forget what it is told just after it was given something (qBittorrent 4.5 does): it is told
        again until a poll shows it.
        """
        if download.wanted is not None:
            files = await known.client.files(item.id)
            if not files:
                return False
            picked = chosen(files, download.wanted)
            if picked is None:
                reason = because(Code.DOWNLOAD_NO_SUCH_FILES, largest=max(download.wanted), files=len(files))
                await self._book.move(download, Event.FAIL, reason, {})
                return True
            if _wanted(files) != picked:
                await known.client.select(item.id, picked)
                if _wanted(await known.client.files(item.id)) != picked:
                    return False
        await known.client.resume(item.id)
        known.poll_soon()
        return False

    # ---- the downloader does not have it -----------------------------------------------------------------------------

    async def _gone(self, download: Download, known: Known) -> None:
        """Whoever gave it to the downloader has taken it away; it is not ours to bring back."""
        if _counted(self._missing, download.id, known) >= _MISSED_POLLS:
            reason = because(Code.DOWNLOAD_FOREIGN_GONE, downloader=download.asked.downloader)
            await self._book.move(download, Event.FAIL, reason, {})
            self._forget(download)

    async def _absent(self, download: Download, known: Known, others: Collection[Download]) -> None:
        if download.state is not State.QUEUED:
            if _counted(self._missing, download.id, known) >= _MISSED_POLLS:
                await self._book.move(download, Event.LOSE, because(Code.DOWNLOAD_LOST), {})
            return
        if download.id in self._handed and _counted(self._handed, download.id, known) < _MISSED_POLLS:
            return  # the polls have yet to show it
        if download.paused:
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_PAUSED))
            return
        if there := _same_torrent(download, known):
            await self._reuse(download, known, there, others)
            return
        if (hold := await self._admission.enter(download, others)) is not None:
            self._book.hold(download.id, hold)
            return
        try:
            await self._hand_over(download, known)
        finally:
            self._admission.leave(download.id)  # what was handed over is counted by that

    async def _reuse(self, download: Download, known: Known, item: Item, others: Collection[Download]) -> None:
        """Another has given the downloader this torrent: it is followed, and its data is left alone.

        What another download has it for is never followed: it goes with that download.
        """
        keeper = next((other for other in others if other.id != download.id and _has(other, item, known)), None)
        if keeper is not None and keeper.state is State.REMOVED:
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_LEAVING, download=keeper.id))
            return
        if keeper is not None or not download.asked.reuse:
            reason = because(Code.ERROR_DOWNLOAD_THERE, downloader=download.asked.downloader, name=item.name)
            await self._book.move(download, Event.FAIL, reason, {})
            return
        if too_large := self._too_large(download, item):
            await self._book.move(download, Event.FAIL, too_large, {})
            return
        files = await known.client.files(item.id) if item.phase is not Phase.METADATA else ()
        if wrong := _not_chosen_there(download, files):
            await self._book.move(download, Event.FAIL, wrong, {})
            return
        changes = {"foreign": True, "folder": known.client.spec.ours(item.final), "own_folder": download.folder}
        logger.info("download %d: %s has it already", download.id, download.asked.downloader)
        await self._book.note(download, {**changes, **_facts(download, item, known)})

    async def _hand_over(self, download: Download, known: Known) -> None:
        download = await self._book.note(download, {"tries": download.tries + 1, "short": False})
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
            options={**download.asked.options, **going_on(spec.kind)},
        )
        self._handed[download.id] = known.heard, 0
        try:
            await known.client.add(order)
        except DownloadRefused as refused:
            await self._book.move(download, Event.FAIL, refused.reason, {})
            return
        known.poll_soon()
        logger.info("download %d: handed to %s", download.id, spec.name)

    async def _trackers_for(self, download: Download) -> Sequence[str]:
        """Further ones, where it may have them: a private torrent's peers are found by its own trackers only."""
        if download.private or download.infohash is None:
            return ()
        rules = self._rules()
        return rules.extra_trackers if rules.tracker_file is None else await self._listed(rules.tracker_file)

    async def _announce(self, download: Download, client: Downloader, item: Item) -> None:
        if download.foreign or item.phase is Phase.METADATA:
            return
        trackers = await self._trackers_for(download)
        if not trackers or self._announced.get(download.id) == trackers:
            return
        self._announced[download.id] = trackers
        try:
            await client.announce(item.id, trackers)
        except DownloadRefused as refused:
            logger.warning("download %d: further trackers: %s", download.id, english(refused.reason))

    # ---- all of it is there ------------------------------------------------------------------------------------------

    async def _complete(self, download: Download, known: Known, item: Item) -> None:
        """Its files are recorded once each of them is on the disk with the size that the downloader reports."""
        every = await known.client.files(item.id)
        files = [file for file in every if file.wanted]
        if download.foreign and download.wanted is not None:
            if wrong := _not_chosen_there(download, every):
                await self._book.move(download, Event.FAIL, wrong, {})
                return
            numbered = chosen(every, download.wanted) or ()
            files = [file for file in files if file.index in numbered]
        base = known.client.spec.ours(item.final)
        below = os.path.relpath(base, download.folder)
        try:
            missing = await self._not_here(download, base, files)
        except SourceUnavailable as unavailable:
            self._book.hold(download.id, unavailable.reason)
            return
        if not files or missing or below.startswith(b".."):
            path = os.path.join(base, missing[0].path) if missing else base
            self._book.hold(download.id, because(Code.HELD_DOWNLOAD_FILES, path=path, files=len(missing)))
            return
        recorded = tuple((os.path.normpath(os.path.join(below, file.path)), file.size) for file in files)
        changes = {**_facts(download, item, known), "files": recorded, "size": sum(size for _, size in recorded)}
        await self._book.move(download, Event.COMPLETE, None, changes)
        self._forget(download)

    async def _not_here(self, download: Download, base: bytes, files: Sequence[ItemFile]) -> Sequence[ItemFile]:
        """Those that are not on the disk with their size, or could be anywhere. Raises SourceUnavailable."""
        root = os.path.dirname(download.folder)
        if not is_below(base, root):
            root = base
        below = base[len(root) :].strip(b"/")
        plain = [file for file in files if _UNSAFE.isdisjoint(file.path.split(b"/"))]
        looks = await self._source_at(root).look_all([os.path.join(below, file.path) for file in plain])
        found = zip(plain, looks, strict=True)
        here = {file.index for file, look in found if isinstance(look, Look) and look.version.size == file.size}
        return [file for file in files if file.index not in here]

    def _forget(self, download: Download) -> None:
        for remembered in (self._progress, self._missing, self._handed, self._announced):
            remembered.pop(download.id, None)


def _is_to_begin(download: Download, item: Item) -> bool:
    """Whether it rests only since it was handed over at rest; whoever stops it in the downloader itself has his way."""
    if item.phase is not Phase.QUEUED or not item.paused or download.paused or download.foreign:
        return False
    if stops_for_choice(download):
        return download.state in _BEFORE_ANY_BYTE or item.done == 0  # aria2 forgets a choice with its restart
    return download.state is State.QUEUED


def _counted(polls: dict[int, tuple[float, int]], id: int, known: Known) -> int:
    """How many polls there have been since it was put there."""
    last, count = polls.get(id, (known.heard, 0))
    polls[id] = known.heard, count + (known.heard != last)
    return polls[id][1]


def mark(download: Download) -> str:
    """What tells it from others in the downloader: 16 hexadecimal digits, another one for each time."""
    daemon = os.path.basename(download.folder).split(b"-")[1].decode() if not download.foreign else "0"
    return f"{daemon[:8]:0>8}{download.id & 0xFFFFFF:06x}{download.tries & 0xFF:02x}"


def find(download: Download, known: Known) -> Item | None:
    """The downloader's item for it: by its folder, which no other has; of a reused one by its hash.

    A magnet link's item hands over to another one as soon as its files are known.
    """
    if download.foreign:
        return _same_torrent(download, known)
    theirs = known.client.spec.theirs(download.folder)
    found = [item for item in known.items.values() if theirs in item.folders and item.followed_by is None]
    return min(found, key=lambda item: (item.phase in _WRONG, item.id), default=None)


def _same_torrent(download: Download, known: Known) -> Item | None:
    if download.infohash is None:
        return None
    for item in known.items.values():
        if item.followed_by is None and any(hash[:40] == download.infohash for hash in item.infohashes):
            return item
    return None


def _has(download: Download, item: Item, known: Known) -> bool:
    """Whether the downloader was given the item for it."""
    if download.foreign or download.asked.downloader != known.client.spec.name:
        return False
    return known.client.spec.theirs(download.folder) in item.folders


def stops_for_choice(download: Download) -> bool:
    """Whether the downloader is to wait once the files are known."""
    return not download.foreign and (download.asked.choose or download.wanted is not None)


def _wanted(files: Sequence[ItemFile]) -> frozenset[int]:
    return frozenset(file.index for file in files if file.wanted)


def chosen(files: Sequence[ItemFile], wanted: Sequence[int]) -> frozenset[int] | None:
    """The downloader's indexes of the files with these numbers, which begin with 1; None: not all of them are there."""
    ordered = sorted(files, key=lambda file: file.index)
    if not wanted or min(wanted) < 1 or max(wanted) > len(ordered):
        return None
    return frozenset(ordered[number - 1].index for number in wanted)


def _not_chosen_there(download: Download, files: Sequence[ItemFile]) -> Reason | None:
    """Why one that the downloader had before does not come as it was asked for: its choice there is not ours to change.

    `files`: all of its files; none where they are not known yet.
    """
    downloader = download.asked.downloader
    if download.wanted is None:
        return because(Code.DOWNLOAD_FOREIGN_CHOICE, downloader=downloader) if download.asked.choose else None
    if not files:
        return None
    if (picked := chosen(files, download.wanted)) is None:
        return because(Code.DOWNLOAD_NO_SUCH_FILES, largest=max(download.wanted), files=len(files))
    lacking = [file for file in files if file.index in picked and not file.wanted]
    if not lacking:
        return None
    return because(Code.DOWNLOAD_FOREIGN_CHOICE, downloader=downloader, files=len(lacking))


def _facts(download: Download, item: Item, known: Known) -> dict[str, Any]:
    """What the downloader knows better by now."""
    changes: dict[str, Any] = {}
    name = os.fsencode(item.name)
    if name and name != download.name and item.phase is not Phase.METADATA:
        changes["name"] = name
    if item.size > 0 and item.size != download.size and item.phase is not Phase.METADATA:
        changes["size"] = item.size
    if download.infohash is None and item.infohashes and known.client.spec.kind is not Kind.TRANSMISSION:
        changes["infohash"] = min(item.infohashes, key=len)[:40]
    return changes
