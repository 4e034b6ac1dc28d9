"""Follows downloads in their downloaders until their files are complete and recorded."""

import logging
import os
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.download import ARRIVING, Download, Event, Rules, State, seen
from cloudgather.core.downloader import Item, ItemFile, Phase
from cloudgather.core.mounts import is_below
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.beginning import WRITING, Beginning, is_choosing, is_to_begin
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.handing import Handing, too_large
from cloudgather.pipeline.matching import WRONG, chosen, facts, find, not_chosen_there
from cloudgather.ports.clock import Clock
from cloudgather.ports.source import Look, Source, SourceUnavailable

logger = logging.getLogger(__name__)

_WANTS_MORE: Final = WRITING | {Phase.METADATA}
_UNSAFE: Final = frozenset({b"", b".", b".."})


class Arriving:
    """One step at a time for each download; what is remembered here between two steps may be lost with the daemon."""

    def __init__(
        self,
        *,
        book: Book,
        clock: Clock,
        rules: Callable[[], Rules],
        source_at: Callable[[bytes], Source],
        admission: Admission,
        handing: Handing,
    ) -> None:
        self._book = book
        self._clock = clock
        self._rules = rules
        self._source_at = source_at
        self._admission = admission
        self._handing = handing
        self._beginning = Beginning(book=book, admission=admission)
        self._progress: dict[int, tuple[int, float]] = {}  # id -> bytes, and since when so many (monotonic)

    async def step(self, download: Download, known: Known, others: Collection[Download]) -> None:
        """Do what is next for one that is arriving. Raises CannotAsk."""
        await self._step(download, known, others)
        now = self._book.open.get(download.id)
        begins_anew = now is not None and now.state is State.QUEUED and download.state is not State.QUEUED
        if now is None or now.state not in ARRIVING or begins_anew:
            self.forget(download.id)

    async def _step(self, download: Download, known: Known, others: Collection[Download]) -> None:
        item = find(download, known)
        if item is None:
            await self._handing.step(download, known, others)
            return
        if self._handing.found(download) and item.phase in WRONG and not download.foreign:
            await self._handing.clear(download, known, item)
            return
        if await self._handing.is_there(download, known, item, others):
            return
        if not download.handed and not download.foreign:  # what it has of an earlier try goes on
            download = await self._book.note(download, {"handed": True})
        idle = self._idle(download, item)
        if await self._rests(download, known, item, others):
            return
        if await self._beginning.step(download, known, item, others):
            return
        await self._handing.announce(download, known.client, item)
        event = seen(item, choosing=is_choosing(download), idle=idle, rules=self._rules())
        self._book.show(download.id, item)
        if (wait := _waits(download, item)) is not None:
            self._book.hold(download.id, wait)
        if (larger := too_large(download, item.size)) is not None:
            if not download.foreign:
                await known.client.pause(item.id)
            await self._book.move(download, Event.FAIL, larger, {})
        elif event is Event.COMPLETE:
            if item.id in known.steady:
                await self._complete(download, known, item)
        elif event is not None:
            await self._follow(download, known, item, event, idle)

    async def _rests(self, download: Download, known: Known, item: Item, others: Collection[Download]) -> bool:
        """Whether it rests until there is room on its disk again, which others may fill, or has just been let go on."""
        under_way = item.phase in WRITING or (download.short and item.phase is Phase.QUEUED)
        if download.foreign or not under_way:
            return False
        short = await self._admission.short(download, item, others)
        if short is None and download.size is None and item.size > 0:  # what a link stands for was not known before
            hold = await self._admission.begin(download, item.size - item.done, others)
            short = hold if hold is not None and hold.code == Code.HELD_DOWNLOAD_SPACE else None
        if short is None:
            if download.short and item.paused and not download.paused and not is_to_begin(download, item):
                await known.client.resume(item.id)  # forgotten only once a poll shows that it goes on
                known.poll_soon()
                return True
            if download.short:
                await self._book.note(download, {"short": False})
            return False
        if not download.short:  # remembered first: whoever paused it is to let it go on
            download = await self._book.note(download, {"short": True, **facts(download, item, known)})
        if not item.paused:
            await known.client.pause(item.id)
        self._book.show(download.id, item)
        self._book.hold(download.id, short)
        return True

    async def _follow(self, download: Download, known: Known, item: Item, event: Event, idle: timedelta) -> None:
        changes = facts(download, item, known)
        if event is Event.FAIL:
            reason = because(Code.DOWNLOAD_FAILED, downloader=download.asked.downloader, message=item.message)
            await self._book.move(download, event, reason, changes)
        elif event in self._book.moves(download):
            reason = None
            if event is Event.STALL:
                reason = because(Code.DOWNLOAD_STALLED, seconds=int(idle.total_seconds()))
            await self._book.move(download, event, reason, changes)
        elif changes:
            await self._book.note(download, changes)

    def _idle(self, download: Download, item: Item) -> timedelta:
        """For how long nothing has come."""
        now = self._clock.monotonic()
        done, since = self._progress.get(download.id, (-1, now))
        if done != item.done or item.paused or item.phase not in _WANTS_MORE:
            done, since = item.done, now
        self._progress[download.id] = done, since
        return timedelta(seconds=now - since)

    def forget(self, id: int) -> None:
        """It has come, was given up, or begins anew."""
        self._progress.pop(id, None)
        self._handing.forget(id)
        self._admission.leave(id)

    # ---- all of it is there ------------------------------------------------------------------------------------------

    async def _complete(self, download: Download, known: Known, item: Item) -> None:
        """Its files are recorded once each of them is on the disk with the size that the downloader reports."""
        every = await known.client.files(item.id)
        files = [file for file in every if file.wanted]
        if download.foreign and download.wanted is not None:
            if wrong := not_chosen_there(download, every):
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
        changes = {**facts(download, item, known), "files": recorded, "size": sum(size for _, size in recorded)}
        await self._book.move(download, Event.COMPLETE, None, changes)

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


def _waits(download: Download, item: Item) -> Reason | None:
    """Why its downloader does nothing with it; None where it does, or waits for a choice among its files."""
    rests = item.phase is Phase.QUEUED or (item.phase is Phase.METADATA and item.paused)
    if not rests or (is_choosing(download) and item.paused):
        return None
    if download.paused:
        return because(Code.HELD_DOWNLOAD_PAUSED)
    code = Code.HELD_DOWNLOAD_STOPPED if item.paused else Code.HELD_DOWNLOAD_QUEUED
    return because(code, downloader=download.asked.downloader)
