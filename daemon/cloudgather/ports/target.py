"""Writing into a target: what is ordered, what comes of it, and what can be asked of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from cgwire.reasons import Reason
from cloudgather.core.target import Identity, TargetSpec, Verify
from cloudgather.core.transfer import Sent, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands under a name at the target."""

    size: int
    mtime_ns: int
    is_file: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTerms:
    """What all copies of a task at one time have in common."""

    source_root: bytes
    base: bytes  # the task's destination folder below the target's root; made only where `make_base`
    make_base: bool
    durable: bool  # fsync file now; else a later `barrier` covers it
    verify: Verify
    file_mode: int | None
    dir_mode: int | None


class CopyOrder(NamedTuple):
    """All that an agent needs for one copy; what follows the terms, in the order in which it is sent."""

    terms: CopyTerms
    destination: bytes  # relative to the target's root, begins with terms.base
    temporary: bytes  # name beside the destination
    path: bytes  # relative to terms.source_root
    version: Version  # what must be found there before and after
    replace: bool  # else a file that stands under the final name ends the copy before a byte is read
    written: bool = False  # whoever has it open for writing has said that it is complete, and only reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The answer of a rename that happened."""


class Failed(Exception):
    """An operation at a target or source failed; sorted by core.failure.judge."""

    def __init__(self, *, errno: int | None, step: str, side: str, message: str, limit: float | None = None) -> None:
        super().__init__(f"cannot {step}: {message}")
        self.errno = errno  # None: not an errno (a wrong length, a digest that differs, a deadline)
        self.step = step  # "open", "write", "fsync", "close", "reopen", "length", "digest", "rename", "list", "mkdir" …
        self.side = side  # "source" or "target"
        self.message = message
        self.limit = limit


class Stalled(Failed):
    """An operation did not answer within its deadline (seconds in `limit`); its agent gets no new work."""


class AgentLost(Failed):
    """The agent process died or was killed while it worked on this."""


class TargetHeld(Exception):
    """The target must not be written to now; no attempt is spent. `reason` is a held.* code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class SourceChanged(Exception):
    """The source is another version than ordered, before or after the copy; what was written is void."""


class SourceGone(Exception):
    """The source is not there any more (ENOENT, or a component became a symlink or no folder)."""


class SourceUnsettled(Exception):
    """Nothing was made: the source is not what was ordered, or not known to be complete. A look tells how it is."""


class AlreadyStanding(Exception):
    """A file stands under the final name and `replace` was not asked for."""

    def __init__(self, standing: Standing) -> None:
        super().__init__("a file of this name stands at the target")
        self.standing = standing


class Target(Protocol):
    """One target, through its agent. Every call has a deadline and checks the target's identity first.

    All may raise TargetHeld, Stalled, AgentLost and Failed besides what they name.
    """

    spec: TargetSpec

    @property
    def expects_no_mount(self) -> bool:
        """A plain disk, by kind or because the operator accepted it as one."""
        ...

    @property
    def awaiting_turn(self) -> Collection[bytes]:
        """The temporaries of copies that have not begun: the target may not be asked about files again yet."""
        ...

    def get_ready(self) -> None:
        """It will be asked something soon: what takes a moment to start starts now. Does not touch it."""
        ...

    def limits(self, bandwidth: int | None) -> None:
        """Bytes a second over all its copies together, from now on; None: as fast as it goes."""
        ...

    async def probe(self) -> Identity | None:
        """Look whether the target is there and is what was recorded; None for a plain directory.

        Raises TargetHeld with the reason; with HELD_NEVER_MOUNTED where nothing was recorded and no FUSE or network
        file system is mounted there.
        """
        ...

    async def current(self) -> Identity:
        """What file system is at the root now, whatever was recorded; raises TargetHeld where nothing is."""
        ...

    async def test(self, base: bytes = b"") -> Mapping[str, Any]:
        """The report of cgwire.target.Test but for `held`; every file it makes is removed again."""
        ...

    async def copy(self, order: CopyOrder, progress: Callable[[int], None]) -> Sent:
        """Copy aside: temporary written, fsynced if durable, closed without error, length checked, mtime set, source
        compared again. `progress` hears the bytes written so far. Cancelling the awaiting task stops the copy and
        removes the temporary if it can. Raises SourceChanged, SourceGone, AlreadyStanding.
        """
        ...

    async def copy_all(
        self, orders: Sequence[CopyOrder], progress: Callable[[int, int], None], *, looked: bool
    ) -> Sequence[Sent | Exception | None]:
        """copy() of several small files on the same terms, one after the other, at a lower price.

        For each order what copy() answers or raises. Whatever ends the work early (Stalled, AgentLost, TargetHeld) is
        the outcome of the order that it ended, and None that of those behind, which are as if not ordered; their
        temporaries may all the same come to be. `progress` hears the index of an order and its bytes. Unless somebody
        has `looked` at the sources, each is looked at before it is copied, and SourceUnsettled may be its outcome.
        """
        ...

    async def barrier(self, folders: Sequence[bytes] = ()) -> None:
        """Makes durable all copies so far, and all renames so far in these folders (relative to the root)."""
        ...

    async def publish(
        self, destination: bytes, temporary: bytes, size: int, *, durable: bool, over: bool = True
    ) -> Published:
        """Check the mount once more, rename over, fsync the folder if durable.

        Raises AlreadyStanding unless `over`, where a file has come to stand there since the copy looked.
        """
        ...

    async def publish_all(
        self, files: Sequence[tuple[bytes, bytes, int, bool]]
    ) -> Sequence[Published | Exception | None]:
        """publish() of several (destination, temporary, size, over), in order; outcomes as of copy_all.

        They are durable once a `barrier` of their folders has held.
        """
        ...

    async def look(self, paths: Sequence[bytes]) -> Sequence[Standing | None]:
        """What stands under each path (relative to the root), by a fresh open of the root; None = ENOENT."""
        ...

    async def digest(self, path: bytes) -> bytes:
        """xxh3-128 of what stands under `path`, read through the mount."""
        ...

    async def listing(self, folder: bytes) -> Mapping[bytes, Standing] | None:
        """All entries of a folder; None where the folder does not exist (its parents up to the root do)."""
        ...

    async def sweep(self, paths: Sequence[bytes]) -> Sequence[bytes]:
        """Unlink these temporaries (relative to the root); answers with those that are now known to be gone."""
        ...
