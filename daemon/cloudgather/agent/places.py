"""Folders beneath a root, reached one component at a time by descriptors, and the mounts that they are on."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from cloudgather.agent.job import Trouble
from cloudgather.core.mounts import Mount, parse_mountinfo

# O_PATH asks a FUSE file system for a lookup only, not for an opendir.
FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# What file systems answer that cannot fsync a folder.
_NOFOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


def components(path: bytes) -> list[bytes]:
    """The parts of a relative path; none for b"". Raises Trouble "bad" for what could lead anywhere else."""
    parts = path.split(b"/") if path else []
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise Trouble("bad", f"not a path beneath a root: {path!r}")
    return parts


@contextmanager
def closing(fd: int) -> Iterator[int]:
    """Closes `fd` at the end, whatever close says: for descriptors that nothing was written through."""
    try:
        yield fd
    finally:
        try:
            os.close(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise


def walk(start: int, parts: Sequence[bytes]) -> int:
    """A new descriptor (O_PATH) of the folder `parts` beneath `start`.

    Raises FileNotFoundError, and NotADirectoryError for a symlink or anything else that is no folder.
    """
    here = os.dup(start)
    for part in parts:
        try:
            there = os.open(part, FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def sync_folder(fd: int) -> None:
    """fsync the folder that `fd` (O_PATH) stands for; file systems that cannot are let be."""
    try:
        with closing(os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)) as folder:
            os.fsync(folder)
    except OSError as error:
        if error.errno not in _NOFOLDER_SYNC:
            raise


def mount_id(fd: int) -> int:
    """The id of the mount that `fd` was opened on, as proc(5) tells in fdinfo."""
    with closing(os.open(b"/proc/self/fdinfo/%d" % fd, os.O_RDONLY | os.O_CLOEXEC)) as info:
        for line in os.read(info, 4096).splitlines():
            if line.startswith(b"mnt_id:"):
                return int(line[7:])
    raise OSError(errno.ENOSYS, "the kernel does not tell mount ids")


_parsed: Final = lru_cache(maxsize=1)(parse_mountinfo)


def mounts() -> tuple[Mount, ...]:
    """mountinfo as of now; parsed again only when its text differs."""
    pieces = []
    with closing(os.open(b"/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)) as info:
        while piece := os.read(info, 65536):
            pieces.append(piece)
    return _parsed(b"".join(pieces))


def mount_under(fd: int) -> tuple[Mount | None, bool]:
    """The mount of `fd`, and whether it is the last of its mount point: neither detached nor mounted over."""
    number = mount_id(fd)
    now = mounts()
    found = next((mount for mount in now if mount.id == number), None)
    if found is None:
        return None, False
    last = next(mount for mount in reversed(now) if mount.mount_point == found.mount_point)
    return found, last.id == number


def open_root(root: bytes) -> int:
    """A descriptor of the root folder itself, symlinks in its own path followed. Never creates anything."""
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
