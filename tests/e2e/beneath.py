"""Beneath: watches the folder under a mount point, which nobody can look into while something is mounted there."""

import ctypes
import os
import struct
from types import TracebackType
from typing import Final

_CREATED: Final = 0x00000100
_MODIFIED: Final = 0x00000002
_MOVED_HERE: Final = 0x00000080
_HEAD: Final = struct.Struct("iIII")


class Beneath:
    """Enter it before anything is mounted: an inotify watch is on the folder itself, not on its path."""

    def __init__(self, folder: bytes) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> "Beneath":
        assert os.listdir(self._folder) == []
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        watch = libc.inotify_add_watch(self._descriptor, self._folder, _CREATED | _MODIFIED | _MOVED_HERE)
        if self._descriptor < 0 or watch < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def made(self) -> list[bytes]:
        """The names of all that was made or written in the folder since it was entered."""
        names: list[bytes] = []
        while True:
            try:
                events = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return names
            while events:
                length = _HEAD.unpack_from(events)[3]
                names.append(events[_HEAD.size : _HEAD.size + length].rstrip(b"\0"))
                events = events[_HEAD.size + length :]
