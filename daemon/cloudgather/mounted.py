"""What is mounted at this moment, and on which mount an open file lies; costs a poll while nothing changes."""

import ctypes
import errno
import os
import select
import struct
import threading
from functools import lru_cache
from typing import Final

from cloudgather.core.mounts import Mount, parse_mountinfo

TABLE: Final = "/proc/self/mountinfo"
# proc(5): a change marks the file as having an error and priority data, for each descriptor until it is polled.
CHANGED: Final = select.POLLPRI | select.POLLERR
_TRIES: Final = 8

_AT_EMPTY_PATH: Final = 0x1000
_AT_STATX_DONT_SYNC: Final = 0x4000  # the mount is known without asking the file system
_STATX_MNT_ID: Final = 0x1000
_STATX_SIZE: Final = 256
_STATX_HEAD: Final = struct.Struct("I140xQ")  # stx_mask, and stx_mnt_id at 144
_statx: Final = getattr(ctypes.CDLL(None), "statx", None)


class MountTable:
    """The mounts this process sees. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file = os.open(TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._file, CHANGED)
        self._stale = True
        self._mounts: tuple[Mount, ...] = ()
        self._by_id: dict[int, tuple[Mount, bool]] = {}

    def close(self) -> None:
        """Give the descriptor back; nothing may be called afterwards."""
        with self._lock:
            if self._file >= 0:
                self._poll.unregister(self._file)
                os.close(self._file)
                self._file = -1

    def current(self) -> tuple[Mount, ...]:
        """Every mount, in mountinfo's order, as of now; parsed anew only when something was changed."""
        with self._lock:
            self._refresh()
            return self._mounts

    def of_id(self, number: int) -> tuple[Mount | None, bool]:
        """The mount of this id, and whether it is the last of its mount point: neither detached nor mounted over."""
        with self._lock:
            self._refresh()
            return self._by_id.get(number, (None, False))

    def _refresh(self) -> None:
        if self._poll.poll(0) or self._stale:
            self._stale = True  # what cannot be read is not taken for unchanged the next time
            mounts = self._read()
            last = {mount.mount_point: mount for mount in mounts}
            self._by_id = {mount.id: (mount, last[mount.mount_point] is mount) for mount in mounts}
            self._mounts = mounts
            self._stale = False

    def _read(self) -> tuple[Mount, ...]:
        # The kernel hands out a page at a time: a change between two pages would tear the text.
        for _ in range(_TRIES):
            text = _whole(self._file)
            if not self._poll.poll(0):
                break
        return parse_mountinfo(text)


def _whole(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    parts = []
    while part := os.read(file, 1 << 20):
        parts.append(part)
    return b"".join(parts)


@lru_cache(maxsize=1)
def _table() -> MountTable:
    return MountTable()


def mounts() -> tuple[Mount, ...]:
    """Every mount as of now."""
    return _table().current()


def mount_under(fd: int) -> tuple[Mount | None, bool]:
    """The mount of `fd`, and whether it is the last of its mount point: neither detached nor mounted over."""
    return mount_of_id(mount_id(fd))


def mount_of_id(number: int) -> tuple[Mount | None, bool]:
    """mount_under of whatever was opened on the mount of this id."""
    return _table().of_id(number)


def mount_id(fd: int) -> int:
    """The id of the mount that `fd` was opened on; it stays that as long as `fd` is open."""
    if _statx is not None:
        told = ctypes.create_string_buffer(_STATX_SIZE)
        if _statx(fd, b"", _AT_EMPTY_PATH | _AT_STATX_DONT_SYNC, _STATX_MNT_ID, told) == 0:
            mask, number = _STATX_HEAD.unpack_from(told)
            if mask & _STATX_MNT_ID:
                return int(number)
    return told_by_fdinfo(fd)


def told_by_fdinfo(fd: int) -> int:
    """mount_id where the kernel (before Linux 5.8) or the C library has no statx that tells it."""
    info = os.open(b"/proc/self/fdinfo/%d" % fd, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lines = os.read(info, 4096).splitlines()
    finally:
        os.close(info)
    for line in lines:
        if line.startswith(b"mnt_id:"):
            return int(line[7:])
    raise OSError(errno.ENOSYS, "the kernel does not tell mount ids")
