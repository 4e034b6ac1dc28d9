"""What a watch has heard and the loop has not yet taken: bounded, without repeats, filled from any thread."""

import threading
from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from typing import Final

MOST: Final = 65536  # paths; about 10 MB at worst


class Fault(StrEnum):
    """What makes a watch less than whole."""

    FULL = "full"  # hints were dropped on our side; the watches are all there
    OVERFLOW = "overflow"  # the kernel dropped events, perhaps those of new directories
    UNMOUNT = "unmount"  # a file system at or below the root was unmounted
    ROOT = "root"  # the root was deleted
    LIMIT = "limit"  # a new directory could not be watched
    BROKEN = "broken"  # a thread died or stumbled


class Inbox:
    """Paths and faults on their way from watchdog's threads to the loop.

    `wake` is called on the filling thread, once for all that is put before the next take. When `most` paths wait, all
    are dropped and FULL says so: a rescan finds them, memory stays bounded.
    """

    def __init__(self, wake: Callable[[], None], *, most: int = MOST) -> None:
        self._wake = wake
        self._most = most
        self._lock = threading.Lock()
        self._paths: dict[bytes, None] = {}
        self._faults: set[Fault] = set()
        self._told = False
        self._closed = False

    def put(self, path: bytes) -> None:
        """Something may have happened at `path` (relative to the root)."""
        with self._lock:
            if len(self._paths) >= self._most and path not in self._paths:
                self._paths.clear()
                self._faults.add(Fault.FULL)
            else:
                self._paths[path] = None
            wake = self._needs_wake()
        if wake:
            self._wake()

    def fault(self, fault: Fault) -> None:
        """Something is wrong with the watch."""
        with self._lock:
            self._faults.add(fault)
            wake = self._needs_wake()
        if wake:
            self._wake()

    def _needs_wake(self) -> bool:
        told, self._told = self._told, True
        return not told and not self._closed

    def take(self, count: int) -> list[bytes]:
        """Up to `count` paths, oldest first."""
        with self._lock:
            taken = list(islice(self._paths, count))
            if len(taken) == len(self._paths):
                self._paths.clear()
                self._told = False
            else:
                for path in taken:
                    del self._paths[path]
            return taken

    def take_faults(self) -> frozenset[Fault]:
        """All faults since the last call."""
        with self._lock:
            faults = frozenset(self._faults)
            self._faults.clear()
            return faults

    @property
    def is_faulty(self) -> bool:
        """Whether a fault waits to be taken."""
        return bool(self._faults)

    def __len__(self) -> int:
        return len(self._paths)

    def close(self) -> None:
        """Drop everything, now and later."""
        with self._lock:
            self._closed = True
            self._paths.clear()
            self._faults.clear()
            self._most = 0
