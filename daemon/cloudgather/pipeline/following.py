"""Follows one downloader: what it downloads, as its last answer showed it, and why it cannot be asked."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.claim import Claim
from cloudgather.core.downloader import DownloaderSpec, Item, ItemFile, Phase, Polled
from cloudgather.core.items import Items
from cloudgather.core.mounts import is_below
from cloudgather.pipeline.links import Links
from cloudgather.pipeline.places import Place, Places
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader
from cloudgather.ports.source import Absent, Look, Source, SourceUnavailable
from cloudgather.ports.uploads import CannotAsk

# Seconds between polls: while something is under way, when something has just completed, and at rest.
_BUSY: Final = 1.0
_CONFIRMING: Final = 0.5
_AT_REST: Final = 3.0
_AGAIN_FIRST: Final = 1.0  # seconds after which it is asked again that did not answer; doubled each time
_AGAIN_MOST: Final = 60.0
_BANNED: Final = 3660.0
_LATE: Final = 8.0  # seconds without an answer after which it may have begun something that it has not told of
_GONE_AFTER: Final = 60.0  # seconds between two looks whether files of an item that left unfinished are still here
_SETTLED: Final = frozenset({Phase.SEEDING, Phase.COMPLETE, Phase.FAILED, Phase.MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one poll has brought."""

    finished: Sequence[Item] = ()  # items that are complete now, and were not, or were not there, before
    back: bool = False  # it had not been asked, or did not answer, before: whatever waits for it is to be judged anew


