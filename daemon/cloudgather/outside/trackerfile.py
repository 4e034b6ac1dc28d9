"""Reads the file of trackers that are given to public torrents, again whenever it has changed."""

import asyncio
import errno
import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import Final

from cloudgather.core.naming import shown
from cloudgather.core.trackers import MOST_BYTES, listed
from cloudgather.outside.threads import on_thread
from cloudgather.ports.clock import Clock

logger = logging.getLogger(__name__)

_EVERY: Final = 30.0  # seconds between two looks at it
_WITHIN: Final = 5.0

_Likeness = tuple[int, int, int]  # inode, size, mtime in nanoseconds


class TrackerFile:
    """One file at a time; what it held last counts where it cannot be read."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._file = b""
        self._found: Sequence[str] = ()
        self._like: _Likeness | None = None
        self._next = 0.0  # monotonic: the next look
        self._reading: asyncio.Future[tuple[_Likeness, bytes | None]] | None = None
        self._told = ""  # what was wrong with it when that was told last

    async def trackers(self, file: bytes) -> Sequence[str]:
        """Those in there; none as long as it could not be read."""
        if file != self._file:
            self._file, self._found, self._like, self._next, self._reading = file, (), None, 0.0, None
        if self._clock.monotonic() < self._next:
            return self._found
        if self._reading is None:
            self._reading = on_thread(partial(_read, file, self._like), "trackers")
        reading = self._reading
        await asyncio.wait([reading], timeout=_WITHIN)
        if reading is not self._reading:  # somebody else has taken this up meanwhile
            return self._found
        self._next = self._clock.monotonic() + _EVERY
        if not reading.done():
            self._tell(file, "no answer in time")
            return self._found
        self._reading = None
        try:
            self._like, content = reading.result()
        except OSError as error:
            self._tell(file, error.strerror or str(error))
            return self._found
        if content is not None:
            self._found, wrong = listed(content)
            self._tell(file, f"{wrong} of its lines are no addresses of trackers" if wrong else "")
        return self._found

    def _tell(self, file: bytes, wrong: str) -> None:
        if wrong and wrong != self._told:
            logger.warning("the file of trackers %s: %s", shown(file), wrong)
        self._told = wrong


def _read(file: bytes, before: _Likeness | None) -> tuple[_Likeness, bytes | None]:
    """What it is like, and its content where that is another; raises OSError."""
    with open(file, "rb", opener=_without_waiting) as opened:
        state = os.fstat(opened.fileno())
        like = (state.st_ino, state.st_size, state.st_mtime_ns)
        content = None if like == before else opened.read(MOST_BYTES + 1) or b""
    if content is not None and len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return like, content


def _without_waiting(file: str, flags: int) -> int:
    """For somebody to write, where it is a FIFO."""
    return os.open(file, flags | os.O_NONBLOCK)
