"""Keeps a copy from filling the page cache: what was read or written once is dropped a window later.

All of it is advice: a file system that refuses is let be.
"""

import errno
import os
from typing import Final

from cloudgather.agent.system import (
    SYNC_FILE_RANGE_WAIT_AFTER,
    SYNC_FILE_RANGE_WAIT_BEFORE,
    SYNC_FILE_RANGE_WRITE,
    resident,
    sync_file_range,
)

WINDOW: Final = 32 * 1024 * 1024
_WRITE_OUT: Final = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
# The only answers of a write-out that say something about the data.
_LOST: Final = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})


def drop(fd: int, offset: int = 0, length: int = 0) -> None:
    """Let the page cache forget clean pages (length 0: to the end)."""
    try:
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)
    except OSError:
        return


class WrittenPages:
    """Write-behind: one window is on its way to the disk while the next is written, and dropped when it is there."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._begun = 0

    def wrote(self, total: int) -> None:
        """Raises OSError where the disk did not take what was written before."""
        while total - self._begun >= WINDOW:
            self._sync(self._begun, SYNC_FILE_RANGE_WRITE)
            if self._begun >= WINDOW:
                before = self._begun - WINDOW
                self._sync(before, _WRITE_OUT)
                drop(self._fd, before, WINDOW)
            self._begun += WINDOW

    def _sync(self, offset: int, flags: int) -> None:
        try:
            sync_file_range(self._fd, offset, WINDOW, flags)
        except OSError as error:
            if error.errno in _LOST:
                raise


class ReadPages:
    """Drops what was read, but for windows that were cached before: somebody else, a seeding client, wants those."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._judged = 0
        self._droppable: int | None = None

    def will_read(self, offset: int) -> None:
        """Called before each read."""
        if offset < self._judged or offset >= self._size:
            return
        self.finish()
        length = min(WINDOW, self._size - offset)
        try:
            # Read-ahead of the window before has brought some of it in already.
            ours = offset % WINDOW == 0 and resident(self._fd, offset, length) < 0.5
        except OSError:
            ours = False
        self._droppable = offset if ours else None
        self._judged = offset + length

    def finish(self) -> None:
        """Drop the last window."""
        if self._droppable is not None:
            drop(self._fd, self._droppable, WINDOW)
            self._droppable = None
