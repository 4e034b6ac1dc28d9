"""Folders beneath a root, reached one component at a time by descriptors."""

import errno
import os
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, Self, TypeVar

from cloudgather.agent.job import Trouble

T = TypeVar("T")

# O_PATH asks a FUSE file system for a lookup only, not for an opendir.
FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# No component of a path that is meant to stay beneath a root.
_NOWHERE: Final = frozenset({b"", b".", b".."})
_SLASH: Final = ord("/")
# For how long the files of a folder are reached through one descriptor of it, where an operation is about many.
KEEP: Final = 0.05
# What file systems answer that cannot fsync a folder.
_NOFOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


def components(path: bytes) -> list[bytes]:
    """The parts of a relative path; none for b"". Raises Trouble "bad" for what could lead anywhere else."""
    parts = path.split(b"/") if path else []
    if 0 in path or not _NOWHERE.isdisjoint(parts):
        raise Trouble("bad", f"not a path beneath a root: {path!r}")
    return parts


def split(path: bytes) -> tuple[bytes, bytes]:
    """The folder, still to be judged by components(), and the name of a path; raises Trouble "bad" for what is none."""
    folder, slash, name = path.rpartition(b"/")
    if name in _NOWHERE or 0 in name or (slash and not folder):
        raise Trouble("bad", f"not a path beneath a root: {path!r}")
    return folder, name


def beside(destination: bytes, temporary: bytes) -> tuple[bytes, bytes]:
    """split(destination), in whose folder `temporary` is a name, too; raises Trouble "bad"."""
    if temporary in _NOWHERE or 0 in temporary or _SLASH in temporary:
        raise Trouble("bad", f"a temporary lies beside its destination: {temporary!r}")
    return split(destination)


class _Closing:
    """No generator: each file has some, and that would cost as much as the call."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        try:
            os.close(self._fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise


def closing(fd: int) -> _Closing:
    """Closes `fd` at the end, whatever close says: for descriptors that nothing was written through."""
    return _Closing(fd)


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


class Last(Generic[T]):
    """Folders beneath a root, of which the last stays open for `keep` seconds: its files then cost one walk together.

    What happens to it within that span goes unnoticed; without `keep` each path is walked anew.
    """

    def __init__(self, walked: Callable[[bytes], T], close: Callable[[T], None], *, keep: float = 0.0) -> None:
        self._walked = walked
        self._leave = close
        self._keep = keep
        self._path: bytes | None = None
        self._folder: T
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def at(self, path: bytes) -> T:
        """What stands for the folder; it stays ours, and is good until the next call. Raises what `walked` raises."""
        if path != self._path or time.monotonic() >= self._until:
            self._close()
            self._folder = self._walked(path)
            self._path = path
            self._until = time.monotonic() + self._keep
        return self._folder

    def _close(self) -> None:
        if self._path is None:
            return
        self._path = None
        self._leave(self._folder)


class LastFolder(Last[int]):
    """By descriptors (O_PATH)."""

    def __init__(self, walked: Callable[[bytes], int], *, keep: float = 0.0) -> None:
        super().__init__(walked, os.close, keep=keep)


def sync_folder(fd: int) -> None:
    """fsync the folder that `fd` (O_PATH) stands for; file systems that cannot are let be."""
    try:
        with closing(os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)) as folder:
            os.fsync(folder)
    except OSError as error:
        if error.errno not in _NOFOLDER_SYNC:
            raise


def open_root(root: bytes) -> int:
    """A descriptor of the root folder itself, symlinks in its own path followed. Never creates anything."""
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
