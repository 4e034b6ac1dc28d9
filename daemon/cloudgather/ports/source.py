"""Looking at a source: what stands there, and what can be known of it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from cgwire.reasons import Reason
from cloudgather.core.transfer import Version
from cloudgather.ports.queue import Content


class Access(StrEnum):
    """Whether anybody has a file open for writing."""

    FREE = "free"
    WRITTEN = "written"  # somebody has
    UNKNOWN = "unknown"  # the file system or our permissions do not let us know


class Look(NamedTuple):
    """One path of a source, as lstat and a lease see it. A tuple, as is what a scan sees: every file is looked at."""

    path: bytes  # relative to the source
    version: Version
    ctime_ns: int
    links: int
    access: Access
    unknown_why: str | None  # when access is UNKNOWN: "file-system", "permission", "error"
    control_file: bytes | None  # the `.aria2` file beside it or beside its top folder, relative to the source

    @property
    def inode(self) -> tuple[int, int]:
        """(device, inode): the same for all links to one file."""
        return self.version.device, self.version.inode


class Absent(StrEnum):
    """Why a path gives no Look."""

    GONE = "gone"
    DIRECTORY = "directory"
    SYMLINK = "symlink"  # itself, or a component of its path: never followed
    SPECIAL = "special"  # FIFO, socket, device
    DENIED = "denied"  # EACCES: cannot be looked at


class Seen(NamedTuple):
    """A regular file found by a scan. A tuple, since a scan makes as many as there are files: a third of the price."""

    path: bytes  # relative to the source
    size: int
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int

    @property
    def content(self) -> "Content":
        """Which content of the path was seen."""
        return self[:3]

    @property
    def version(self) -> Version:
        """The same with where it lies."""
        return Version(size=self.size, mtime_ns=self.mtime_ns, device=self.device, inode=self.inode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something a scan met and could not or would not take."""

    path: bytes
    why: Absent


class Source(Protocol):
    """One task's source folder. Nothing here follows a symlink below the root or leaves the root."""

    @property
    def may_hang(self) -> bool:
        """Whether it is on a network or FUSE file system: who waits for that may wait for good."""
        ...

    async def root(self) -> tuple[int, int]:
        """(device, inode) of the root folder; raises SourceUnavailable when it cannot be opened as a folder."""
        ...

    def scan(self, below: bytes = b"") -> AsyncGenerator[Sequence[Seen | Refused], None]:
        """Walk the tree in batches (at most 1024 each), all names but those always skipped (core.filters.is_junk).

        Junk folders are not entered. Raises SourceUnavailable when the root goes away during the walk: a walk that
        ends without an error has seen everything that stood still.
        """
        ...

    async def look(self, path: bytes) -> Look | Absent:
        """lstat and lease of one path."""
        ...

    async def look_all(self, paths: Sequence[bytes], *, scanned: bool = False) -> Sequence[Look | Absent]:
        """look() at each of them, in order, at a lower price; lower yet if a scan has just shown them (`scanned`)."""
        ...

    async def folder_above(self, path: bytes) -> tuple[int, bool]:
        """Of the deepest folder on the way to `path` that is there: its st_dev, and whether it is empty.

        Tells a deleted file from a lost disk, which leaves an empty mount point of another device. Raises
        SourceUnavailable like root().
        """
        ...

    async def writers(self, path: bytes) -> Sequence[tuple[int, str]]:
        """(pid, name) of those who have it open for writing, as far as /proc shows them to us. Costly: on request."""
        ...


class SourceUnavailable(Exception):
    """The source's root cannot be used now; `reason` says why (gone, denied, stalled, not a folder)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason
