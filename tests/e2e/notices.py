"""Notices: what inotify tells of folders, unmerged and with nothing lost unsaid."""

import ctypes
import os
import select
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Final

ACCESSED: Final = 0x00000001
MODIFIED: Final = 0x00000002
ATTRIBUTES: Final = 0x00000004
OPENED: Final = 0x00000020
MOVED_AWAY: Final = 0x00000040
MOVED_HERE: Final = 0x00000080
CREATED: Final = 0x00000100
DELETED: Final = 0x00000200
# Everything but a look: neither lstat nor O_PATH is told of.
TOUCHED: Final = ACCESSED | MODIFIED | ATTRIBUTES | OPENED | MOVED_AWAY | MOVED_HERE | CREATED | DELETED
_OVERFLOWN: Final = 0x00004000
_HEAD: Final = struct.Struct("iIII")


@dataclass(frozen=True, slots=True)
class Notice:
    """One event: its kind is one of the constants above."""

    kind: int
    folder: bytes
    name: bytes


class Notices:
    """Watches folders, not their paths: it goes on when something is mounted over one. Close it, or enter it."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders: dict[int, bytes] = {}
        if self._descriptor < 0:
            raise _error()

    def __enter__(self) -> "Notices":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Watch nothing any more."""
        os.close(self._descriptor)

    def watch(self, folder: bytes, kinds: int) -> None:
        """Hear of these kinds of events in the folder itself, not in those below."""
        number = self._libc.inotify_add_watch(self._descriptor, folder, kinds)
        if number < 0:
            raise _error()
        self._folders[number] = folder

    def wait(self, seconds: float) -> list[Notice]:
        """What has happened since the last call; if nothing has, wait for at most so long."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        events = os.read(self._descriptor, 1 << 20)
        found = []
        while events:
            watch, mask, _, length = _HEAD.unpack_from(events)
            assert not mask & _OVERFLOWN, "events were lost"
            name = events[_HEAD.size : _HEAD.size + length].rstrip(b"\0")
            events = events[_HEAD.size + length :]
            found.append(Notice(mask & 0xFFF, self._folders[watch], name))
        return found


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
