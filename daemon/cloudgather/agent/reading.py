"""The source's side of a copy: the very version that was ordered, read, and compared again afterwards."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import xxhash

from cloudgather.agent import leases
from cloudgather.agent.folders import SourceFolder, SourceFolders
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.places import LastFolder, closing, components, open_root, split, walk

T = TypeVar("T")

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def digest_of(fd: int, job: Job, side: str, *, count: bool = False) -> bytes:
    """xxh3-128 of all that can be read from `fd`, which stands at its beginning; `count`: as the job's progress."""
    state = xxhash.xxh3_128()
    view = job.buffer
    total = 0
    while True:
        job.check()
        job.step("read", side)
        size = os.readv(fd, [view])
        if size == 0:
            return state.digest()
        state.update(view[:size])
        total += size
        if count:
            job.done = total


class Originals:
    """The files of a source, for one operation; those of one folder that are asked for within `keep` cost one walk."""

    def __init__(self, root: bytes, job: Job, *, keep: float = 0.0) -> None:
        self._root = root
        self._job = job
        self._top = LastFolder(lambda _: open_root(root), keep=keep)
        self._folders = SourceFolders(self._walked, lambda: self._top.at(b""), keep=keep)

    def __enter__(self) -> "Originals":
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.__exit__()
        self._top.__exit__()

    def open(self, path: bytes, version: Sequence[int], written: bool) -> "Original":
        """Raises Trouble "gone" or "changed", and OSError: at step "root" where the source's root cannot be opened.

        `written`: that somebody has it open for writing is known, and means nothing.
        """
        return Original(self, path, version, self._job, written, True)

    def open_settled(self, path: bytes, version: Sequence[int], written: bool) -> "Original":
        """open() without a look before; raises Trouble "unsettled" for all that a look would have more to say about."""
        try:
            return Original(self, path, version, self._job, written, False)
        except (Trouble, OSError) as error:
            raise Trouble("unsettled", str(error)) from error

    def ask(self, step: str, above: bytes, name: bytes, question: Callable[[SourceFolder, bytes], T]) -> T:
        """What the folder at `above` and a name in it give; raises Trouble "gone" where no file has that name."""
        try:
            folder = self._folders.at(above)
            self._job.step(step, "source")
            return question(folder, name)
        except OSError as error:
            if error.errno in _GONE and self._job.at[0] != "root":
                raise Trouble("gone", "the source is not there any more") from error
            raise

    def _walked(self, path: bytes) -> int:
        self._job.step("root", "source")
        with closing(open_root(self._root)) as root:
            self._job.step("open", "source")
            return walk(root, components(path))


class Original:
    """A source file, open for reading, known to be `version`: size, mtime_ns, device, inode.

    Unless `looked` at before, it is known to have no writer and no control file, too, as far as that can be known.
    """

    fd: int
    size: int
    mtime_ns: int
    is_local: bool

    def __init__(
        self,
        originals: Originals,
        path: bytes,
        version: Sequence[int],
        job: Job,
        written: bool,
        looked: bool,
    ) -> None:
        self._originals = originals
        self._above, self._name = split(path)
        self._version = tuple(version)
        self._job = job
        self._written = written
        self._looked = looked
        originals.ask("open", self._above, self._name, self._open)

    def __enter__(self) -> "Original":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def compare(self, digest: bytes) -> None:
        """Raises Trouble "changed" or "gone" unless what was read, with `digest`, is still what stands there.

        The lease comes first: a write that ended before it shows in mtime and ctime, one that goes on refuses it.
        """
        self._job.step("lease", "source")
        self._demand_no_writer()
        state = self._demand_same_file()
        if state.st_ctime_ns != self._ctime_ns:
            # A link was made, or a mode set; or somebody wrote and then put the mtime back.
            os.lseek(self.fd, 0, os.SEEK_SET)
            if digest_of(self.fd, self._job, "source") != digest:
                raise Trouble("changed", "the source's content changed while it was copied")
            self._demand_no_writer()
            self._demand_same_file()

    def _demand_no_writer(self) -> None:
        if self._tells_writers and leases.ask(self.fd).access == leases.WRITTEN:
            raise Trouble("changed", "somebody has the source open for writing")

    def _open(self, folder: SourceFolder, name: bytes) -> None:
        try:
            self.fd = folder.open(name)
        except OSError as error:
            if error.errno == errno.ENXIO:  # of a socket, which cannot be opened; or of a file whose disk is ill
                self._demand_version(folder.state(name))
            raise
        try:
            state = os.fstat(self.fd)
            self._demand_version(state)
            self.size, self.mtime_ns, self._ctime_ns = state.st_size, state.st_mtime_ns, state.st_ctime_ns
            self.is_local, tells_writers = folder.nature_of(name, state)
            self._tells_writers = tells_writers and not self._written
            if not self.is_local:
                os.set_blocking(self.fd, True)
            if not self._looked:
                self._demand_no_writer()
                self._job.step("stat", "source")
                if folder.control_file(name) is not None:
                    raise Trouble("changed", "a control file says that it is being downloaded")
        except BaseException:
            os.close(self.fd)
            raise

    def _demand_version(self, state: os.stat_result) -> None:
        now = (state.st_size, state.st_mtime_ns, state.st_dev, state.st_ino)
        if now != self._version or not stat.S_ISREG(state.st_mode):
            if stat.S_ISLNK(state.st_mode):
                raise Trouble("gone", "a symlink stands where the source was")
            raise Trouble("changed", "the source is not the version that was ordered")

    def _demand_same_file(self) -> os.stat_result:
        state = self._originals.ask("stat", self._above, self._name, SourceFolder.state)
        self._demand_version(state)
        if not self.is_local:  # where an inode's number may be another's meanwhile
            self._job.step("stat", "source")
            state = os.fstat(self.fd)
            self._demand_version(state)
        return state
