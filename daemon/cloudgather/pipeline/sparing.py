"""Says why the data of a download that is uploaded must stay: for good, or as long as others need it."""

import os
from collections.abc import Callable, Collection, Sequence
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import filters
from cloudgather.core.download import Download
from cloudgather.core.downloader import Item, Kind, Phase
from cloudgather.core.mounts import is_below
from cloudgather.core.naming import destination
from cloudgather.core.task import Task
from cloudgather.core.torrent import is_pad
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.downloading import Known
from cloudgather.pipeline.matching import find, is_ours, mark, same_torrent, stops_for_choice
from cloudgather.ports.queue import LedgerEntry, Origin, QueueStore
from cloudgather.ports.source import Absent, Look, Seen, Source, SourceUnavailable

_PROVEN: Final = frozenset({"stored", "rclone"})


class Sparing:
    """Whatever is asked here is asked anew each time, and nothing is remembered."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        source_at: Callable[[bytes], Source],
        needed_elsewhere: Callable[[bytes, str], Reason | None],
    ) -> None:
        """`needed_elsewhere`: why another downloader than this needs what lies in that folder."""
        self._store = store
        self._board = board
        self._source_at = source_at
        self._needed_elsewhere = needed_elsewhere

    async def for_good(self, download: Download) -> Reason | None:
        """It is not ours, the cloud is not known to have stored it, or it is not what was uploaded.

        Raises SourceUnavailable.
        """
        if download.foreign:
            return because(Code.DOWNLOAD_STAYS_FOREIGN, downloader=download.asked.downloader)
        state = self._board.tasks.get(download.task_name)
        if state is None:
            return because(Code.DOWNLOAD_STAYS_UNPROVEN, target=download.asked.target)
        paths = to_upload(state.task, download)
        if not paths:
            return because(Code.DOWNLOAD_NOTHING)
        known = await arrived(self._store, state.task, paths)
        for path in paths:
            entry = known.get(path)
            if entry is None or entry.origin is not Origin.SENT or entry.strength not in _PROVEN:
                return because(Code.DOWNLOAD_STAYS_UNPROVEN, target=state.task.target)
        try:
            looks = await state.source.look_all(paths)
        except SourceUnavailable as lost:
            if await self._is_removed(download, lost):
                return because(Code.DOWNLOAD_STAYS_CHANGED, path=download.folder)
            raise
        for path, look in zip(paths, looks, strict=True):
            entry = known[path]
            if isinstance(look, Absent) or (look.version.size, look.version.mtime_ns) != (entry.size, entry.mtime_ns):
                return because(Code.DOWNLOAD_STAYS_CHANGED, path=path)
        return None

    async def _is_removed(self, download: Download, lost: SourceUnavailable) -> bool:
        """Whether its folder was removed: what that lay in is there. Raises SourceUnavailable."""
        above, name = os.path.split(download.folder)
        return lost.reason.code == Code.SOURCE_GONE and await self._source_at(above).look(name) is Absent.GONE

    async def by_choice(self, download: Download, item: Item, known: Known) -> Reason | None:
        """Somebody has chosen further files in the downloader, which were never sent. Raises CannotAsk."""
        if item.phase is Phase.METADATA or _has_forgotten_the_choice(download, item, known):
            return None
        base = os.path.relpath(known.client.spec.ours(item.final), download.folder)
        files = [file for file in await known.client.files(item.id) if file.wanted]
        recorded = {path for path, _ in download.files}
        more = [path for file in files if (path := os.path.normpath(os.path.join(base, file.path))) not in recorded]
        if not more:
            return None
        return because(Code.DOWNLOAD_STAYS_MORE, downloader=known.client.spec.name, path=more[0], files=len(more))

    async def put_there(self, download: Download, item: Item | None, known: Known) -> Reason | None:
        """Somebody has put something into its folder, which was never sent. Raises CannotAsk, SourceUnavailable."""
        state = self._board.tasks.get(download.task_name)
        own = await _own(download, item, known)
        if state is None or own is None:
            return None
        seen = [each async for batch in state.source.scan() for each in batch if isinstance(each, Seen)]
        others = sorted(each.path for each in seen if each.path not in own and not _is_left_behind(each))
        return because(Code.DOWNLOAD_STAYS_BESIDE, path=others[0], files=len(others)) if others else None

    async def since(self, download: Download, item: Item | None, known: Known) -> Reason | None:
        """Somebody has written into its folder since its removal was begun, by which what is missing went.

        Raises CannotAsk, SourceUnavailable.
        """
        try:
            return await self._written(download) or await self.put_there(download, item, known)
        except SourceUnavailable as lost:
            if await self._is_removed(download, lost):
                return None
            raise

    async def _written(self, download: Download) -> Reason | None:
        if (state := self._board.tasks.get(download.task_name)) is None:
            return None
        sent = await arrived(self._store, state.task, to_upload(state.task, download))
        looks = await state.source.look_all(list(sent))
        for (path, entry), look in zip(sent.items(), looks, strict=True):
            if isinstance(look, Look) and (look.version.size, look.version.mtime_ns) != (entry.size, entry.mtime_ns):
                return because(Code.DOWNLOAD_STAYS_CHANGED, path=path)
        return None

    async def for_others(self, download: Download, known: Known, others: Collection[Download]) -> Reason | None:
        """Another download, another task or another item of a downloader is not done with it."""
        return shared(download, others) or await self._claimed(download) or self.beside(download, known)

    def elsewhere(self, download: Download, known: Known) -> Reason | None:
        """Its downloader has it where nothing of ours is: by another path_map that may be the very same place."""
        item = same_torrent(download, known) or known.items.get(mark(download))
        if item is None or find(download, known) is not None:
            return None
        return because(Code.HELD_DOWNLOAD_FILES, path=known.client.spec.ours(item.final))

    def beside(self, download: Download, known: Known) -> Reason | None:
        """A downloader has something else in its folder, or may have."""
        spec = known.client.spec
        for item in known.items.below(spec.theirs(download.folder)):
            if not is_ours(download, item):
                return because(Code.HELD_DOWNLOAD_BESIDE, downloader=spec.name, name=item.name)
        return self._needed_elsewhere(download.folder, spec.name)

    async def _claimed(self, download: Download) -> Reason | None:
        """Another task sends from its folder, too, and is not done with it."""
        for name, state in list(self._board.tasks.items()):
            covers = name != download.task_name and is_below(download.folder, state.task.source)
            if covers and not await self._is_done_with(state, download):
                return because(Code.HELD_DOWNLOAD_TASK, task=name)
        return None

    async def _is_done_with(self, state: TaskState, download: Download) -> bool:
        below = download.folder[len(state.task.source) :].lstrip(b"/")
        sizes = {below + b"/" + path: size for path, size in download.files}
        paths = [path for path, size in sizes.items() if filters.judge(state.task.filter, path, size) is None]
        known = await arrived(self._store, state.task, paths)
        return all(path in known and known[path].strength in _PROVEN for path in paths)


def shared(download: Download, others: Collection[Download]) -> Reason | None:
    """Another download, which is not done, has its data in the same folder."""
    for other in others:
        if other.id != download.id and is_below(other.folder, download.folder):
            return because(Code.HELD_DOWNLOAD_SHARED, download=other.id)
    return None


def to_upload(task: Task, download: Download) -> list[bytes]:
    """Its files that the filter wants now, or wanted as the upload began."""
    left_out = download.left_out
    return [
        path
        for path, size in download.files
        if (left_out is not None and path not in left_out) or filters.judge(task.filter, path, size) is None
    ]


async def arrived(store: QueueStore, task: Task, paths: Sequence[bytes]) -> dict[bytes, LedgerEntry]:
    """What the ledger has of them at the place they go to, as well confirmed as the target can."""
    entries = await store.ledger(task.name, paths)
    return {
        path: entry
        for path, entry in entries.items()
        if (entry.target, entry.destination) == (task.target, destination(task.base, path))
        and (entry.strength or entry.origin is Origin.ADOPTED)
    }


def _has_forgotten_the_choice(download: Download, item: Item, known: Known) -> bool:
    """aria2 does with its restart, and waits for another one: nobody has chosen more."""
    return known.client.spec.kind is Kind.ARIA2 and item.paused and stops_for_choice(download)


async def _own(download: Download, item: Item | None, known: Known) -> set[bytes] | None:
    """What may lie in its folder of itself; None where it is not known any more. Raises CannotAsk."""
    own = {path for path, _ in download.files}
    if item is None or item.phase is Phase.METADATA:
        # Of files that were not chosen there are pieces, and who could name them has forgotten it.
        return own if download.wanted is None else None
    base = os.path.relpath(known.client.spec.ours(item.final), download.folder)
    listed = await known.client.files(item.id)
    return own.union(os.path.normpath(os.path.join(base, file.path)) for file in listed)


def _is_left_behind(seen: Seen) -> bool:
    """Whether a downloader writes such a file beside what it downloads."""
    name = seen.path.rpartition(b"/")[2]
    return filters.partial_pattern(name) is not None or is_pad(seen.path, seen.size)
