"""A source folder in memory, with versions, writers and control files."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.filters import is_junk
from cloudgather.core.transfer import Version
from cloudgather.ports.clock import Clock
from cloudgather.ports.source import Absent, Access, Look, Refused, Seen, SourceUnavailable

_CONTROL = b".aria2"


@dataclass(kw_only=True)
class FakeFile:
    """A regular file; `content` is bytes that a copy reads."""

    content: bytes
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int
    links: int = 1

    @property
    def version(self) -> Version:
        """As lstat tells it."""
        return Version(size=len(self.content), mtime_ns=self.mtime_ns, device=self.device, inode=self.inode)


class FakeSource:
    """ports.source.Source on a dict. `unavailable`: every call raises; `lost_disk`: an empty mount point's device."""

    def __init__(self, root: bytes, *, clock: Clock, device: int = 1, batch: int = 1024) -> None:
        self.path = root
        self.files: dict[bytes, FakeFile] = {}
        self.others: dict[bytes, Absent] = {}  # symlinks, FIFOs, and files that may not be looked at
        self.folders: set[bytes] = set()  # those without a file
        self.shown_twice: set[bytes] = set()  # by a scan: their folder changes while it is read
        self.writing: set[bytes] = set()
        self.blind: str | None = None  # why nobody can say who writes
        self.unavailable: Reason | None = None
        self.lost_disk: int | None = None
        self.scans: list[bytes] = []  # what was walked
        self.looks: list[bytes] = []
        self.scanned: list[bytes] = []  # what was looked at as a scan has shown it
        self.may_hang = False
        self.gate: asyncio.Event | None = None  # a look waits for it
        self.way_out: asyncio.Event | None = None  # a scan waits for it before it ends
        self._clock = clock
        self._device = device
        self._batch = batch
        self._inodes = 100

    # ---- what a test does to it

    def write(self, path: bytes, content: bytes = b"content", *, age: float = 0.0, mtime_ns: int | None = None) -> None:
        """Make or change a file, `age` seconds ago."""
        at = int((self._clock.now().timestamp() - age) * 1e9)
        known = self.files.get(path)
        self._inodes += 1
        self.files[path] = FakeFile(
            content=content,
            mtime_ns=at if mtime_ns is None else mtime_ns,
            ctime_ns=at,
            device=self._device,
            inode=known.inode if known else self._inodes,
        )

    def link(self, path: bytes, to: bytes, *, of: "FakeSource | None" = None) -> None:
        """Make `to` another link to a file of this source, or of that."""
        file = (of or self).files[path]
        file.links += 1
        self.files[to] = file

    def touch(self, path: bytes) -> None:
        """Only its ctime changes: a link was made, or its mode changed."""
        self.files[path].ctime_ns = int(self._clock.now().timestamp() * 1e9)

    def remove(self, path: bytes) -> None:
        """Delete a file."""
        del self.files[path]

    def rename(self, path: bytes, to: bytes) -> None:
        """Move a file."""
        self.files[to] = self.files.pop(path)

    def gone(self) -> None:
        """Its root is not there."""
        self.unavailable = because(Code.SOURCE_GONE, source=self.path)

    def is_settled(self, path: bytes) -> bool:
        """Whether a look would show a complete file."""
        written = path in self.writing and self.blind is None
        return self.unavailable is None and path in self.files and not written and self._control_file(path) is None

    # ---- ports.source.Source

    async def root(self) -> tuple[int, int]:
        """(device, inode)."""
        self._demand()
        return self._device, 1

    async def scan(self, below: bytes = b"") -> AsyncGenerator[Sequence[Seen | Refused], None]:
        """Everything below, junk left out, in batches."""
        self._demand()
        self.scans.append(below)
        found: list[Seen | Refused] = []
        for path in sorted(self.files):
            if _is_under(path, below) and not any(is_junk(name) for name in path.split(b"/")):
                file = self.files[path]
                seen = Seen(
                    path=path,
                    size=len(file.content),
                    mtime_ns=file.mtime_ns,
                    ctime_ns=file.ctime_ns,
                    device=file.device,
                    inode=file.inode,
                )
                found += [seen, seen] if path in self.shown_twice else [seen]
        found += [Refused(path=path, why=why) for path, why in self.others.items() if _is_under(path, below)]
        try:
            for begin in range(0, len(found), self._batch):
                yield found[begin : begin + self._batch]
                await asyncio.sleep(0)
                self._demand()
        finally:
            if self.way_out is not None:
                await self.way_out.wait()

    async def look(self, path: bytes) -> Look | Absent:
        """lstat and lease."""
        self.looks.append(path)
        if self.gate is not None:
            await self.gate.wait()
        self._demand()
        if (why := self.others.get(path)) is not None:
            return why
        if (file := self.files.get(path)) is None:
            return Absent.DIRECTORY if self._is_folder(path) else Absent.GONE
        access = Access.WRITTEN if path in self.writing else Access.FREE
        if self.blind is not None:
            access = Access.UNKNOWN
        return Look(
            path=path,
            version=file.version,
            ctime_ns=file.ctime_ns,
            links=file.links,
            access=access,
            unknown_why=self.blind,
            control_file=self._control_file(path),
        )

    async def look_all(self, paths: Sequence[bytes], *, scanned: bool = False) -> Sequence[Look | Absent]:
        """look() at each."""
        self.scanned += paths if scanned else []
        return [await self.look(path) for path in paths]

    async def folder_above(self, path: bytes) -> tuple[int, bool]:
        """The deepest folder that is there: all of them are on one device, and hold something unless that is lost."""
        self._demand()
        return (self._device, False) if self.lost_disk is None else (self.lost_disk, True)

    async def writers(self, path: bytes) -> Sequence[tuple[int, str]]:
        """Who writes."""
        self._demand()
        return [(4711, "writer")] if path in self.writing else []

    def _demand(self) -> None:
        if self.unavailable is not None:
            raise SourceUnavailable(self.unavailable)

    def _is_folder(self, path: bytes) -> bool:
        return path in self.folders or any(each.startswith(path + b"/") for each in self.files)

    def _control_file(self, path: bytes) -> bytes | None:
        for candidate in (path + _CONTROL, path.split(b"/", 1)[0] + _CONTROL):
            if candidate in self.files and candidate != path:
                return candidate
        return None


def _is_under(path: bytes, below: bytes) -> bool:
    return not below or path == below or path.startswith(below + b"/")
