"""The kernel's mount table: what it says now, and a wake-up when it changes."""

import asyncio
import contextlib
import os
import select
import threading
from collections.abc import AsyncGenerator
from typing import Final

from cloudgather.core.mounts import Mount, parse_mountinfo

_TABLE: Final = "/proc/self/mountinfo"
# proc(5): a change marks the file as having an error and priority data, for each descriptor until it is polled.
_CHANGED: Final = select.POLLPRI | select.POLLERR
_TRIES: Final = 8


class MountTable:
    """The mounts this process sees. Any thread may call current()."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._file, _CHANGED)
        self._mounts: tuple[Mount, ...] | None = None

    def close(self) -> None:
        """Give the descriptor back; nothing may be called afterwards."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def current(self) -> tuple[Mount, ...]:
        """Every mount, in mountinfo's order, as of now; parsed anew only when something was changed."""
        with self._lock:
            if self._has_changed() or self._mounts is None:
                self._mounts = self._read()
            return self._mounts

    def _has_changed(self) -> bool:
        return any(events & _CHANGED for _, events in self._poll.poll(0))

    def _read(self) -> tuple[Mount, ...]:
        # The kernel hands out a page at a time: a change between two pages would tear the text.
        for _ in range(_TRIES):
            text = _whole(self._file)
            if not self._has_changed():
                break
        return parse_mountinfo(text)

    async def changes(self) -> AsyncGenerator[tuple[Mount, ...], None]:
        """The table after each change from now on; changes that come close together are told as one.

        asyncio's own reader callbacks know neither POLLPRI nor POLLERR, so a thread waits.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        watched = os.open(_TABLE, os.O_RDONLY | os.O_CLOEXEC)
        ended = os.eventfd(0, os.EFD_CLOEXEC)

        def wait() -> None:
            poll = select.poll()
            poll.register(watched, _CHANGED)
            poll.register(ended, select.POLLIN)
            try:
                while not any(fd == ended for fd, _ in poll.poll()):
                    with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to end
                        loop.call_soon_threadsafe(changed.set)
            finally:
                os.close(watched)
                os.close(ended)

        threading.Thread(target=wait, name="mounts", daemon=True).start()
        try:
            while True:
                await changed.wait()
                changed.clear()
                yield self.current()
        finally:
            os.eventfd_write(ended, 1)


def _whole(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
    return b"".join(parts)
