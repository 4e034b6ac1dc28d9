"""A target in memory whose operations fail, hang and lie on command."""

import asyncio
import contextlib
import errno
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import xxhash

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.naming import sibling, split
from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.core.transfer import Sent
from cloudgather.ports.target import (
    AgentLost,
    AlreadyStanding,
    CopyOrder,
    Failed,
    Published,
    SourceChanged,
    SourceGone,
    SourceUnsettled,
    Stalled,
    Standing,
    TargetHeld,
)
from fakes.source import FakeSource

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file at the target."""

    content: bytes
    mtime_ns: int

    @property
    def standing(self) -> Standing:
        """As a look tells it."""
        return Standing(size=len(self.content), mtime_ns=self.mtime_ns)


async def _pass(step: str, path: bytes) -> None:
    """Nothing happens at a step."""


class FakeTarget:
    """ports.target.Target on a dict. Its steps, at which it fails or hangs on command and `met` is called:

    probe · copy.begin, copy.open (the temporary is there, empty), copy.write (half of it), copy.close (whole) ·
    publish.begin, publish.rename, publish.end (renamed) · barrier · look · listing · digest · sweep · sweep.unlink.
    """

    def __init__(self, spec: TargetSpec, sources: Mapping[bytes, FakeSource]) -> None:
        self.spec = spec
        self.files: dict[bytes, Stored] = {}
        self.folders: set[bytes] = {b""}
        self.hold: TargetHeld | None = None  # what every call raises: not mounted, dead, …
        self.identity: Identity | None = None
        self.steps: list[tuple[str, bytes]] = []
        self.published: list[bytes] = []  # each rename that happened
        self.forgotten: set[bytes] = set()  # those of them that a power cut would undo
        self.orders: list[CopyOrder] = []
        self.bandwidth: int | None = None
        self.busy = 0  # copies under way
        self.busiest = 0
        self.keeps_mtime = True
        self.shown_as: Callable[[bytes], bytes] = lambda name: name  # a name, in a listing
        self.killed = False  # its agent dies with whatever it does: nothing is removed
        self.met: Callable[[str, bytes], Awaitable[None]] = _pass
        self._sources = sources
        self._failures: dict[str, list[tuple[bytes | None, Exception]]] = defaultdict(list)
        self._hanging: dict[str, asyncio.Event] = {}

    # ---- what a test does to it

    def fail(self, step: str, error: Exception, *, times: int = 1, path: bytes | None = None) -> None:
        """Raise `error` at this step, for the next `times` times (of this destination, if given)."""
        self._failures[step] += [(path, error)] * times

    def mend(self) -> None:
        """Nothing fails from now on."""
        self._failures.clear()

    def hang(self, step: str) -> asyncio.Event:
        """Block at this step until the event that this answers with is set."""
        return self._hanging.setdefault(step, asyncio.Event())

    def release(self) -> None:
        """Hang nowhere from now on."""
        for event in self._hanging.values():
            event.set()
        self._hanging.clear()

    def put(self, path: bytes, content: bytes, mtime_ns: int = 1) -> None:
        """Somebody else puts a file there."""
        self.files[path] = Stored(content=content, mtime_ns=mtime_ns)
        self._make_folders(path)

    def count(self, step: str) -> int:
        """How often a step was reached."""
        return sum(name == step for name, _ in self.steps)

    def temporaries(self) -> set[bytes]:
        """What is there of temporaries."""
        return {path for path in self.files if split(path)[1].startswith(b".cg-")}

    # ---- ports.target.Target

    @property
    def expects_no_mount(self) -> bool:
        """A plain disk."""
        return self.spec.kind is Kind.DIRECTORY

    @property
    def awaiting_turn(self) -> frozenset[bytes]:
        """Nobody waits: it may be asked as often as one likes."""
        return frozenset()

    def get_ready(self) -> None:
        """It is; noted as a step."""
        self.steps.append(("get ready", b""))

    def limits(self, bandwidth: int | None) -> None:
        """Noted."""
        self.bandwidth = bandwidth

    async def probe(self) -> Identity | None:
        """Is it there?"""
        await self._step("probe")
        return None if self.expects_no_mount else self.identity

    async def current(self) -> Identity:
        """What is there."""
        await self._step("probe")
        assert self.identity is not None
        return self.identity

    async def test(self, base: bytes = b"") -> Mapping[str, Any]:
        """Nothing is found out."""
        return {}

    async def copy(self, order: CopyOrder, progress: Callable[[int], None]) -> Sent:
        """As a real one does it; cancelled, it removes the temporary."""
        self.orders.append(order)
        aside = sibling(order.destination, order.temporary)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            return await self._copy(order, aside, progress)
        except (asyncio.CancelledError, Failed, SourceChanged, SourceGone, TargetHeld):
            if not self.killed:
                self.files.pop(aside, None)
            raise
        finally:
            self.busy -= 1

    async def _copy(self, order: CopyOrder, aside: bytes, progress: Callable[[int], None]) -> Sent:
        await self._step("copy.begin", order.destination)
        before = self._read(order)
        base = order.terms.base
        if base not in self.folders and not order.terms.make_base:
            raise TargetHeld(because(Code.HELD_BASE_GONE, target=self.spec.name, folder=base))
        standing = self.files.get(order.destination)
        if standing is not None and not order.replace:
            raise AlreadyStanding(standing.standing)
        if order.destination in self.folders:
            raise AlreadyStanding(Standing(size=0, mtime_ns=0, is_file=False))
        assert aside not in self.files, "a temporary name is never used twice"
        self._make_folders(order.destination)
        self.files[aside] = Stored(content=b"", mtime_ns=1)
        await self._step("copy.open", order.destination)
        half = before[: len(before) // 2]
        self.files[aside] = Stored(content=half, mtime_ns=1)
        progress(len(half))
        await self._step("copy.write", order.destination)
        self.files[aside] = Stored(content=before, mtime_ns=order.version.mtime_ns if self.keeps_mtime else 1)
        progress(len(before))
        await self._step("copy.close", order.destination)
        if self._read(order) != before:
            raise SourceChanged
        return Sent(
            size=len(before),
            mtime_ns=order.version.mtime_ns if self.keeps_mtime else None,
            digest=xxhash.xxh3_128_digest(before),
            standing=(standing.standing.size, standing.standing.mtime_ns) if standing else None,
        )

    def _read(self, order: CopyOrder) -> bytes:
        file = self._sources[order.terms.source_root].files.get(order.path)
        if file is None:
            raise SourceGone
        if file.version != order.version:
            raise SourceChanged
        return file.content

    async def copy_all(
        self, orders: Sequence[CopyOrder], progress: Callable[[int, int], None], *, looked: bool
    ) -> Sequence[Sent | Exception | None]:
        """copy() of each, until the agent hangs or ends."""
        copy = self.copy if looked else self._copy_settled
        return await _each([partial(copy, order, partial(progress, index)) for index, order in enumerate(orders)])

    async def _copy_settled(self, order: CopyOrder, progress: Callable[[int], None]) -> Sent:
        source = self._sources[order.terms.source_root]
        if not source.is_settled(order.path) or source.files[order.path].version != order.version:
            raise SourceUnsettled
        return await self.copy(order, progress)

    async def barrier(self, folders: Sequence[bytes] = ()) -> None:
        """Everything is durable on a plain disk, and in these folders on a mount."""
        await self._step("barrier")
        self.forgotten = {
            path for path in self.forgotten if not self.expects_no_mount and split(path)[0] not in folders
        }

    async def publish(
        self, destination: bytes, temporary: bytes, size: int, *, durable: bool, over: bool = True
    ) -> Published:
        """Rename over."""
        await self._step("publish.begin", destination)
        aside = sibling(destination, temporary)
        found = self.files.get(aside)
        if found is None:
            raise Failed(errno=errno.ENOENT, step="rename", side="target", message="the temporary is not there")
        if len(found.content) != size:
            raise Failed(errno=None, step="length", side="target", message="another length")
        if not over and destination in self.files:
            raise AlreadyStanding(self.files[destination].standing)
        await self._step("publish.rename", destination)
        self.files[destination] = self.files.pop(aside)
        self.published.append(destination)
        self.forgotten.add(destination)
        await self._step("publish.end", destination)
        if durable:
            self.forgotten.discard(destination)
        return Published()

    async def publish_all(
        self, files: Sequence[tuple[bytes, bytes, int, bool]]
    ) -> Sequence[Published | Exception | None]:
        """publish() of each, until the agent hangs or ends."""
        return await _each(
            [
                partial(self.publish, destination, temporary, size, over=over, durable=False)
                for destination, temporary, size, over in files
            ]
        )

    async def look(self, paths: Sequence[bytes]) -> Sequence[Standing | None]:
        """What stands there."""
        for path in paths:
            await self._step("look", path)
        return [
            Standing(size=0, mtime_ns=0, is_file=False)
            if path in self.folders
            else (file.standing if (file := self.files.get(path)) else None)
            for path in paths
        ]

    async def digest(self, path: bytes) -> bytes:
        """Read back."""
        await self._step("digest", path)
        return xxhash.xxh3_128_digest(self.files[path].content)

    async def listing(self, folder: bytes) -> Mapping[bytes, Standing] | None:
        """All entries of a folder."""
        await self._step("listing", folder)
        if folder not in self.folders:
            return None
        files = {split(path)[1]: file.standing for path, file in self.files.items() if split(path)[0] == folder}
        folders = {split(path)[1] for path in self.folders if path and split(path)[0] == folder}
        shown = files | {name: Standing(size=0, mtime_ns=0, is_file=False) for name in folders}
        return {self.shown_as(name): standing for name, standing in shown.items()}

    async def sweep(self, paths: Sequence[bytes]) -> Sequence[bytes]:
        """Unlink; what fails at "sweep.unlink" stays."""
        gone = []
        for path in paths:
            await self._step("sweep", path)
            with contextlib.suppress(Failed):
                await self._step("sweep.unlink", path)
                self.files.pop(path, None)
                gone.append(path)
        return gone

    # ---- how

    async def _step(self, step: str, path: bytes = b"") -> None:
        self.steps.append((step, path))
        if self.hold is not None:
            raise replace_held(self.hold)
        await self.met(step, path)
        if (event := self._hanging.get(step)) is not None:
            await event.wait()
        for index, (wanted, error) in enumerate(self._failures[step]):
            if wanted is None or wanted == path:
                del self._failures[step][index]
                raise error

    def _make_folders(self, path: bytes) -> None:
        folder = split(path)[0]
        while folder:
            self.folders.add(folder)
            folder = split(folder)[0]


async def _each(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | Exception | None]:
    outcomes: list[T | Exception | None] = []
    for call in calls:
        try:
            outcomes.append(await call())
        except (Stalled, AgentLost) as error:
            outcomes.append(error)
            break
        except Exception as error:
            outcomes.append(error)
    return outcomes + [None] * (len(calls) - len(outcomes))


def replace_held(held: TargetHeld) -> TargetHeld:
    """The same hold, as an exception of its own."""
    return TargetHeld(replace(held.reason))


def an_error(number: int, step: str = "write", side: str = "target") -> Failed:
    """An OSError, as a port tells it."""
    return Failed(errno=number, step=step, side=side, message=errno.errorcode[number])
