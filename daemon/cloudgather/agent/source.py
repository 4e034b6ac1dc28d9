"""A task's source folder, looked at in threads where it is local, and by an agent where it may hang for good."""

import asyncio
import errno
import functools
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent import looking
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.operation import AgentError
from cloudgather.agent.places import KEEP
from cloudgather.agent.workers import Workers, streamed
from cloudgather.core.mounts import Mount, mount_of
from cloudgather.core.transfer import Version
from cloudgather.ports.source import Absent, Access, Look, Refused, Seen, Source, SourceUnavailable
from cloudgather.ports.target import Failed, Stalled, TargetHeld
from cloudgather.rights import denied_source, user

T = TypeVar("T")

_THREADS: Final = 4
_KEPT: Final = 256
_AT_ONCE: Final = 256  # looks in one crossing: within its deadline on the slowest disk


def source_for(root: bytes, mounts: Sequence[Mount], fleet: Fleet) -> Source:
    """The source at `root`: by an agent of its own on a network or FUSE file system, else in threads."""
    mount = mount_of(root, mounts)
    if mount is not None and mount.is_remote:
        return AgentSource(root, fleet)
    return LocalSource(root)


class Sources:
    """Sources at whatever folders are asked for: one each, so that what hangs there costs no new threads each time."""

    def __init__(self, *, mounts: Callable[[], Sequence[Mount]], fleet: Fleet) -> None:
        self._mounts = mounts
        self._fleet = fleet
        self._kept: dict[bytes, Source] = {}  # what was asked for longest ago goes first

    def at(self, root: bytes) -> Source:
        """source_for(root), as the mounts are now."""
        made, kept = source_for(root, self._mounts(), self._fleet), self._kept.pop(root, None)
        chosen = kept if kept is not None and type(kept) is type(made) else made
        self._kept[root] = chosen
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return chosen


class LocalSource:
    """ports.source.Source on a local disk. What takes too long all the same is given up as SourceUnavailable."""

    def __init__(self, root: bytes, *, deadlines: Deadlines | None = None) -> None:
        self._root = root
        self._deadlines = deadlines if deadlines is not None else Deadlines()
        self._workers = Workers(most=_THREADS, name="source")

    @property
    def may_hang(self) -> bool:
        """No: what takes too long is a disk that is broken."""
        return False

    async def root(self) -> tuple[int, int]:
        """(device, inode) of the root folder."""
        return await self._do(functools.partial(looking.root_of, self._root))

    async def scan(self, below: bytes = b"") -> AsyncGenerator[Sequence[Seen | Refused], None]:
        """Walk the tree in batches, in a thread of its own."""
        walk = functools.partial(_scanned, self._root, below)
        within = self._deadlines.listing
        try:
            async with aclosing(streamed(walk, within=within, name="scan")) as batches:
                async for batch in batches:
                    yield batch
        except TimeoutError as error:
            raise SourceUnavailable(_stalled(self._root, within)) from error
        except OSError as error:
            raise SourceUnavailable(_why(self._root, error.errno, str(error))) from error

    async def look(self, path: bytes) -> Look | Absent:
        """lstat and lease of one path."""
        return await self._do(functools.partial(looking.look, self._root, path))

    async def look_all(self, paths: Sequence[bytes], *, scanned: bool = False) -> Sequence[Look | Absent]:
        """look() at each, many in one crossing to a thread: the crossing costs more than the look."""
        found: list[Look | Absent] = []
        for some in _pieces(paths):
            found += await self._do(functools.partial(_look_all, self._root, some, scanned))
        return found

    async def folder_above(self, path: bytes) -> tuple[int, bool]:
        """st_dev of the deepest folder on the way to `path` that is there, and whether it is empty."""
        return await self._do(functools.partial(looking.folder_above, self._root, path))

    async def writers(self, path: bytes) -> Sequence[tuple[int, str]]:
        """(pid, name) of those who have it open for writing."""
        return await self._do(functools.partial(_writers, self._root, path))

    async def _do(self, work: Callable[[], T]) -> T:
        within = self._deadlines.quick
        try:
            return await self._workers.run(functools.partial(_done, self._root, work), within=within)
        except TimeoutError as error:
            raise SourceUnavailable(_stalled(self._root, within)) from error
        except OSError as error:
            raise SourceUnavailable(_why(self._root, error.errno, str(error))) from error


def _done(root: bytes, work: Callable[[], T]) -> T:
    """In the thread that may block: what stands in the way is looked up there, too."""
    try:
        return work()
    except PermissionError as error:
        raise SourceUnavailable(denied_source(root)) from error


def _scanned(root: bytes, below: bytes) -> Iterator[Sequence[Seen | Refused]]:
    try:
        yield from looking.scan(root, below)
    except PermissionError as error:
        raise SourceUnavailable(denied_source(root)) from error


