"""Lets downloads begin that their downloaders were handed at rest, or that rest until their files are known."""

from collections.abc import Collection, Sequence
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.download import Download, Event, State
from cloudgather.core.downloader import Item, ItemFile, Phase
from cloudgather.pipeline.admitting import Admission
from cloudgather.pipeline.downloading import Book, Known
from cloudgather.pipeline.handing import too_large
from cloudgather.pipeline.matching import chosen, stops_for_choice

WRITING: Final = frozenset({Phase.DOWNLOADING, Phase.STALLED})
_BEFORE_ANY_BYTE: Final = frozenset({State.QUEUED, State.METADATA, State.CHOOSING})


class Beginning:
    """Nothing is remembered here between two steps."""

    def __init__(self, *, book: Book, admission: Admission) -> None:
        self._book = book
        self._admission = admission

    async def step(self, download: Download, known: Known, item: Item, others: Collection[Download]) -> bool:
        """Whether it has yet to begin as it was asked for, so that this is all that is to be done for it now.

        A downloader may forget what it is told just after it was given something (qBittorrent 4.5 does): it is told
        again until a poll shows it. Raises CannotAsk.
        """
        if is_choosing(download):
            if item.phase not in WRITING or download.state not in (State.QUEUED, State.METADATA):
                return False
            await known.client.pause(item.id)  # it was let go on before its files were known
            known.poll_soon()
            return True
        rests = is_to_begin(download, item)
        if not rests and not _may_lack_its_choice(download, item):
            return False
        size = item.size
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
                known.poll_soon()
                if not rests or _wanted(await known.client.files(item.id)) != picked:
                    return True
            size = sum(file.size for file in files if file.index in picked)
        if not rests:
            return False
        self._book.show(download.id, item)
        if (larger := too_large(download, size)) is not None:
            await self._book.move(download, Event.FAIL, larger, {})
            return True
        if (hold := await self._admission.begin(download, size, others)) is not None:
            self._book.hold(download.id, hold)
            return True
        await known.client.resume(item.id)
        known.poll_soon()
        return True


def is_choosing(download: Download) -> bool:
    """Whether its files have yet to be chosen."""
    return download.asked.choose and download.wanted is None and not download.foreign


def is_to_begin(download: Download, item: Item) -> bool:
    """Whether it rests only since it was handed over at rest; whoever stops it in the downloader itself has his way."""
    if item.phase is not Phase.QUEUED or not item.paused or download.paused or download.foreign:
        return False
    if stops_for_choice(download):
        # Without a size its files are not known yet; aria2 forgets a choice with its restart.
        return item.size > 0 and (download.state in _BEFORE_ANY_BYTE or item.done == 0)
    return download.state is State.QUEUED


def _may_lack_its_choice(download: Download, item: Item) -> bool:
    """Whether it goes on, and may have begun without being told which files are wanted."""
    chose = download.wanted is not None and not download.foreign
    return chose and item.phase in WRITING and download.state in _BEFORE_ANY_BYTE


def _wanted(files: Sequence[ItemFile]) -> frozenset[int]:
    return frozenset(file.index for file in files if file.wanted)
