"""What the pipeline needs from the world, as Protocols whose docstrings state the law."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from cgwire.reasons import Reason
from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.download import Asked, Download
from cloudgather.core.download import Event as DownloadEvent
from cloudgather.core.download import State as DownloadState
from cloudgather.core.downloader import About, DownloaderSpec, DownloadOrder, ItemFile, Polled
from cloudgather.core.limits import Spending
from cloudgather.core.target import Identity, TargetSpec, Verify
from cloudgather.core.transfer import Event, Plan, Sent, State, Transfer, Version
from cloudgather.core.uploads import Listed, Upload


class Clock(Protocol):
    """The only source of time; a fake one drives the tests."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump; counts suspended time (CLOCK_BOOTTIME)."""
        ...

    async def sleep(self, span: float) -> None:
        """Wait `span` seconds of monotonic()."""
        ...


# ---- looking at a source -------------------------------------------------------------------------------------------


class Access(StrEnum):
    """Whether anybody has a file open for writing."""

    FREE = "free"
    WRITTEN = "written"  # somebody has
    UNKNOWN = "unknown"  # the file system or our permissions do not let us know


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One path of a source, as lstat and a lease see it."""

    path: bytes  # relative to the source
    version: Version
    ctime_ns: int
    links: int
    access: Access
    unknown_why: str | None  # when access is UNKNOWN: "file-system", "permission", "error"
    control_file: bytes | None  # the `.aria2` file beside it or beside its top folder, relative to the source


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something a scan met and could not or would not take."""

    path: bytes
    why: Absent


class Source(Protocol):
    """One task's source folder. Nothing here follows a symlink below the root or leaves the root."""

    async def root(self) -> tuple[int, int]:
        """(device, inode) of the root folder; raises SourceUnavailable when it cannot be opened as a folder."""
        ...

    def scan(self, below: bytes = b"") -> AsyncIterator[Sequence[Seen | Refused]]:
        """Walk the tree in batches (at most 1024 each), all names but those always skipped (core.filters.is_junk).

        Junk folders are not entered. Raises SourceUnavailable when the root goes away during the walk: a walk that
        ends without an error has seen everything that stood still.
        """
        ...

    async def look(self, path: bytes) -> Look | Absent:
        """lstat and lease of one path."""
        ...

    async def look_all(self, paths: Sequence[bytes]) -> Sequence[Look | Absent]:
        """look() at each of them, in order, at a lower price."""
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


# ---- writing into a target -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands under a name at the target."""

    size: int
    mtime_ns: int
    is_file: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOrder:
    """All that an agent needs for one copy."""

    source_root: bytes
    path: bytes  # relative to source_root
    version: Version  # what must be found there before and after
    base: bytes  # the task's destination folder below the target's root; made only where `make_base`
    make_base: bool
    destination: bytes  # relative to the target's root, begins with base
    temporary: bytes  # name beside the destination
    replace: bool  # else a file that stands under the final name ends the copy before a byte is read
    durable: bool  # fsync file now; else a later `barrier` covers it
    verify: Verify
    file_mode: int | None
    dir_mode: int | None
    written: bool = False  # whoever has it open for writing has said that it is complete, and only reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The answer of a rename that happened."""

    standing: Standing  # the final name, looked at afresh


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
        self, orders: Sequence[CopyOrder], progress: Callable[[int, int], None]
    ) -> Sequence[Sent | Exception | None]:
        """copy() of several small files of one task, one after the other, at a lower price.

        For each order what copy() answers or raises. Whatever ends the work early (Stalled, AgentLost, TargetHeld) is
        the outcome of the order that it ended, and None that of those behind, which are as if not ordered; their
        temporaries may all the same come to be. `progress` hears the index of an order and its bytes.
        """
        ...

    async def barrier(self) -> None:
        """syncfs of the target's file system: makes all copies and renames so far durable."""
        ...

    async def publish(
        self, destination: bytes, temporary: bytes, size: int, *, durable: bool, over: bool = True
    ) -> Published:
        """Check the mount once more, rename over, fsync the folder if durable, look at the final name.

        Raises AlreadyStanding unless `over`, where a file has come to stand there since the copy looked.
        """
        ...

    async def publish_all(
        self, files: Sequence[tuple[bytes, bytes, int, bool]]
    ) -> Sequence[Published | Exception | None]:
        """publish() of several (destination, temporary, size, over), not durable, in order; outcomes as of copy_all."""
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


