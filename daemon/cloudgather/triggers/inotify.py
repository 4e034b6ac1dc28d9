"""One folder tree watched through watchdog, the only module that imports it.

watchdog 7.1 hides most of what can go wrong with a watch. The classes below overrule it where that would lose files;
tests/unit/triggers/test_inotify.py breaks each of these on purpose, so that another watchdog cannot undo them unseen.
"""

import contextlib
import ctypes
import errno
import fcntl
import logging
import os
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any, Final

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter, InotifyWatchGroup
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    Watch,
    WatchCallback,
    WatchDescriptor,
    inotify_add_watch,
)

from cloudgather.agent.walking import walk_folders
from cloudgather.core.filters import is_junk
from cloudgather.triggers.inbox import MOST, Fault, Inbox

logger = logging.getLogger(__name__)

# Without a filter our own reading of files (copies, digests) would come back as events. Less than this is no good
# either: moved-in folders and files that never get a close event (hard links, the content of new folders) need all.
_EVENTS: Final[list[type[FileSystemEvent]]] = [
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
# The machine's limits and, in a container with a user namespace of its own, that namespace's: the smaller one rules.
_LIMITS: Final = ("/proc/sys/fs/inotify/max_user_", "/proc/sys/user/max_inotify_")
_NO_WATCH: Final = WatchDescriptor(-1)


class LimitReached(Exception):
    """fs.inotify.max_user_watches does not allow a watch for each of the tree's `directories`."""

    def __init__(self, directories: int) -> None:
        super().__init__(f"cannot watch {directories} directories: the limit of inotify watches is reached")
        self.directories = directories


def limit(name: str) -> int | None:
    """The kernel's limit on "watches" or "instances" of this user; None where it cannot be read."""
    found = []
    for prefix in _LIMITS:
        with contextlib.suppress(OSError, ValueError), open(prefix + name, "rb") as file:
            found.append(int(file.read()))
    return min(found, default=None)


class TreeWatch:
    """Watches every folder of one tree but junk, with an inotify descriptor and threads of its own.

    What is heard goes into `inbox`: paths relative to the root, each no more than a hint that something may have
    happened there. A folder that was created or moved stands for all it holds: who takes the hint looks into it.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._lock = threading.Lock()
        self._reader: _Reader | None = None
        self._observer: _Observer | None = None
        self._stopped = False

    def start(self, root: bytes) -> None:
        """Walk the tree and watch it; takes seconds for 100 000 folders. Once only.

        `root` is a folder that can be read, absolute and without symlinks. Raises LimitReached; OSError, with EMFILE
        when there may be no further inotify instance.
        """
        reader = _Reader(self._inbox)
        reader.start()
        observer = _Observer(reader, self._inbox)
        try:
            # Bytes go through watchdog as they are, with names that are not text.
            # Not recursive for the emitter, which would walk into every folder that moves; _Group watches all the same.
            observer.schedule(_Handler(root, self._inbox), root, recursive=False, event_filter=_EVENTS)  # type: ignore[arg-type]
            observer.start()
        except BaseException as error:
            reader.stop()
            if reader.is_starved:  # even the root was refused, and so nothing was counted
                raise LimitReached(sum(1 for _ in walk_folders(root))) from error
            raise
        with self._lock:
            self._reader, self._observer = reader, observer
            unwanted = self._stopped
        if reader.is_starved or unwanted:
            self.stop()
        if reader.is_starved:
            raise LimitReached(reader.tried)

    def stop(self) -> None:
        """Free all watches; may take a second, waits for the threads. A start that still runs undoes itself."""
        with self._lock:
            self._stopped = True
            observer, self._observer = self._observer, None
        self._inbox.close()
        if observer is not None:
            observer.stop()
            observer.join()

    @property
    def is_whole(self) -> bool:
        """Whether all of the threads that bring events are alive."""
        reader, observer = self._reader, self._observer
        if reader is None or observer is None:
            return False
        emitters = list(observer.emitters)
        return bool(emitters) and all(thread.is_alive() for thread in (reader, observer, *emitters))

    @property
    def is_stale(self) -> bool:
        """Whether watches should be made anew some time: some were left on folders moved out, or some were refused."""
        return self._reader is not None and (self._reader.has_ghosts or self._reader.refused > 0)

    def heard(self) -> tuple[int, bool]:
        """How many of the kernel's events its reader has taken so far, and whether more of them wait for it."""
        reader = self._reader
        return (0, False) if reader is None else (reader.heard, reader.is_awaited)

    @property
    def directories(self) -> int:
        """How many folders are watched."""
        return self._reader.held if self._reader is not None else 0


class _Reader(InotifyFD):
    """Reads the kernel's events, and sees what watchdog keeps to itself: overflow, unmount, watches refused."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        os.set_inheritable(self._inotify_fd, False)  # watchdog makes it without IN_CLOEXEC
        self._inbox = inbox
        self._departed: set[int] = set()  # cookies of folders moved from somewhere and not yet to anywhere
        # watchdog makes an object and two dicts for each folder, all with the same callback: 300 bytes.
        self._any_watch = Watch(_NO_WATCH, Mask(0), b"")
        self._released = False
        self.heard = 0
        self.tried = 0
        self.refused = 0
        self.is_starved = False

    @property
    def held(self) -> int:
        return len(self._watch_for_wd)

    @property
    def has_ghosts(self) -> bool:
        return bool(self._departed)

    def run(self) -> None:
        try:
            super().run()
        finally:
            # What close() goes by: nobody reads any more, so that it gives the descriptors back itself.
            with self._lock:
                self._is_reading = False
                if self._closed:
                    self._close_resources()

    def close(self) -> None:
        """In place of watchdog's, which removes one watch after another: they all end with their descriptor."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._watch_for_wd.clear()
            if self._is_reading:
                os.write(self._kill_w, b"!")
            else:
                self._close_resources()

    def _close_resources(self) -> None:
        if not self._released:
            self._released = True
            super()._close_resources()

    @property
    def is_awaited(self) -> bool:
        """Whether events wait in the kernel to be read; true also at an instant at which it cannot be told."""
        if not self._lock.acquire(blocking=False):  # whoever asks is the event loop
            return True
        try:
            if self._released:
                return False
            waiting = fcntl.ioctl(self._inotify_fd, termios.FIONREAD, bytes(4))
        finally:
            self._lock.release()
        return int.from_bytes(waiting, sys.byteorder) > 0

    def handle_event(self, event: InotifyEvent) -> None:
        self.heard += 1
        if event.mask & InotifyConstants.IN_Q_OVERFLOW:
            # watchdog removes and re-adds all watches here. The removals alone overflow the queue again where there
            # are more folders than max_queued_events, for ever (tried). This watch is replaced as a whole instead.
            self._inbox.fault(Fault.OVERFLOW)
            return
        if event.mask & InotifyConstants.IN_UNMOUNT:
            self._inbox.fault(Fault.UNMOUNT)
        if event.mask & InotifyConstants.IN_ISDIR:
            self._follow(event)
        try:
            super().handle_event(event)
        except Exception:
            logger.exception("cannot handle an inotify event")
            self._inbox.fault(Fault.BROKEN)

    def refuse(self) -> None:
        """A folder may not be read, and so not be watched."""
        self.refused += 1

    def _follow(self, event: InotifyEvent) -> None:
        # watchdog keeps the watches of a folder that was moved out and reports what happens there under the old path.
        if event.is_moved_from and len(self._departed) < MOST:
            self._departed.add(event.cookie)
        elif event.is_moved_to:
            self._departed.discard(event.cookie)

    def _add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        # In place of watchdog's, which takes EACCES for success, adds to a closed descriptor (by then perhaps another
        # watch's) and warns of a folder that both the walk and an event have found. An OSError is what its callers
        # expect; they pass over it silently for all but the root, hence the counters.
        if self._closed:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.tried += 1
        if (wd := inotify_add_watch(self._inotify_fd, path, mask)) == _NO_WATCH:
            number = ctypes.get_errno()
            if number in (errno.ENOSPC, errno.ENOMEM):
                self.is_starved = True
                self._inbox.fault(Fault.LIMIT)
            elif number == errno.EACCES:
                self.refuse()
            raise OSError(number, os.strerror(number))
        self._any_watch.callbacks[id_] = callback
        self._watch_for_wd[wd] = self._any_watch
        return wd


class _Group(InotifyWatchGroup):
    """The watches of one tree, set up and let go without a system call too many."""

    def _add_all_callbacks(self, path: bytes) -> None:
        # In place of watchdog's, which goes by paths, and so into whatever has been exchanged for a symlink meanwhile,
        # anywhere on the machine. Each folder is watched before it is read: what comes into it later is an event.
        below = path[len(self.path) :].strip(b"/")
        if any(map(is_junk, below.split(b"/"))):
            return
        mask = Mask(self.event_mask & ~InotifyConstants.IN_DONT_FOLLOW)
        reader = self._inotify_fd
        assert isinstance(reader, _Reader)
        for folder, descriptor in walk_folders(self.path, below, reader.refuse):
            name = os.path.join(self.path, folder) if folder else self.path
            try:
                # The link in /proc leads to the very folder that is open, whatever its path leads to by now.
                link = b"/proc/self/fd/%d" % descriptor
                watch = reader.add_callback(link, mask, self._callback, self._id)
            except OSError:
                if name == self.path:
                    raise
                continue  # the reader has counted it
            self._active_callbacks_by_path[name] = watch
            self._active_callbacks_by_watch[watch] = name

    def _recursive_simulate(self, src_path: bytes) -> list[InotifyEvent]:
        return []  # who takes the hint of a folder looks into it

    def deactivate(self) -> None:
        """Hear no more. The watches end with the reader's descriptor, which is this tree's alone."""
        with self._lock:
            self._is_active = False
            self._active_callbacks_by_watch.clear()
            self._active_callbacks_by_path.clear()
            self._move_event_grouper.close()


class _Emitter(InotifyEmitter):
    """Watches by `_Group`, and bounds the queue between watchdog's threads, which is endless otherwise."""

    def __init__(self, *args: Any, inbox: Inbox, **others: Any) -> None:
        super().__init__(*args, **others)
        self._inbox = inbox

    def on_thread_start(self) -> None:
        self._inotify = _Group(
            self._inotify_fd,
            os.fsencode(self.watch.path),
            event_mask=self.get_event_mask_from_filter(),
            is_recursive=True,
        )

    def queue_event(self, event: FileSystemEvent) -> None:
        if self._event_queue.qsize() < MOST:
            super().queue_event(event)
        else:
            self._inbox.fault(Fault.FULL)


class _Observer(BaseObserver):
    """An observer with a reader of ours."""

    def __init__(self, reader: _Reader, inbox: Inbox) -> None:
        super().__init__(_Emitter, inotify_fd=reader, inbox=inbox)
        self._reader = reader

    def on_thread_stop(self) -> None:
        try:
            super().on_thread_stop()
        finally:
            self._reader.stop()
            self._reader.join()


class _Handler(FileSystemEventHandler):
    """Turns events into hints. Never raises: an exception would end the observer's thread, and nobody would know."""

    def __init__(self, root: bytes, inbox: Inbox) -> None:
        self._root = root
        self._below = root.rstrip(b"/") + b"/"
        self._inbox = inbox

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            if isinstance(event, DirDeletedEvent) and event.src_path == self._root:
                self._inbox.fault(Fault.ROOT)
            for path in self._hints(event):
                self._inbox.put(path)
        except Exception:
            logger.exception("cannot take in %r", event)
            with contextlib.suppress(Exception):
                self._inbox.fault(Fault.BROKEN)

    def _hints(self, event: FileSystemEvent) -> Iterator[bytes]:
        for path in (event.src_path, event.dest_path):
            if isinstance(path, bytes) and path.startswith(self._below):
                hint = path[len(self._below) :]
                if hint and not any(map(is_junk, hint.split(b"/"))):
                    yield hint
