"""The temporary beside a final name: written once, closed once, and looked at again."""

import errno
import os
from typing import Final

from cloudgather.agent.job import Job
from cloudgather.agent.pages import WINDOW, WrittenPages
from cloudgather.agent.system import ask

# How far a file system may round an mtime (FAT: two seconds).
_ROUNDING_NS: Final = 2_000_000_000


class Aside:
    """Stays, for publishing to rename it, unless `remove` is called, as it is where any of this fails."""

    def __init__(self, folder: int, name: bytes, size: int, mode: int | None, local: bool, job: Job) -> None:
        """Create it, which fails where the name is taken; `size`: how long it will be; `local`: on a local disk."""
        self._folder = folder
        self._name = name
        self._mode = mode
        self._local = local
        self._job = job
        self.written = 0
        job.step("open", "target")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(name, flags, 0o666 if mode is None else mode, dir_fd=folder)
        self._pages = WrittenPages(self._fd) if local and size >= WINDOW else None

    def remove(self) -> None:
        """Close it and take its name away, as far as can be: what stays is listed in `debris`."""
        blamed = self._job.at
        try:
            if self._fd >= 0:
                self._job.step("close", "target")
                os.close(self._fd)
        except OSError:
            pass
        try:
            self._job.step("unlink", "target")
            os.unlink(self._name, dir_fd=self._folder)
        except OSError:
            pass
        self._job.at = blamed

    def write(self, data: memoryview) -> None:
        """Append all of `data`."""
        while data:
            self._job.step("write", "target")
            size = os.write(self._fd, data)
            if size == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            data = data[size:]
            self.written += size
        if self._pages is not None:
            self._pages.wrote(self.written)

    def close(self, *, mtime_ns: int, durable: bool) -> None:
        """Make it durable if asked, and close it: the error of close decides, for that is where FUSE reports."""
        fd = self._fd
        self._try_mtime(fd, mtime_ns)
        if self._mode is not None:
            self._try_mode(fd, self._mode)
        if durable:
            self._job.step("fsync", "target", self.written)
            os.fsync(fd)
        self._job.step("close", "target", self.written)
        self._fd = -1
        os.close(fd)

    def reopen(self) -> int:
        """A descriptor for reading what was written, for the caller to close."""
        self._job.step("reopen", "target")
        return os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)

    def look(self) -> tuple[int, int]:
        """Size and mtime_ns of what stands under its name now that it is closed, as its file system knows them."""
        self._job.step("reopen", "target")
        if not self._local:
            return ask(self._folder, self._name)
        state = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
        return state.st_size, state.st_mtime_ns

    def mtime(self, wanted_ns: int, shown: int) -> int | None:
        """The mtime that the target keeps, asked for once more where it has `shown` another; None: it keeps none."""
        if shown == wanted_ns:
            return shown
        if abs(shown - wanted_ns) > _ROUNDING_NS:
            self._try_mtime(None, wanted_ns)
            shown = self.look()[1]
        return shown if abs(shown - wanted_ns) <= _ROUNDING_NS else None

    # A file system that refuses mtime or mode keeps its own: a fact of the target, not a failure.

    def _try_mtime(self, fd: int | None, wanted_ns: int) -> None:
        self._job.step("utime", "target")
        try:
            if fd is not None:
                os.utime(fd, ns=(wanted_ns, wanted_ns))
            else:
                os.utime(self._name, ns=(wanted_ns, wanted_ns), dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return

    def _try_mode(self, fd: int, mode: int) -> None:
        self._job.step("chmod", "target")
        try:
            os.fchmod(fd, mode)
        except OSError:
            return