# ---- asking the program behind a mount -----------------------------------------------------------------------------


class CannotAsk(Exception):
    """A program that would know does not answer, or not about this; `reason` is a confirm.* or downloader.* code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Uploads(Protocol):
    """The program behind a target's mount, which uploads later by itself. It is asked aside of the mount.

    Paths are relative to the target's root. All raise CannotAsk.
    """

    async def progress(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Upload]:
        """What it has yet to do for each of them; at the price of no question to the cloud."""
        ...

    async def stored(self, spec: TargetSpec, identity: Identity, paths: Sequence[bytes]) -> Sequence[Listed | None]:
        """What the cloud itself lists under each name now, whatever the mount shows; None: nothing.

        Paths are UTF-8. At the pace of the target's budget of listings.
        """
        ...


# ---- the queue, the ledger, the history ----------------------------------------------------------------------------


class Origin(StrEnum):
    """Why the ledger knows a file."""

    SENT = "sent"
    ADOPTED = "adopted"  # found at the target; never sent by us
    IGNORED = "ignored"  # was there before the task, which ignores it


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What is known to have been dealt with: one per task and path, the newest only."""

    task: str
    path: bytes
    size: int
    mtime_ns: int
    origin: Origin
    target: str
    destination: bytes
    target_size: int | None  # ADOPTED: what the target showed then, if it differs from `size`
    digest: bytes | None
    transfer: int | None
    strength: str  # Confirm value reached: none, seen, stored; "" while only written
    at: datetime


class Added(StrEnum):
    """What became of a plan."""

    NEW = "new"  # a new transfer
    REFRESHED = "refreshed"  # a live or ended transfer of the path took the new version
    KNOWN = "known"  # a live transfer of this very version is there already
    BOUND = "bound"  # failed or cancelled for this very version: stays so
    SENT = "sent"  # this very version was written there since it was planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a transfer with everything that is committed together with it."""

    transfer: int
    generation: int  # must be the row's, else the move is refused with Overtaken
    event: Event
    tries: int | None = None  # where given, must be the row's, too: whoever worked at an earlier try knows too little
    reason: Reason | None = None
    due: datetime | None = None
    spend: bool = False  # counts as an attempt (DEFER, GIVE_UP)
    version: Version | None = None  # CHANGE, REQUEUE with another version
    sent: Sent | None = None  # PUBLISH
    strength: str | None = None  # CONFIRM
    moved: int | None = None  # bytes that this try has sent (what ends COPYING); None: nobody knows
    swept: bool = False  # the temporary of the current try is known to be gone: its debris row goes, too


class Overtaken(Exception):
    """The row is another generation, or in a state that does not allow the move: somebody else moved it."""


class DailyLimitSpent(Exception):
    """The next transfer of a target does not fit into what its limit a day leaves; nothing was claimed."""

    def __init__(self, *, size: int, spending: Spending) -> None:
        super().__init__(f"{size} bytes do not fit beside {spending.total}")
        self.size = size
        self.spending = spending


