"""Looks at a source: its root, its tree, one path and who writes it. Plain functions that block, for any thread.

All raise OSError where the root cannot be opened as a folder, or the file system fails.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from cloudgather.agent import leases
from cloudgather.agent.folders import SourceFolder, SourceFolders
from cloudgather.agent.places import closing, components, open_root, split, walk
from cloudgather.agent.walking import BATCH, Found, judged, walk_tree
from cloudgather.agent.writing import writers
from cloudgather.core.transfer import Version
from cloudgather.ports.source import Absent, Access, Look, Refused

__all__ = ["Looking", "folder_above", "look", "root_of", "scan", "writers"]

# A name that is too long for the file system stands nowhere in it.
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
_FIRST_BATCH: Final = 64
_ACCESS: Final = {each.value: each for each in Access}


def root_of(root: bytes) -> tuple[int, int]:
    """(device, inode) of the root folder."""
    with closing(open_root(root)) as top:
        state = os.fstat(top)
        return state.st_dev, state.st_ino


def scan(root: bytes, below: bytes = b"", *, entered: Callable[[], None] | None = None) -> Iterator[list[Found]]:
    """walk_tree in batches: the first are small, since all waits for them, then 1024 each; `entered` is called before
    each folder is read.
    """
    batch: list[Found] = []
    full = _FIRST_BATCH
    for found in walk_tree(root, below, entered):
        batch.append(found)
        if len(batch) == full:
            yield batch
            batch = []
            full = min(full * 4, BATCH)
    if batch:
        yield batch


def look(root: bytes, path: bytes) -> Look | Absent:
    """lstat and lease of one path, which no symlink on the way is followed to."""
    with Looking(root) as looking:
        return looking.at(path)


class Looking:
    """Looks at several paths through one open root; those of one folder within `keep` seconds cost one walk."""

    def __init__(self, root: bytes, *, keep: float = 0.0) -> None:
        self._top = open_root(root)
        self._folders = SourceFolders(lambda path: walk(self._top, components(path)), lambda: self._top, keep=keep)

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.__exit__()
        os.close(self._top)

    def at(self, path: bytes, *, scanned: bool = False) -> Look | Absent:
        """look() at this path of the root; `scanned`: a scan has just shown a regular file there."""
        if not path:
            return Absent.DIRECTORY
        above, name = split(path)
        try:
            folder = self._folders.at(above)
            found = _at_once(folder, name) if scanned else None
            if found is None:
                state = folder.state(name)
                if not stat.S_ISREG(state.st_mode):
                    return _absence(path, state)
                found = state, _lease(folder, name, state)
            state, word = found
            beside = folder.control_file(name)
        except OSError as error:
            if error.errno in _DENIED:
                return Absent.DENIED
            if error.errno in _GONE:
                return _why_gone(self._top, components(path))
            raise
        version = Version(state.st_size, state.st_mtime_ns, state.st_dev, state.st_ino)
        return Look(path, version, state.st_ctime_ns, state.st_nlink, _ACCESS[word.access], word.why, beside)


def folder_above(root: bytes, path: bytes) -> tuple[int, bool]:
    """st_dev of the deepest folder on the way to `path` that is there, no symlink followed; and whether it is empty."""
    with closing(open_root(root)) as top:
        for end in range(len(components(path)) - 1, 0, -1):
            try:
                with closing(walk(top, components(path)[:end])) as folder:
                    return os.fstat(folder).st_dev, _is_empty(folder)
            except OSError as error:
                if error.errno not in _GONE | _DENIED:
                    raise
        return os.fstat(top).st_dev, _is_empty(top)


def _is_empty(folder: int) -> bool:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with closing(os.open(b".", flags, dir_fd=folder)) as readable, os.scandir(readable) as entries:
        return next(entries, None) is None


def _absence(path: bytes, state: os.stat_result) -> Absent:
    found = judged(path, state)
    return found.why if isinstance(found, Refused) else Absent.DIRECTORY


def _at_once(folder: SourceFolder, name: bytes) -> tuple[os.stat_result, leases.Word] | None:
    """lstat and lease of what was a regular file a moment ago, without a look before it is opened.

    None where that look has to tell: of whatever else has come to stand there, cannot be opened, or is better not. Of
    a FIFO that has come since the scan, a writer that waits is let go, as of one that comes between a look and an open;
    the copy opens in the same way what was found to be a file.
    """
    if (device := folder.leased) is None:
        return None
    try:
        fd = folder.open(name)
        try:
            state = os.fstat(fd)
            return (state, leases.ask(fd)) if state.st_dev == device and stat.S_ISREG(state.st_mode) else None
        finally:
            os.close(fd)
    except OSError:
        return None


def _lease(folder: SourceFolder, name: bytes, state: os.stat_result) -> leases.Word:
    if not folder.nature_of(name, state)[1]:
        return leases.Word(leases.UNKNOWN, "file-system")
    try:
        fd = folder.open(name)
        try:
            if os.path.samestat(os.fstat(fd), state):
                return leases.ask(fd)
            return leases.Word(leases.UNKNOWN, "error")  # it was replaced just now
        finally:
            os.close(fd)
    except OSError as error:
        return leases.Word(leases.UNKNOWN, "permission" if error.errno in _DENIED else "error")


def _why_gone(top: int, parts: Sequence[bytes]) -> Absent:
    """A symlink on the way, or nothing."""
    for end in range(len(parts)):
        try:
            with closing(walk(top, parts[:end])) as folder:
                state = os.stat(parts[end], dir_fd=folder, follow_symlinks=False)
        except OSError:
            return Absent.GONE
        if stat.S_ISLNK(state.st_mode):
            return Absent.SYMLINK
    return Absent.GONE