class Following:
    """One downloader's items, by id and by the folder and name under which they lie here."""

    def __init__(
        self,
        *,
        spec: DownloaderSpec,
        port: Downloader,
        clock: Clock,
        source_at: Callable[[bytes], Source],
        remembered: Sequence[Place] = (),
    ) -> None:
        """`remembered`: where it had unfinished files when it was last heard of."""
        self.spec = spec
        self.port = port
        self.items = Items()
        self.silent: Reason | None = because(Code.DOWNLOADER_STARTING, downloader=spec.name, url=spec.url)
        self.heard: float | None = None  # monotonic: when its last answer was asked for
        self.steady: set[str] = set()  # ids of items that were complete at two polls in a row
        self.again = 0.0  # monotonic: the next poll
        self.wake = asyncio.Event()  # set: `again` is another
        self._clock = clock
        self._source_at = source_at
        self._failures = 0
        self._known = False
        self._complete: set[str] = set()
        self._left: dict[str, tuple[Item, float]] = {}  # not complete when last listed; when to look for their files
        self._places = Places(spec)
        self._files: dict[str, tuple[object, Mapping[bytes, ItemFile]]] = {}
        self._whole: dict[str, Mapping[bytes, float]] = {}  # id -> of its complete files: the answer that was the first
        self._links = Links(spec=spec, source_at=source_at)
        self._remembered = tuple(remembered)  # by an answer that shows what has become of them, forgotten

    # ---- polling -----------------------------------------------------------------------------------------------------

    async def poll(self) -> News:
        """Ask it once, and set `again`."""
        now = self._clock.monotonic()
        try:
            polled = await self.port.poll()
        except CannotAsk as refused:
            self.fell_silent(refused.reason)
            return News()
        first, back = self.heard is None, self.silent is not None
        known, self._known = self._known, not first  # what the first poll shows complete, the second shows steadily so
        self.silent, self._failures, self.heard = None, 0, now
        finished = self._taken(polled)
        self._take_up_what_was_left()
        self.again = now + self._pause()
        return News(finished=finished if known else (), back=back or not known)

    def poll_soon(self) -> None:
        """Before the next poll is due. Two of them say more than one only when there is some time between them."""
        now = self._clock.monotonic()
        at_least = now if self.silent is not None or self.heard is None else self.heard + _CONFIRMING
        self.again = min(self.again, max(now, at_least))
        self.wake.set()

    def fell_silent(self, reason: Reason) -> None:
        """It did not answer: it is asked again later, and what it may have a word on waits."""
        self.silent = reason
        self._failures += 1
        pause = min(_AGAIN_FIRST * 2.0 ** min(self._failures - 1, 10), _AGAIN_MOST)
        if reason.code == Code.DOWNLOADER_BANNED:
            pause = _BANNED
        self.again = self._clock.monotonic() + pause

    def _taken(self, polled: Polled) -> list[Item]:
        now = self._clock.monotonic()
        steady = self._complete - polled.changed.keys()
        for id in polled.gone:
            self._complete.discard(id)
            if (item := self.items.drop(id)) is not None:
                if item.complete:
                    self._forget(id, item)
                else:
                    self._left[id] = (item, now + _GONE_AFTER)
        for id, item in polled.changed.items():
            before = self.items.get(id) or self._left.pop(id, (None, 0.0))[0]
            for other in [other for other, (left, _) in self._left.items() if _is_again(left, item)]:
                self._forget(other, self._left.pop(other)[0])
            if before is not None and _likeness(before) == _likeness(item) and item.complete:
                steady.add(id)
            self._replace(id, before, item)
        newly = steady - self.steady
        self.steady = steady & self.items.keys()
        return [self.items[id] for id in newly if id in self.items]

    def _take_up_what_was_left(self) -> None:
        """What was unfinished when this daemon was not there yet, and is not listed any more, has left."""
        now = self._clock.monotonic()
        places: defaultdict[tuple[str, bytes], list[bytes]] = defaultdict(list)
        for place in self._remembered:
            if place.top and place.item not in self.items:
                places[place.item, place.top].append(place.folder)
        for (id, top), folders in places.items():
            if not any(self._places.has(folder, top) for folder in folders):
                name = top.decode(errors="surrogateescape")
                first, *others = (self.spec.theirs(folder) for folder in folders)
                item = Item(
                    id=id, name=name, phase=Phase.STALLED, final=first, current=first, others=tuple(others), top=top
                )
                self._left[id] = item, now
                self._places.put(id, item)
        self._remembered = ()

    async def let_go_of_what_is_not_here(self) -> None:
        """An item that left unfinished is believed to be unfinished as long as files of it are here.

        Beside the polls: a disk that does not answer is waited for here, and there it would look as if the downloader
        did not answer.
        """
        now = self._clock.monotonic()
        for id, (item, due) in list(self._left.items()):
            if now < due:
                continue
            self._left[id] = left = (item, now + _GONE_AFTER)
            if not await self._is_here(id, item) and self._left.get(id) is left:  # nor is it listed again by now
                del self._left[id]
                self._forget(id, item)

    async def _is_here(self, id: str, item: Item) -> bool:
        """Whether a file of it, or its folder, is on the disk; where that cannot be known, too."""
        names = [item.top] if item.top is not None else list(self._files.get(id, (None, {}))[1])
        for folder in {folder for folder, _ in self._places.of(item)}:
            try:
                looks = await self._source_at(folder).look_all(names)
            except SourceUnavailable:
                return True
            if any(look is not Absent.GONE for look in looks):
                return True
        return False

    def _replace(self, id: str, before: Item | None, item: Item) -> None:
        if before is not None:
            self._places.drop(id, before)
        self.items.put(item)
        (self._complete.add if item.complete else self._complete.discard)(id)
        self._places.put(id, item)

    def _forget(self, id: str, item: Item) -> None:
        self._places.drop(id, item)
        self._files.pop(id, None)
        self._whole.pop(id, None)
        self._links.forget(id)

    def _pause(self) -> float:
        if self._complete - self.steady:
            return _CONFIRMING
        return _AT_REST if all(self.items[id].phase in _SETTLED for id in self._unfinished()) else _BUSY

    def _unfinished(self) -> set[str]:
        return self.items.keys() - self._complete

    # ---- what it says of a file --------------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Whether it has never answered this daemon: where it puts its files is known from the configuration only."""
        return self.heard is None

    def covers(self, path: bytes) -> bool:
        """Whether `path` lies where this downloader puts its files, as far as is known."""
        return any(
            is_below(path, folder) for folder in (*self.spec.folders, *(place.folder for place in self._remembered))
        ) or self._places.cover(path)

    def unfinished(self) -> list[Place]:
        """Where files lie here that it has not completed."""
        items = [*(self.items[id] for id in self._unfinished()), *(item for item, _ in self._left.values())]
        places = [(item.id, *place) for item in items for place in self._places.of(item)]
        return sorted({Place(folder=folder, top=top or b"", item=id) for id, folder, top in places})

    async def claims(self, path: bytes, look: Look) -> list[Claim]:
        """By path, also one with the suffix of what is incomplete, or by another link to the same file.

        Raises CannotAsk.
        """
        left = [(id, self._of_one_that_left(id, rest, look)) for id, rest in self._places.candidates(path)]
        files = [*await self._files_at(path), *left]
        found = [self._claim(id, file) for id, file in files if file is not None and self._knows(id)]
        if not found and look.links > 1:
            found = await self._by_inode(look)
        return found

    async def _files_at(self, path: bytes) -> list[tuple[str, ItemFile]]:
        """Files that are listed under this path, or, where none is, that lie there until they are complete."""
        found = [
            (id, file) for id, rest in self._places.candidates(path) if (file := (await self._files_of(id)).get(rest))
        ]
        suffix = self.spec.kind.suffix
        if found or not suffix or not path.endswith(suffix):
            return found
        whole = self._places.candidates(path.removesuffix(suffix))
        return [
            (id, file)
            for id, rest in whole
            if (file := (await self._files_of(id)).get(rest)) is not None and not file.complete
        ]

    def _of_one_that_left(self, id: str, path: bytes, look: Look) -> ItemFile | None:
        """Where its files were never listed, whatever lies below its name is its."""
        if id in self.items or id in self._files or id not in self._left or self._left[id][0].top is None:
            return None
        return ItemFile(index=0, path=path, size=look.version.size, done=0, wanted=True)

    async def unwanted(self, path: bytes) -> bool:
        """Whether it is a file of an item that nobody chose. Raises CannotAsk."""
        found = await self._files_at(path)
        return bool(found) and not any(file.wanted for _, file in found)

    def _knows(self, id: str) -> bool:
        return id in self.items or id in self._left

    def _claim(self, id: str, file: ItemFile) -> Claim:
        listed = id in self.items
        item = self.items[id] if listed else self._left[id][0]
        since = self._whole.get(id, {}).get(file.path)
        file_steady = since is not None and self.heard is not None and self.heard > since
        return Claim(
            spec=self.spec, item=item, file=file, steady=id in self.steady, file_steady=file_steady, listed=listed
        )

    async def _files_of(self, id: str) -> Mapping[bytes, ItemFile]:
        item = self.items.get(id)
        if item is None:  # it has left: what was known of it last
            return self._files.get(id, (None, {}))[1]
        if item.phase is Phase.METADATA:
            return {}
        likeness = _likeness(item)
        known = self._files.get(id)
        if known is None or known[0] != likeness:
            known = likeness, {file.path: file for file in await self.port.files(id)}
            if id in self.items and self.heard is not None:
                self._files[id] = known
                before = self._whole.get(id, {})
                files = known[1].values()
                self._whole[id] = {each.path: before.get(each.path, self.heard) for each in files if each.complete}
        return known[1]

    async def _by_inode(self, look: Look) -> list[Claim]:
        """Looks for another link among the files of what was unfinished while this daemon ran."""
        for id in [*(self._unfinished() | self._links.items)]:
            if (item := self.items.get(id)) is None or item.phase is Phase.METADATA:
                continue
            if self._links.is_due(id, likeness := _likeness(item), heard := self.heard):
                await self._links.look_at(item, await self._files_of(id), likeness, heard)
        if (known := self._links.file(look.inode)) is None:
            return []
        id, file = known
        file = (await self._files_of(id)).get(file.path, file)
        return [self._claim(id, file)] if self._knows(id) else []

    # ---- what it means here ------------------------------------------------------------------------------------------

    def paths_of(self, item: Item, files: Sequence[ItemFile]) -> list[bytes]:
        """Where the wanted files of a finished item lie here."""
        folder = self.spec.ours(item.final).rstrip(b"/")
        return [os.path.normpath(folder + b"/" + file.path) for file in files if file.wanted]

    def may_claim(self, path: bytes, look: Look) -> bool:
        """Whether it may have a word on a file while it cannot be asked."""
        return self._links.file(look.inode) is not None or self.may_have_in(path)

    def may_have_in(self, folder: bytes) -> bool:
        """Whether it may have something there that it cannot be asked about."""
        anywhere = self.is_new and (not self.spec.folders or not self._failures)
        return anywhere or self.covers(folder)

    def item_in(self, folder: bytes) -> Item | None:
        """One that has its files in this folder of ours or below, as it has said last."""
        for item in self.items.values():
            places = (os.path.join(above, top or b"") for above, top in self._places.of(item))
            if any(is_below(place, folder) for place in places):
                return item
        return None

    @property
    def is_late(self) -> bool:
        """Whether it has not answered for so long that it may have begun something that it has not told of."""
        return self.heard is not None and self._clock.monotonic() - self.heard > _LATE

    def silence(self) -> Reason | None:
        """Why files wait that it may have something to say about; None where it answers."""
        cause = self.silent
        if cause is None and self.is_late:
            cause = because(
                Code.DOWNLOADER_UNREACHABLE, downloader=self.spec.name, url=self.spec.url, message="no answer in time"
            )
        if cause is None:
            return None
        left = max(0.0, self.again - self._clock.monotonic())
        until = (self._clock.now() + timedelta(seconds=left)).timestamp()
        return because(Code.WAIT_DOWNLOADER_SILENT, downloader=self.spec.name, cause=cause.to_wire(), until=until)


def _is_again(left: Item, item: Item) -> bool:
    """Whether it is what left, under another id: aria2 gives a new one after its restart."""
    same = left.top == item.top if left.top is not None else left.name == item.name
    return same and not set(left.folders).isdisjoint(item.folders)


def _likeness(item: Item) -> object:
    """What must be the same for two polls to say the same of an item's files."""
    return item.phase in _SETTLED, item.phase is Phase.MOVING, item.done, item.size, item.folders, item.top