class StoreUnavailable(Exception):
    """The store cannot commit now (state disk full, I/O error); nothing was changed. `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Debris:
    """A temporary that may exist at a target."""

    id: int
    target: str
    path: bytes  # relative to the target's root
    transfer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which transfers a listing or an order is about; all that is given must match."""

    ids: tuple[int, ...] = ()
    task: str | None = None
    target: str | None = None
    states: frozenset[State] = frozenset()
    glob: bytes | None = None  # on the path, as core.filters globs
    run: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMove:
    """One line of history."""

    transfer: int
    task: str
    path: bytes
    at: datetime
    event: Event
    before: State
    after: State
    attempt: int
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a task."""

    id: int
    task: str
    trigger: str  # watch, schedule, interval, manual, start, rescan, upload
    started: datetime
    scanned: datetime | None  # when its scan ended
    ended: datetime | None  # when the last of its transfers ended
    seen: int
    planned: int
    skipped: int
    uploaded: int
    failed: int
    bytes: int  # of those uploaded
    left: int = 0  # transfers that are queued or under way
    problem: Reason | None  # the scan could not be finished


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMemory:
    """What is remembered of a task between starts."""

    name: str
    paused: bool = False
    initialised: bool = False  # its first scan has been dealt with as `initial` says
    base_made: bytes | None = None  # the destination folder (TARGET:BASE) that was seen or made: never made again
    last_due: datetime | None = None  # the last scheduled instant that was run or passed over


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMemory:
    """What is remembered of a target between starts."""

    name: str
    root: bytes | None = None  # of an implicit target, so that its name stays what it was
    identity: Identity | None = None
    paused: bool = False
    breaker_until: datetime | None = None
    breaker_opened: int = 0  # times in a row
    breaker_reason: Reason | None = None
    facts: Mapping[str, object] | None = None  # what `target test` found out, as it was found
    rate_order: RateOrder | None = None

    @property
    def settled_root(self) -> bytes | None:
        """The root of an implicit target that was seen mounted: from then on it keeps its name and root."""
        return self.root if self.identity is not None else None


Content = tuple[bytes, int, int]  # a path, and the size and mtime_ns that say which content of it is meant


class QueueStore(Protocol):
    """Queue, ledger and history. Every call is one step that survives a power cut once it has returned.

    All writing calls raise StoreUnavailable when nothing could be committed.
    """

    async def add(self, plans: Sequence[Plan], *, now: datetime) -> Sequence[tuple[int, Added]]:
        """Make transfers of plans (at most one live per task and path), all in one step; ids in the plans' order."""
        ...

    async def claim(
        self,
        target: str,
        *,
        now: datetime,
        count: int,
        most_bytes: int | None,
        except_tasks: frozenset[str],
        daily_limit: int | None = None,
    ) -> Sequence[Transfer]:
        """Move up to `count` due queued transfers to copying: priority first, then age.

        Each gets its temporary name, committed to debris in the same step. With more than one asked for, the second
        and later ones are taken only while all together stay within `most_bytes`. Where there is a `daily_limit`,
        sizes are reserved in the same step, and none is passed over for one that fits: raises DailyLimitSpent where
        the first one does not. A reservation ends with the move that ends COPYING: what it says was `moved` counts
        then, all that was reserved where it does not say.
        """
        ...

    async def spending(self, *, now: datetime) -> Mapping[str, Spending]:
        """What each target with a daily limit was sent within a day."""
        ...

    async def shift_spending(self, *, now: datetime, hours: int = 0) -> None:
        """The wall clock was put forward by so many hours (back: negative), and what was spent was spent as long ago
        as before. Nothing was spent later than now.
        """
        ...

    async def move(self, moves: Sequence[Move], *, now: datetime) -> Sequence[Transfer]:
        """Make moves, each with its history row, ledger entry (WRITE, CONFIRM) and debris, all in one step.

        Raises Overtaken (nothing changed) when one of them is not possible.
        """
        ...

    async def requeue(self, chosen: Chosen, *, now: datetime) -> int:
        """Queue failed and cancelled ones anew, and make queued ones that wait due at once.

        One whose path has another live transfer is passed over.
        """
        ...

    async def cancel(self, chosen: Chosen, *, reason: Reason, now: datetime) -> int:
        """Cancel queued and failed ones that match (those that run are cancelled by dispatch)."""
        ...

    async def redirect(self, task: str, *, target: str, base: bytes) -> int:
        """Let all that a task has queued go to its `base` at `target` from now on; how many went elsewhere.

        What stands at the new place was judged by no rule: it is not replaced. It is no move. What failed elsewhere,
        or was found standing there, binds no more.
        """
        ...

    async def put_off(self, task: str, *, until: datetime, reason: Reason, device: int | None = None) -> int:
        """Make what a task has queued, is due and came from `device` (None: all) due `until`. It is no move: what
        holds them all is not to be found out, and written down, for each of them.
        """
        ...

    async def put_first(self, chosen: Chosen, *, now: datetime) -> int:
        """Give them a priority above every queued transfer of their target, and make them due at once."""
        ...

    async def forget(self, chosen: Chosen, *, now: datetime) -> int:
        """Clear ended transfers (done, failed, cancelled, vanished) from the listing; the ledger stays."""
        ...

    async def transfer(self, id: int) -> Transfer | None: ...
    async def transfers(
        self, chosen: Chosen, *, limit: int, offset: int = 0, newest_first: bool = False
    ) -> Sequence[Transfer]:
        """In the order they will go (queued), else by id."""
        ...

    async def count(self, chosen: Chosen) -> int:
        """How many match."""
        ...

    async def ahead(self, transfer: Transfer) -> int:
        """How many of its target, due now, go before this queued one."""
        ...

    async def newest(self, task: str, path: bytes) -> Transfer | None:
        """The transfer of the path that was made last."""
        ...

    async def counts(self) -> Mapping[tuple[str, str, State], tuple[int, int]]:
        """(task, target, state) -> (transfers, bytes), kept up to date by the database itself."""
        ...

    async def next_due(self, target: str, *, except_tasks: frozenset[str] = frozenset()) -> datetime | None:
        """When the earliest queued transfer of the target becomes due (the epoch: at once); None: nothing is queued."""
        ...

    async def clamp_due(self, *, now: datetime, most: timedelta) -> int:
        """Let no queued transfer be due later than `most` from now; for the start and after a jump of the clock."""
        ...

    async def ledger(self, task: str, paths: Sequence[bytes]) -> Mapping[bytes, LedgerEntry]: ...
    async def ledger_of(self, task: str, *, after: bytes | None, limit: int) -> Sequence[LedgerEntry]:
        """A page of a task's ledger in the order of paths."""
        ...

    async def sent_there(self, target: str, places: Sequence[bytes]) -> Sequence[LedgerEntry]:
        """SENT entries of all tasks at the target whose destinations fold (core.clashes) to one of these."""
        ...

    async def adopt(self, entries: Sequence[LedgerEntry]) -> None:
        """Write ADOPTED and IGNORED entries."""
        ...

    async def unsent(self, task: str, contents: Sequence[Content], *, target: str, base: bytes) -> frozenset[bytes]:
        """Those paths whose very content the ledger does not have at the place they go to: below `base` there."""
        ...

    async def bound(self, task: str, contents: Sequence[Content]) -> frozenset[bytes]:
        """Those paths that have failed or been cancelled with this very content."""
        ...

    async def live(self, task: str, contents: Sequence[Content]) -> frozenset[bytes]:
        """Those paths that have a live transfer of this very content."""
        ...

    async def history(
        self,
        *,
        task: str | None,
        path: bytes | None,
        transfer: int | None,
        limit: int,
        before_id: int | None = None,
        outcomes: bool = False,
    ) -> Sequence[tuple[int, PastMove]]:
        """Newest first; `outcomes`: only the moves that ended a transfer or put it back into the queue."""
        ...

    async def debris(self, target: str | None = None) -> Sequence[Debris]:
        """Temporaries that no copying or publishing transfer owns."""
        ...

    async def swept(self, ids: Sequence[int]) -> None:
        """These temporaries are known to be gone."""
        ...

    async def start_run(self, task: str, trigger: str, *, now: datetime) -> int: ...
    async def note_run(
        self, run: int, *, now: datetime, seen: int, planned: int, skipped: int, problem: Reason | None
    ) -> None:
        """Its scan has ended with these counters."""
        ...

    async def interrupt_runs(self, *, reason: Reason, now: datetime) -> int:
        """End the scans that an earlier daemon left unfinished, with `reason` as their problem; for the start."""
        ...

    async def runs(self, task: str | None, *, limit: int) -> Sequence[Run]:
        """Newest first; `ended` is set once scanned and none of its transfers is live."""
        ...

    async def run(self, id: int) -> Run | None: ...

    async def tasks(self) -> Mapping[str, TaskMemory]: ...
    async def remember_task(self, memory: TaskMemory) -> None: ...
    async def targets(self) -> Mapping[str, TargetMemory]: ...
    async def remember_target(self, memory: TargetMemory) -> None: ...
    async def flags(self) -> Mapping[str, str]:
        """Small facts of the whole daemon (queue paused, daemon id)."""
        ...

    async def set_flag(self, name: str, value: str | None) -> None: ...
    async def prune(self, *, before: datetime) -> int:
        """Remove ended transfers, their history and runs that ended before; the ledger stays.

        So do the newest transfers of their paths that failed or were cancelled: without them the file would go again.
        """
        ...