class AgentSource:
    """ports.source.Source on a network or FUSE file system, by an agent of its own."""

    def __init__(self, root: bytes, fleet: Fleet) -> None:
        self._root = root
        self._fleet = fleet
        # A walk of hours that hangs must not take the looks down with it, nor may they be told of its every batch.
        self._crew = f"source {root.decode('utf-8', 'backslashreplace')}"
        self._walker = f"scan of {self._crew}"

    @property
    def may_hang(self) -> bool:
        """Yes."""
        return True

    async def root(self) -> tuple[int, int]:
        """(device, inode) of the root folder."""
        device, inode = await self._call(self._crew, "tree.root", {})
        return device, inode

    async def scan(self, below: bytes = b"") -> AsyncGenerator[Sequence[Seen | Refused], None]:
        """Walk the tree in batches. What the consumer has not taken yet waits here, as the agent sent it."""
        batches: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
        call = self._call(self._walker, "tree.scan", {"below": below}, progress=batches.put_nowait)
        walk = asyncio.create_task(call, name=self._walker)
        walk.add_done_callback(lambda _: batches.put_nowait(None))
        try:
            while (batch := await batches.get()) is not None:
                yield list(_found(batch))
            walk.result()
        finally:
            walk.cancel()
            await asyncio.wait({walk})

    async def look(self, path: bytes) -> Look | Absent:
        """lstat and lease of one path."""
        found = await self._call(self._crew, "tree.look", {"path": path})
        return _look(found)

    async def look_all(self, paths: Sequence[bytes], *, scanned: bool = False) -> Sequence[Look | Absent]:
        """look() at each, many in one message. There is no lease there that could be asked for at once (`scanned`)."""
        found: list[Look | Absent] = []
        for some in _pieces(paths):
            found += [_look(each) for each in await self._call(self._crew, "tree.look_all", {"paths": some})]
        return found

    async def folder_above(self, path: bytes) -> tuple[int, bool]:
        """st_dev of the deepest folder on the way to `path` that is there, and whether it is empty."""
        device, empty = await self._call(self._crew, "tree.above", {"path": path})
        return device, empty

    async def writers(self, path: bytes) -> Sequence[tuple[int, str]]:
        """(pid, name) of those who have it open for writing."""
        try:
            found = await self._call(self._crew, "tree.writers", {"path": path})
        except SourceUnavailable as error:
            if error.reason.code == Code.SOURCE_GONE:
                return []
            raise
        return [(pid, name) for pid, name in found]

    async def _call(
        self, crew: str, op: str, params: Mapping[str, Any], progress: Callable[[Any], None] | None = None
    ) -> Any:
        try:
            return await self._fleet.call(
                crew, op, {"root": self._root, **params}, side="source", path=params.get("path"), progress=progress
            )
        except AgentError as error:
            message = error.facts.get("message", error.kind)
            raise SourceUnavailable(_why(self._root, error.facts.get("errno"), message)) from error
        except Stalled as error:
            raise SourceUnavailable(_stalled(self._root, error.limit)) from error
        except Failed as error:
            raise SourceUnavailable(because(Code.SOURCE_ERROR, source=self._root, message=error.message)) from error
        except TargetHeld as error:
            if error.reason.code == Code.HELD_UNREAPED:
                raise SourceUnavailable(_stalled(self._root, None)) from error
            message = "the daemon is stopping"
            raise SourceUnavailable(because(Code.SOURCE_ERROR, source=self._root, message=message)) from error


def _writers(root: bytes, path: bytes) -> Sequence[tuple[int, str]]:
    try:
        return looking.writers(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _found(batch: Mapping[str, Any]) -> Iterator[Seen | Refused]:
    for path, size, mtime_ns, ctime_ns, device, inode in batch["seen"]:
        yield Seen(path=path, size=size, mtime_ns=mtime_ns, ctime_ns=ctime_ns, device=device, inode=inode)
    for path, why in batch["refused"]:
        yield Refused(path=path, why=Absent(why))


def _pieces(paths: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for begin in range(0, len(paths), _AT_ONCE):
        yield paths[begin : begin + _AT_ONCE]


def _look_all(root: bytes, paths: Sequence[bytes], scanned: bool) -> list[Look | Absent]:
    with looking.Looking(root, keep=KEEP) as looks:
        return [looks.at(path, scanned=scanned) for path in paths]


def _look(found: Mapping[str, Any]) -> Look | Absent:
    if "absent" in found:
        return Absent(found["absent"])
    names = ("size", "mtime_ns", "device", "inode")
    return Look(
        path=found["path"],
        version=Version(**{name: found[name] for name in names}),
        ctime_ns=found["ctime_ns"],
        links=found["links"],
        access=Access(found["access"]),
        unknown_why=found["unknown_why"],
        control_file=found["control_file"],
    )


def _stalled(root: bytes, seconds: float | None) -> Reason:
    return because(Code.SOURCE_STALLED, source=root, seconds=seconds)


def _why(root: bytes, number: int | None, message: str) -> Reason:
    match number:
        case errno.ENOENT | errno.ESTALE | errno.ENOTCONN | errno.ENODEV:
            return because(Code.SOURCE_GONE, source=root)
        case errno.EACCES | errno.EPERM:
            return because(Code.SOURCE_DENIED, source=root, user=user())
        case errno.ENOTDIR | errno.ELOOP:
            return because(Code.SOURCE_NOT_A_FOLDER, source=root)
        case _:
            return because(Code.SOURCE_ERROR, source=root, message=message)
