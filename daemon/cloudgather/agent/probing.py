"""Finds out what a target can do, with files of its own in a folder of its own, all of which it removes again."""

import os
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from cloudgather.agent.job import CHUNK, Job, WireIdentity
from cloudgather.agent.naming import Names
from cloudgather.agent.pages import drop
from cloudgather.agent.places import closing, sync_folder, walk
from cloudgather.agent.roots import Root

_PREFIX: Final = b".cloudgather-test-"
# Measured until either is reached: enough for a rate, not enough to hurt.
_BYTES: Final = 16 * CHUNK
_SECONDS: Final = 5.0
_MTIME_NS: Final = 1_500_000_000 * 10**9


def test(
    job: Job,
    *,
    root: bytes,
    identity: WireIdentity | None,
    base: bytes,
    dir_mode: int | None,
    file_mode: int | None,
) -> dict[str, Any]:
    """The report: `steps` of [name, ok, seconds, message], and what was found out, None where it could not be."""
    with Root(root, identity, job) as target:
        try:
            parent = target.folder(base)
        except FileNotFoundError:
            parent = os.dup(target.fd)
        with closing(parent):
            probe = _Probe(job, parent, 0o777 if dir_mode is None else dir_mode, file_mode)
            try:
                probe.run()
            finally:
                probe.remove()
            return {"steps": probe.steps, **probe.found}


class _Probe:
    """One test: each step is tried, and those that need it are left out once one has failed."""

    def __init__(self, job: Job, parent: int, dir_mode: int, file_mode: int | None) -> None:
        self._job = job
        self._parent = parent
        self._name = _PREFIX + secrets.token_hex(6).encode()
        self._dir_mode = dir_mode
        self._file_mode = file_mode
        self._data = os.urandom(CHUNK)
        self._size = 0
        self._fd = -1
        self.steps: list[tuple[str, bool, float, str]] = []
        self.found: dict[str, Any] = {
            "case_sensitive": None,
            "unicode_form": None,
            "keeps_mtime": False,
            "rename_over": False,
            "fsync": False,
            "write_rate": None,
            "read_rate": None,
            "name_max": None,
            "bad_chars": [],
        }

    def run(self) -> None:
        """Everything but the removal."""
        if not self._try("mkdir", lambda: os.mkdir(self._name, self._dir_mode, dir_fd=self._parent)):
            return
        with closing(walk(self._parent, [self._name])) as folder:
            if not self._written(folder):
                return
            self._try("read", lambda: self._read(folder))
            self.found["keeps_mtime"] = self._try("utime", lambda: self._set_mtime(folder))
            renamed = self._try("rename", lambda: self._rename(folder, b"probe", b"renamed"))
            if renamed:
                self.found["rename_over"] = self._try("rename-over", lambda: self._rename_over(folder))
            names = Names(folder, self._job)
            self._try("list", names.entries)
            self._try("names", lambda: self.found.update(names.report()))

    def remove(self) -> None:
        """Unlink all that is in the folder, which is ours alone, and the folder."""
        if self.steps and self.steps[0][1]:
            self._try("delete", self._remove, side_step="unlink")

    def _try(self, name: str, action: Callable[[], object], *, side_step: str | None = None) -> bool:
        self._job.step(side_step or name, "target", _BYTES)
        begun = time.monotonic()
        try:
            action()
        except OSError as error:
            message = os.strerror(error.errno) if error.errno else str(error)
            self.steps.append((name, False, time.monotonic() - begun, message))
            return False
        self.steps.append((name, True, time.monotonic() - begun, ""))
        return True

    def _written(self, folder: int) -> bool:
        if not self._try("open", lambda: self._create(folder)):
            return False
        try:
            begun = time.monotonic()
            written = self._try("write", self._write)
            self.found["fsync"] = written and self._try("fsync", lambda: os.fsync(self._fd))
        finally:
            fd, self._fd = self._fd, -1
            closed = self._try("close", lambda: os.close(fd))
        if written and closed:
            self.found["write_rate"] = self._size / max(time.monotonic() - begun, 1e-6)
        return written and closed

    def _create(self, folder: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        mode = 0o666 if self._file_mode is None else self._file_mode
        self._fd = os.open(b"probe", flags, mode, dir_fd=folder)

    def _write(self) -> None:
        begun = time.monotonic()
        while self._size < _BYTES and time.monotonic() - begun < _SECONDS:
            self._job.check()
            self._job.step("write", "target")
            view = memoryview(self._data)
            while view:
                size = os.write(self._fd, view)
                self._size += size
                view = view[size:]

    def _read(self, folder: int) -> None:
        begun = time.monotonic()
        total = 0
        with closing(os.open(b"probe", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)) as fd:
            drop(fd)
            while data := os.read(fd, CHUNK):
                self._job.check()
                self._job.step("read", "target")
                at = total % CHUNK
                if data != (self._data + self._data)[at : at + len(data)]:
                    raise OSError("other bytes were read than were written")
                total += len(data)
        if total != self._size:
            raise OSError(f"{total} bytes were read where {self._size} were written")
        self.found["read_rate"] = total / max(time.monotonic() - begun, 1e-6)

    def _set_mtime(self, folder: int) -> None:
        os.utime(b"probe", ns=(_MTIME_NS, _MTIME_NS), dir_fd=folder, follow_symlinks=False)
        if abs(os.stat(b"probe", dir_fd=folder, follow_symlinks=False).st_mtime_ns - _MTIME_NS) > 2 * 10**9:
            raise OSError("it was accepted and not kept")

    def _rename(self, folder: int, old: bytes, new: bytes) -> None:
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
        if os.stat(new, dir_fd=folder, follow_symlinks=False).st_size != self._size:
            raise OSError("the renamed file has another length")

    def _rename_over(self, folder: int) -> None:
        with closing(os.open(b"standing", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)) as fd:
            os.write(fd, b"x")
        self._rename(folder, b"renamed", b"standing")
        sync_folder(folder)

    def _remove(self) -> None:
        with closing(walk(self._parent, [self._name])) as folder:
            for name in Names(folder, self._job).entries():
                self._job.step("unlink", "target")
                os.unlink(name, dir_fd=folder)
        os.rmdir(self._name, dir_fd=self._parent)
