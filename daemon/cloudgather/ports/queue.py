"""The queue, the ledger and the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from cgwire.reasons import Reason
from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.limits import Spending
from cloudgather.core.target import Identity
from cloudgather.core.transfer import Event, Plan, Sent, State, Transfer, Version


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


class Move(NamedTuple):
    """One move that some transfers make alike, with everything that is committed together with it."""

    # At least one, all in one state, as the mover knows them. Refused with Overtaken where one is of another generation
    # or try by now (whoever worked at an earlier one knows too little), or was being brought and is in another state.
    transfers: Sequence[Transfer]
    event: Event
    reason: Reason | None = None
    due: datetime | None = None
    spend: bool = False  # counts as an attempt (DEFER, GIVE_UP)
    version: Version | None = None  # CHANGE, REQUEUE of one with another version
    sent: Sequence[Sent] = ()  # PUBLISH: of each
    strength: str | None = None  # WRITE, CONFIRM
    confirmed: Reason | None = None  # WRITE: CONFIRM follows in the same step, with this reason
    moved: Sequence[int | None] = ()  # of each, bytes that its try has sent (what ends COPYING); None: nobody knows
    swept: bool = False  # the temporaries of the tries that end are known to be gone: they do not become debris


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

    async def answers(self) -> None:
        """Ends once all that was asked before has been done, or given up."""
        ...

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
        busy: Mapping[bytes, int] | None = None,
    ) -> Sequence[Transfer]:
        """Move up to `count` due queued transfers to copying: priority first, then age.

        Each gets its temporary name, committed in the same step. With more than one asked for, the second
        and later ones are taken only while all together stay within `most_bytes`. Where there is a `daily_limit`,
        sizes are reserved in the same step, and none is passed over for one that fits: raises DailyLimitSpent where
        the first one does not. A reservation ends with the move that ends COPYING: what it says was `moved` counts
        then, all that was reserved where it does not say.

        `busy` counts those who work in folders of the target. Small files, of which `count` fit into `most_bytes`, then
        go a few hundred before their turn, never before a higher priority, where their folder is a less busy one.
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

        Raises Overtaken (nothing changed) when one of them is not possible, as the second of a transfer is not.
        """
        ...

    async def requeue(self, chosen: Chosen, *, reason: Reason | None = None, now: datetime) -> int:
        """Queue failed and cancelled ones anew, for `reason` as history has it; make queued ones that wait due at once.

        One whose path has a newer transfer, or another live one, is passed over.
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

    async def put_off_there(self, target: str, *, limit: int) -> Sequence[Transfer]:
        """Those queued for it that are due later, the first due first."""
        ...

    async def ahead(self, transfer: Transfer) -> int:
        """How many of its target, due now, go before this queued one."""
        ...

    async def newest(self, task: str, path: bytes) -> Transfer | None:
        """The transfer of the path that was made last."""
        ...

    async def counts(self) -> Mapping[tuple[str, str, State], tuple[int, int]]:
        """(task, target, state) -> (transfers, bytes), kept up to date by every step; cleared ones are left out."""
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

    async def unknown(
        self, task: str, contents: Sequence[Content], *, target: str, base: bytes, force: bool = False
    ) -> frozenset[bytes]:
        """Those paths whose very content is neither in the ledger, at the place they go to (below `base` there), nor
        that of a live transfer, nor of the newest transfer of its path, where that has failed or been cancelled.

        `force`: whatever the ledger has, and whatever has failed or been cancelled.
        """
        ...

    async def known(
        self, task: str, paths: Sequence[bytes]
    ) -> tuple[Mapping[bytes, Version], Mapping[bytes, LedgerEntry]]:
        """Of these paths, at one instant: which version is being copied or published, and what the ledger has."""
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

    async def leave(self, transfer: Transfer, path: bytes) -> None:
        """List as debris what lies beside what this try has published, and could not be removed; once a try."""
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
