"""Walks a source's tree by folder descriptors, so that nothing swapped for a symlink meanwhile leads out of it."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from cloudgather.agent.places import closing, components, open_root, walk
from cloudgather.core.filters import is_junk
from cloudgather.ports.source import Absent, Refused, Seen

BATCH: Final = 1024
# How many folders of the present path are kept open: enough that a step down or up rarely opens more than one.
_KEPT: Final = 64
_READ_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})

Found = Seen | Refused


class _Descent:
    """Opens folders beneath a root for reading, keeping those open that the next one is likely to lie in."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._open: dict[tuple[bytes, ...], int] = {}

    def __enter__(self) -> "_Descent":
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._open.values():
            os.close(fd)

    def open(self, parts: tuple[bytes, ...]) -> int:
        """A descriptor to read the folder by; the caller closes it or has it kept."""
        if not parts:
            return os.open(b".", _READ_FOLDER, dir_fd=self._root)
        for path in [path for path in self._open if parts[: len(path)] != path]:
            os.close(self._open.pop(path))
        if (above := self._open.get(parts[:-1])) is not None:
            return os.open(parts[-1], _READ_FOLDER, dir_fd=above)
        nearest = next((parts[:end] for end in range(len(parts) - 1, 0, -1) if parts[:end] in self._open), ())
        with closing(walk(self._open.get(nearest, self._root), parts[len(nearest) : -1])) as folder:
            return os.open(parts[-1], _READ_FOLDER, dir_fd=folder)

    def keep(self, parts: tuple[bytes, ...], fd: int) -> None:
        """Folders below it come next."""
        self._open[parts] = fd
        if len(self._open) > _KEPT:
            os.close(self._open.pop(next(iter(self._open))))


def walk_tree(root: bytes, below: bytes = b"", entered: Callable[[], None] | None = None) -> Iterator[Found]:
    """Every regular file at or beneath `below`, but junk, and what was refused; OSError where it cannot go on.

    `entered` is called before each folder is read. What vanishes meanwhile is passed over. A root that is
    another one at the end is ESTALE.
    """
    with closing(open_root(root)) as top, _Descent(top) as descent:
        start = tuple(components(below))
        pending = [start] if _is_folder(top, start) else []
        if not pending:
            yield from _single(top, start)
        while pending:
            if entered is not None:
                entered()
            folders: list[tuple[bytes, ...]] = []
            yield from _read(descent, pending.pop(), folders)
            pending += reversed(folders)
        _demand_same_root(root, top)


def walk_folders(
    root: bytes, below: bytes = b"", denied: Callable[[], None] = lambda: None
) -> Iterator[tuple[bytes, int]]:
    """(path, descriptor) of the folder `below` and of each beneath it, but junk, before it is read.

    No symlink is followed. The descriptor is good until the next step. What vanishes or cannot be read is passed over,
    and `denied` called for each folder that may not be; but for the root: OSError.
    """
    with closing(open_root(root)) as top, _Descent(top) as descent:
        pending = [tuple(components(below))]
        while pending:
            parts = pending.pop()
            try:
                folder = descent.open(parts)
            except OSError as error:
                if not parts:
                    raise
                if error.errno in _DENIED:
                    denied()
                continue
            names: list[bytes] = []
            try:
                yield b"/".join(parts), folder
                with contextlib.suppress(OSError):
                    names = _folders_in(folder)
            finally:
                if names:
                    descent.keep(parts, folder)
                else:
                    os.close(folder)
            pending += [(*parts, name) for name in reversed(names)]


def _folders_in(folder: int) -> list[bytes]:
    with os.scandir(folder) as entries:
        names = (os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))
        return [name for name in names if not is_junk(name)]


def _is_folder(top: int, parts: tuple[bytes, ...]) -> bool:
    try:
        with closing(walk(top, parts)):
            return True
    except OSError as error:
        if error.errno in _GONE | _DENIED:
            return False
        raise


def _single(top: int, parts: tuple[bytes, ...]) -> Iterator[Found]:
    path = b"/".join(parts)
    try:
        with closing(walk(top, parts[:-1])) as folder:
            found = judged(path, os.stat(parts[-1], dir_fd=folder, follow_symlinks=False))
    except OSError as error:
        found = _excused(path, error)
    if found is not None:
        yield found


def _read(descent: _Descent, parts: tuple[bytes, ...], folders: list[tuple[bytes, ...]]) -> Iterator[Found]:
    """The files of one folder; its folders are appended to `folders`."""
    path = b"/".join(parts)
    try:
        reading = descent.open(parts)
    except OSError as error:
        if (refused := _excused(path, error)) is not None:
            yield refused
        return
    prefix = path + b"/" if path else b""
    try:
        with os.scandir(reading) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if is_junk(name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append((*parts, name))
                        continue
                    found = judged(prefix + name, entry.stat(follow_symlinks=False))
                except OSError as error:
                    found = _excused(prefix + name, error)
                if found is not None:
                    yield found
    finally:
        if folders:
            descent.keep(parts, reading)
        else:
            os.close(reading)


def judged(path: bytes, state: os.stat_result) -> Found | None:
    """What lstat makes of a path; None for a folder."""
    if stat.S_ISREG(state.st_mode):
        return Seen(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_dev, state.st_ino)
    if stat.S_ISDIR(state.st_mode):
        return None
    return Refused(path=path, why=Absent.SYMLINK if stat.S_ISLNK(state.st_mode) else Absent.SPECIAL)


def _excused(path: bytes, error: OSError) -> Refused | None:
    """None for what has vanished; raises what leaves the walk incomplete."""
    if error.errno in _GONE and path:
        return None
    if error.errno in _DENIED and path:
        return Refused(path=path, why=Absent.DENIED)
    raise error


def _demand_same_root(root: bytes, top: int) -> None:
    with closing(open_root(root)) as now:
        if not os.path.samestat(os.fstat(now), os.fstat(top)):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), root)
