"""Asks the configured downloaders what they know of files, and tells when they have completed something."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cgwire.text import EN, sentence
from cloudgather.core.claim import Claim, word_of
from cloudgather.core.downloader import DownloaderSpec, Item
from cloudgather.core.naming import shown
from cloudgather.core.task import Send, Task
from cloudgather.pipeline.following import Following
from cloudgather.pipeline.places import Place
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.downloader import Downloader
from cloudgather.ports.queue import QueueStore, StoreUnavailable
from cloudgather.ports.source import Look, Source
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)

_FLAG: Final = "downloader:"
_LET_GO_EVERY: Final = 5.0  # seconds
_LISTEN_AGAIN: Final = 10.0  # seconds
_MOST_REMEMBERED: Final = 1000  # places; of more the folders, or their parents


class Listener(Protocol):
    """Who hears what the downloaders have done."""

    def finished(self, paths: Sequence[bytes], downloader: str, item: str) -> None:
        """These absolute paths are complete; files elsewhere may be other links to them."""
        ...

    def answers(self, downloader: str) -> None:
        """What waits for this downloader can be judged."""
        ...


class Claims:
    """All configured downloaders."""

    def __init__(
        self,
        *,
        store: QueueStore,
        clock: Clock,
        make: Callable[[DownloaderSpec], Downloader],
        source_at: Callable[[bytes], Source],
    ) -> None:
        self.following: dict[str, Following] = {}
        self._store = store
        self._clock = clock
        self.make = make
        self.source_at = source_at
        self._written: dict[str, Sequence[Place]] = {}
        self._finished: Callable[[], None] | None = None

    def on_finished(self, wake: Callable[[], None]) -> None:
        """Whoever follows downloads: something is complete now."""
        self._finished = wake

    async def take(self, specs: Mapping[str, DownloaderSpec]) -> Sequence[str]:
        """Follow these and no others; answers with the names of those that are not followed any more, or anew."""
        flags = await self._store.flags()
        ended = [name for name, each in self.following.items() if specs.get(name) != each.spec]
        closing = [self.following.pop(name) for name in ended]
        for name, spec in specs.items():
            if name not in self.following:
                self.following[name] = Following(
                    spec=spec,
                    port=self.make(spec),
                    clock=self._clock,
                    source_at=self.source_at,
                    remembered=_places(flags.get(_FLAG + name)),
                )
        for each in closing:
            await each.port.close()
        for name in ended:
            if name not in specs:
                self._written.pop(name, None)
                with contextlib.suppress(StoreUnavailable):  # it stays, and is read if that downloader comes again
                    await self._store.set_flag(_FLAG + name, None)
        return ended

    async def close(self) -> None:
        """End all conversations."""
        for each in self.following.values():
            await each.port.close()

    async def serve(self, name: str, listener: Listener) -> None:
        """Poll one downloader, and listen to it, until cancelled."""
        following = self.following[name]
        beside = [
            asyncio.create_task(self._listen(following), name=f"listening to {name}"),
            asyncio.create_task(self._let_go(following), name=f"what {name} has left"),
        ]
        try:
            await self._poll(following, listener)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _listen(self, following: Following) -> None:
        """Ask it soon where it says that something has happened; polls find that as well, only later."""
        while True:
            try:
                await following.port.listen(following.poll_soon)
            except CannotAsk:
                pass  # its polls tell why
            except Exception:
                logger.exception("listening to %s failed: a bug of ours", following.spec.name)
                return
            await self._clock.sleep(_LISTEN_AGAIN)

    async def _let_go(self, following: Following) -> None:
        while True:
            await self._clock.sleep(_LET_GO_EVERY)
            try:
                await following.let_go_of_what_is_not_here()
            except Exception:
                logger.exception("looking for what %s has left failed: a bug of ours", following.spec.name)
                return

    async def _poll(self, following: Following, listener: Listener) -> None:
        silent = False
        finished: list[Item] = []  # what nobody has been told of yet
        while True:
            news = await following.poll()
            finished += news.finished
            _tell_what_is_complete(following.spec.name, news.finished)  # before any file of it goes for that
            if news.finished and self._finished is not None:
                self._finished()
            if (following.silent is not None) != silent:
                silent = not silent
                _tell(following)
            if following.silent is None:
                if news.back:
                    listener.answers(following.spec.name)
                await self._tell_of(finished, following, listener)
                await self._remember(following)
            while (left := following.again - self._clock.monotonic()) > 0:
                await wait_for_either(following.wake.wait(), self._clock.sleep(left))
                following.wake.clear()

    async def _tell_of(self, finished: list[Item], following: Following, listener: Listener) -> None:
        """What is left of `finished` is to be told with the next answer; what could not be told now comes last then."""
        name = following.spec.name
        while finished:
            item = finished.pop(0)
            try:
                files = await following.port.files(item.id)
            except CannotAsk:
                finished.append(item)
                break
            listener.finished(following.paths_of(item, files), name, item.id)

    async def _remember(self, following: Following) -> None:
        """Write down where it has unfinished files, for the next start."""
        name = following.spec.name
        unfinished = _at_most(_MOST_REMEMBERED, following.unfinished())
        if self._written.get(name) != unfinished:
            try:
                await self._store.set_flag(_FLAG + name, _written(unfinished))
            except StoreUnavailable:
                return  # with the next poll
            self._written[name] = unfinished

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def words(self, task: Task, looks: Sequence[Look]) -> Mapping[bytes, Reason]:
        """By path, for those of them that a downloader claims or may claim: met.*, wait.* or skip.*."""
        if not self.following:
            return {}
        found = {}
        for look in looks:
            if (word := await self.word(task, look)) is not None:
                found[look.path] = word
        return found

    async def word(self, task: Task, look: Look) -> Reason | None:
        """What is said of one file; None where nobody claims it."""
        path = _absolute(task, look.path)
        silent = late = None
        claims: list[Claim] = []
        for following in [*self.following.values()]:
            try:
                if following.silent is None:
                    claims += await following.claims(path, look)
            except CannotAsk as refused:
                following.fell_silent(refused.reason)
            if following.silent is None:
                late = late or following.silence()
            elif following.may_claim(path, look):
                silent = silent or following.silence()
        if any(claim.file.wanted for claim in claims):
            return word_of(claims, size=look.version.size, whole=task.send is not Send.FILE)
        return silent or word_of(claims, size=look.version.size, whole=False) or late

    async def unwanted(self, task: Task, path: bytes) -> bool:
        """Whether it is a file of a torrent that nobody chose."""
        for following in self.following.values():
            try:
                if await following.unwanted(_absolute(task, path)):
                    return True
            except CannotAsk:
                continue
        return False

    def answering(self, task: Task, path: bytes) -> bool:
        """Whether a downloader that puts files there can be asked."""
        if not self.following:
            return False
        path = _absolute(task, path)
        return any(each.silent is None and each.covers(path) for each in self.following.values())

    def needed_by_others(self, folder: bytes, *, but: str) -> Reason | None:
        """Why what lies in there has to stay: another downloader than this has something there, or may have."""
        for name, each in self.following.items():
            if name == but:
                continue
            if (item := each.item_in(folder)) is not None:
                return because(Code.HELD_DOWNLOAD_BESIDE, downloader=name, name=item.name)
            if each.silent is not None and each.may_have_in(folder):
                return each.silence()
        return None

    def asked_since(self) -> float | None:
        """Monotonic: all that answer have been asked since then; None where none answers."""
        heard = [each.heard for each in self.following.values() if each.silent is None and each.heard is not None]
        return min(heard, default=None)

    @property
    def names(self) -> list[str]:
        """Of all that are configured."""
        return list(self.following)


def _absolute(task: Task, path: bytes) -> bytes:
    return task.source.rstrip(b"/") + b"/" + path


def _written(places: Sequence[Place]) -> str:
    return json.dumps([(os.fsdecode(each.folder), os.fsdecode(each.top), each.item) for each in places])


def _places(flag: str | None) -> list[Place]:
    try:
        read = json.loads(flag or "[]")
        return [Place(folder=os.fsencode(folder), top=os.fsencode(top), item=item) for folder, top, item in read]
    except (ValueError, TypeError):
        return []


def _at_most(most: int, places: Sequence[Place]) -> Sequence[Place]:
    """These, or of too many the folders below which all of them lie: the deepest give way to their parents."""
    if len(places) <= most:
        return places
    found = {place.folder for place in places}
    while len(found) > most:
        deepest = max(folder.count(b"/") for folder in found)
        found = {os.path.dirname(folder) if folder.count(b"/") == deepest else folder for folder in found}
    return [Place(folder=folder) for folder in sorted(found)]


def _tell(following: Following) -> None:
    if following.silent is None:
        logger.info("the downloader %s answers", following.spec.name)
    else:
        cause = sentence(following.silent.to_wire(), EN)
        logger.warning("the downloader %s cannot be asked: %s", following.spec.name, cause)


def _tell_what_is_complete(name: str, items: Sequence[Item]) -> None:
    for item in items:
        logger.info("the downloader %s has completed %s", name, shown(item.name.encode(errors="surrogateescape")))
