"""System calls that Python has no function for."""

import ctypes
import os
from typing import Final

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