# ---- downloads on request ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDownload:
    """What becomes a download."""

    asked: Asked
    infohash: str | None
    name: bytes
    parent: bytes  # it gets a folder of its own in there
    wanted: tuple[int, ...] | None
    size: int | None
    paused: bool
    torrent: bytes | None  # the torrent file, if that is what was given


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDownloadMove:
    """A line of a download's history."""

    at: datetime
    event: DownloadEvent
    before: DownloadState
    after: DownloadState
    reason: Reason | None


class DownloadStore(Protocol):
    """Downloads on request; what has returned is on the disk. All raise StoreUnavailable."""

    async def add_download(self, new: NewDownload, *, now: datetime) -> Download:
        """A queued one; its folder's name is of this daemon and of this download alone."""
        ...

    async def download(self, id: int) -> Download | None: ...
    async def downloads(self, *, uid: int | None) -> Sequence[Download]:
        """Of this user (None: of all): those for which something is left to be done, and the newest others; by id."""
        ...

    async def open_downloads(self) -> Sequence[Download]:
        """Those for which something is left to be done, by id."""
        ...

    async def download_of(self, infohash: str) -> Download | None:
        """The newest of this torrent that has neither failed nor been removed."""
        ...

    async def torrent(self, id: int) -> bytes | None:
        """The torrent file that it was made of."""
        ...

    async def move_download(
        self,
        id: int,
        before: DownloadState,
        event: DownloadEvent,
        *,
        reason: Reason | None = None,
        changes: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> Download:
        """Move it, with its line of history, and change these of its fields; raises Overtaken if it is not `before`."""
        ...

    async def note_download(
        self, id: int, before: DownloadState, changes: Mapping[str, Any], *, now: datetime
    ) -> Download:
        """Change these of its fields, which is no move; raises Overtaken if it is not `before` any more."""
        ...

    async def download_history(self, id: int) -> Sequence[PastDownloadMove]:
        """Newest first."""
        ...


# ---- downloaders ---------------------------------------------------------------------------------------------------


class DownloadRefused(Exception):
    """A downloader will not do what it was told; `reason` is a downloader.* code."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Downloader(Protocol):
    """A program that downloads and can be asked. Its ids and paths are its own; nothing here looks at a disk.

    All may raise CannotAsk with a downloader.* reason; whoever is refused once with a name and password does not show
    them again until they change. What is told to do something may raise DownloadRefused.
    """

    spec: DownloaderSpec

    async def about(self) -> About:
        """What it says of itself, over a connection and a login made anew."""
        ...

    async def poll(self) -> Polled:
        """What is another since the last poll that was answered, in one question; everything at the first."""
        ...

    async def files(self, id: str) -> Sequence[ItemFile]:
        """Its files as they are now; empty where they are not known yet, or the item is not there any more."""
        ...

    async def add(self, order: DownloadOrder) -> str | None:
        """Download it; its id, or None where only a later poll will show it (by the order's mark, by its infohash).

        Raises DownloadRefused also where the downloader has it already.
        """
        ...

    async def select(self, id: str, wanted: Collection[int]) -> None:
        """Download the files with these indexes and no others."""
        ...

    async def pause(self, id: str) -> None:
        """Neither download nor seed it until resumed."""
        ...

    async def resume(self, id: str) -> None:
        """Go on with it."""
        ...

    async def remove(self, id: str, *, with_files: bool) -> None:
        """Forget it; no error where it is not there any more.

        `with_files`: and remove what it has written, where the program can (aria2 cannot, and ignores it).
        """
        ...

    async def close(self) -> None:
        """End the conversation."""
        ...
