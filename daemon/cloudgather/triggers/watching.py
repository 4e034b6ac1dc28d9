"""Keeps one task's source watched: by inotify where that works, by polling elsewhere, and says which."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cgwire.text import EN, sentence
from cloudgather.core.mounts import Mount
from cloudgather.outside.threads import on_thread
from cloudgather.ports.clock import Clock
from cloudgather.triggers.inbox import Fault, Inbox
from cloudgather.triggers.inotify import TreeWatch
from cloudgather.triggers.opening import Away, Polled, Watched, limits, open_watch, polled, polled_if_remote
from cloudgather.triggers.place import Place, locate, mounts_around, why_unusable
from cloudgather.triggers.polling import Rounds

logger = logging.getLogger(__name__)

_BEAT: Final = 3.0  # seconds between two looks at whether the watch is still the right one
_PATIENCE: Final = 60.0  # seconds that setting up watches may take before polling begins meanwhile
_SPACING: Final = timedelta(seconds=10)  # at least between two renewals because of overflow
_GRACE: Final = 5.0  # seconds that a watch may take to stop before it is left to itself
_GLANCE: Final = 1.0  # seconds between two looks at whether the watch goes on
_SLICE: Final = 1024  # hints handed on before other work of the loop gets its turn


class Mode(StrEnum):
    """How a source is followed."""

    INOTIFY = "inotify"
    POLLING = "polling"
    OFF = "off"  # the source is not there, or the watch is not yet set up


class Why(StrEnum):
    """Why the whole source must be scanned."""

    START = "start"
    OVERFLOW = "overflow"  # events were lost
    ROOT_BACK = "root-back"  # the root folder is there again, or is another one
    MOUNT = "mount"  # something was mounted or unmounted at, above or below the root
    RESCAN = "rescan"  # it is time
    BROKEN = "broken"  # the watch was not whole


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """How a source is followed, why not better, and how many folders are watched."""

    mode: Mode
    reason: Reason | None
    directories: int


class Watching:
    """Follows one source until cancelled; survives everything that can happen to the source.

    `sight` is called on the loop with paths relative to the root, files and folders: something may have happened there,
    and a folder means all it holds. `rescan` is called on the loop with a Why when the whole source must be scanned: at
    start, every `rescan_every` (every `poll_every` while polling), and whenever something may have been missed. Both
    should return at once; what they raise is logged. A source that lies on, or has below it, a remote file system is
    never watched: others' changes there give no events.
    """

    def __init__(
        self,
        task: str,
        root: bytes,
        *,
        sight: Callable[[bytes], None],
        rescan: Callable[[str], None],
        clock: Clock,
        mounts: Callable[[], Sequence[Mount]],
        poll_every: timedelta = timedelta(seconds=60),
        rescan_every: timedelta = timedelta(hours=1),
    ) -> None:
        self._task = task
        self._root = root
        self._sight = sight
        self._rescan = rescan
        self._clock = clock
        self._mounts = mounts
        self._poll_every = poll_every
        self._rescan_every = rescan_every
        self._overflows = Rounds(clock, timedelta(0))
        self._wake = asyncio.Event()
        self._starting: tuple[TreeWatch, asyncio.Future[Watched | Polled | Away]] | None = None
        self._now: Watched | Polled | Away | None = None

    @property
    def state(self) -> WatchState:
        """How the source is followed now."""
        match self._now:
            case Watched(watch=watch):
                return WatchState(mode=Mode.INOTIFY, reason=None, directories=watch.directories)
            case Polled(reason=reason):
                return WatchState(mode=Mode.POLLING, reason=reason, directories=0)
            case Away(reason=reason):
                return WatchState(mode=Mode.OFF, reason=reason, directories=0)
            case None:
                return WatchState(mode=Mode.OFF, reason=None, directories=0)

    def check(self) -> None:
        """Look now whether the watch is still the right one (the mounts changed); it is looked at every 3 s anyway."""
        self._wake.set()

    async def answers(self) -> None:
        """Ends when the watch has taken one of the events that wait for it; at once where none does."""
        if not isinstance(self._now, Watched):
            return
        watch = self._now.watch
        before, _ = watch.heard()
        while watch.heard() == (before, True):
            await self._clock.sleep(_GLANCE)

    async def run(self) -> None:
        """Follow the source until cancelled."""
        why = Why.START
        try:
            while True:
                self._now = await self._begin()
                match self._now:
                    case Watched() as watched:
                        logger.info("task %s: watched folders: %d", self._task, watched.watch.directories)
                        self._tell(why)
                        why = await self._keep(watched)
                        await self._free(watched.watch)
                    case Polled() as since:
                        logger.warning("task %s: %s", self._task, sentence(since.reason.to_wire(), EN))
                        self._tell(why)
                        why = await self._poll(since)
                    case Away() as away:
                        logger.warning("task %s: %s", self._task, sentence(away.reason.to_wire(), EN))
                        if why is Why.START:
                            self._tell(why)
                        why = await self._await_root()
        finally:
            await self._release()

    # ---- beginning -------------------------------------------------------------------------------------------------

    async def _begin(self) -> Watched | Polled | Away:
        mounts = tuple(self._mounts())
        if remote := polled_if_remote(self._root, self._root, mounts):
            self._drop_starting()
            return remote
        if self._starting is None:
            inbox = self._new_inbox()
            watch = TreeWatch(inbox)
            opening = on_thread(partial(open_watch, self._root, watch, inbox, mounts), f"watch {self._task}")
            self._starting = watch, opening
        _, opening = self._starting
        if not await self._within(_PATIENCE, opening):
            return polled(because(Code.WATCH_BROKEN, message="setting up takes long"), self._root, mounts)
        self._starting = None
        return opening.result()

    # ---- keeping ---------------------------------------------------------------------------------------------------

    async def _keep(self, watched: Watched) -> Why:
        """Until the watch must be made anew; answers what for."""
        rounds = Rounds(self._clock, self._rescan_every)
        while True:
            await self._pause(min(_BEAT, rounds.left()))
            faults = watched.inbox.take_faults()
            if Fault.UNMOUNT in faults or self._is_remounted(watched):
                return Why.MOUNT
            if Fault.ROOT in faults or await self._place() != watched.place:
                return Why.MOUNT if self._is_remounted(watched) else Why.ROOT_BACK  # it may have been mounted just now
            if Fault.OVERFLOW in faults:
                # A storm that outruns the kernel's queue would otherwise keep us at walking the tree.
                await self._clock.sleep(self._overflows.left())
                self._overflows = Rounds(self._clock, _SPACING)
                return Why.OVERFLOW
            if Fault.BROKEN in faults or Fault.LIMIT in faults or not watched.watch.is_whole:
                return Why.BROKEN
            if Fault.FULL in faults:
                self._tell(Why.OVERFLOW)
            if rounds.is_due():
                if watched.watch.is_stale:
                    return Why.RESCAN
                self._tell(Why.RESCAN)

    async def _poll(self, since: Polled) -> Why:
        """Until watching may work; answers why a scan is due then."""
        polls = Rounds(self._clock, self._poll_every)
        tries = Rounds(self._clock, self._rescan_every)
        while True:
            await self._pause(min(_BEAT, polls.left()))
            if mounts_around(since.path, self._mounts()) != since.around:
                return Why.MOUNT
            if self._starting is not None:
                if self._starting[1].done():
                    return Why.RESCAN
            elif tries.is_due() or limits() != since.limits:
                return Why.RESCAN
            if polls.is_due():
                self._tell(Why.RESCAN)

    async def _await_root(self) -> Why:
        """Until the root can be used."""
        while True:
            await self._pause(_BEAT)
            reason = await on_thread(partial(why_unusable, self._root), f"look {self._task}")
            if reason is None:
                return Why.ROOT_BACK
            self._now = Away(reason=reason)

    def _is_remounted(self, watched: Watched) -> bool:
        return mounts_around(watched.place.path, self._mounts()) != watched.around

    async def _place(self) -> Place | None:
        try:
            return await on_thread(partial(locate, self._root), f"look {self._task}")
        except OSError:
            return None

    async def _free(self, watch: TreeWatch) -> None:
        await self._within(_GRACE, on_thread(watch.stop, f"stop {self._task}"))

    def _drop_starting(self) -> None:
        if self._starting is not None:
            watch, _ = self._starting
            self._starting = None
            on_thread(watch.stop, f"stop {self._task}")

    async def _release(self) -> None:
        self._drop_starting()
        if isinstance(self._now, Watched):
            await self._free(self._now.watch)
        self._now = None

    # ---- telling ---------------------------------------------------------------------------------------------------

    def _new_inbox(self) -> Inbox:
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._drain, inbox)

        inbox = Inbox(wake)
        return inbox

    def _drain(self, inbox: Inbox) -> None:
        for path in inbox.take(_SLICE):
            try:
                self._sight(path)
            except Exception:
                logger.exception("task %s: cannot pass on a sighting of %r", self._task, path)
        if len(inbox):
            asyncio.get_running_loop().call_soon(self._drain, inbox)
        if inbox.is_faulty:
            self._wake.set()

    def _tell(self, why: Why) -> None:
        try:
            self._rescan(why)
        except Exception:
            logger.exception("task %s: cannot ask for a scan (%s)", self._task, why)

    # ---- waiting ---------------------------------------------------------------------------------------------------

    async def _pause(self, span: float) -> None:
        """Until the span has passed or something woke us."""
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await self._within(span, waking)
        finally:
            waking.cancel()
        self._wake.clear()

    async def _within(self, span: float, future: asyncio.Future[Any]) -> bool:
        """Wait for `future`, `span` seconds at most; whether it is done."""
        sleeping = asyncio.ensure_future(self._clock.sleep(span))
        try:
            await asyncio.wait({future, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
        return future.done()
