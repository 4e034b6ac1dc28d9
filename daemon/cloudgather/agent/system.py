"""System calls that Python has no function for."""

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from typing import Any, Final

SYNC_FILE_RANGE_WAIT_BEFORE: Final = 1
SYNC_FILE_RANGE_WRITE: Final = 2
SYNC_FILE_RANGE_WAIT_AFTER: Final = 4

_PR_SET_PDEATHSIG: Final = 1
_PROT_READ: Final = 1
_MAP_SHARED: Final = 1
_PAGE: Final = os.sysconf("SC_PAGESIZE")

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
)  # fmt: skip
_libc.mmap.restype = ctypes.c_void_p
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)

_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_STATX_FORCE_SYNC: Final = 0x2000
_STATX_BASIC_STATS: Final = 0x7FF
_STATX_BYTES: Final = 256
_SIZE_AND_MTIME: Final = struct.Struct("=40x Q 64x q I")  # on all machines alike
_statx: Final[Callable[..., int] | None] = getattr(_libc, "statx", None)
# An old kernel, one that glibc or musl makes up for, a filter of system calls.
_NO_STATX: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM})

_RENAME_NOREPLACE: Final = 1
_renameat2: Final[Callable[..., int] | None] = getattr(_libc, "renameat2", None)
# An old kernel, a file system that has no such rename, a filter of system calls.
_NO_RENAMEAT2: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM})


def _demand(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` to this process when the thread that started it ends."""
    _demand(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0))


def syncfs(fd: int) -> None:
    """Write out everything of the file system that `fd` is on."""
    _demand(_libc.syncfs(fd))


def sync_file_range(fd: int, offset: int, length: int, flags: int) -> None:
    """Begin, or wait for, the write-out of a range of the page cache."""
    _demand(_libc.sync_file_range(fd, offset, length, flags))


def ask(folder: int, name: bytes, *, statx: Callable[..., Any] | None = _statx) -> tuple[int, int]:
    """Size and mtime_ns of a file, from whoever serves its file system, not from what the kernel remembers of it.

    NFS heeds that, FUSE since Linux 4.17, CIFS since 5.7. Without statx the file is opened, whereupon NFS and CIFS ask,
    and FUSE does once its attributes have timed out. A FUSE mount with the kernel's writeback cache goes by what was
    written, however it is asked.
    """
    if statx is not None:
        buffer = ctypes.create_string_buffer(_STATX_BYTES)
        flags = _AT_SYMLINK_NOFOLLOW | _AT_STATX_FORCE_SYNC
        if statx(folder, name, flags, _STATX_BASIC_STATS, buffer) == 0:
            size, seconds, nanoseconds = _SIZE_AND_MTIME.unpack_from(buffer)
            return size, seconds * 10**9 + nanoseconds
        if ctypes.get_errno() not in _NO_STATX:
            _demand(-1)
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        state = os.fstat(fd)
    finally:
        os.close(fd)
    return state.st_size, state.st_mtime_ns


def rename_to_free(folder: int, old: bytes, new: bytes, *, renameat2: Callable[..., Any] | None = _renameat2) -> None:
    """Rename in a folder; FileExistsError where something has the new name. In one step; without renameat2 in two."""
    if renameat2 is not None:
        if renameat2(folder, old, folder, new, _RENAME_NOREPLACE) == 0:
            return
        if ctypes.get_errno() not in _NO_RENAMEAT2:
            _demand(-1)
    try:
        os.stat(new, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def resident(fd: int, offset: int, length: int) -> float:
    """Which share of a file's range (page-aligned offset) is in the page cache, from 0 to 1.

    The kernel says 1 to those who may not write the file (mincore(2), since Linux 5.2).
    """
    address = _libc.mmap(None, length, _PROT_READ, _MAP_SHARED, fd, offset)
    if address in (None, ctypes.c_void_p(-1).value):
        _demand(-1)
    pages = (length + _PAGE - 1) // _PAGE
    vector = ctypes.create_string_buffer(pages)
    try:
        _demand(_libc.mincore(address, length, vector))
    finally:
        _libc.munmap(address, length)
    return sum(page & 1 for page in vector.raw[:pages]) / pages
