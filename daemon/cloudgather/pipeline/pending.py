"""Files that are not settled yet: what was seen of them, and when to look again."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Final, NamedTuple

from cgwire.reasons import Reason
from cloudgather.core.task import Filter, Task
from cloudgather.core.transfer import Version
from cloudgather.pipeline.runs import RunCount

FIRST_LOOK_AFTER: Final = 0.2  # seconds: a burst of events of one file costs one look


class SkipSettle(IntEnum):
    """What of being settled is not waited for."""

    NOTHING = 0
    GUESS = 1  # the file is known to be complete; a downloader's word still counts
    ALL = 2  # by order: whatever anybody says


class Scanned(NamedTuple):
    """What a scan has just found out: neither the ledger nor the queue has these, and they are wanted."""

    sizes: Mapping[bytes, int]  # by path: once each, though a folder that changes while it is read may show one twice
    wanted_by: Filter  # for what they are, and as long as they are of these sizes


@dataclass(slots=True)
class Pending:
    """One path of one task. Times are monotonic seconds.

    A scan makes one for each file that is new: in the order of its fields, for two thirds of what it costs by their
    names.
    """

    task: str
    path: bytes
    quiet_since: float
    event_seen: bool
    due: float
    fingerprint: tuple[Version, int] | None = None  # version and ctime when last looked at
    conditions: tuple[Reason, ...] = ()  # not met when last looked at; or what a downloader said then
    guessed: bool = True
    ready: bool = False  # settled by itself; waits for its unit
    force: bool = False  # sent whatever the rules say
    skip_settle: SkipSettle = SkipSettle.NOTHING
    run: RunCount | None = None
    sequence: int = 0  # of its due time; 0: it has none

    @property
    def in_hand(self) -> bool:
        """Whether somebody looks at it or plans it now, and puts or drops it then."""
        return self.sequence == 0


class Settled(NamedTuple):
    """What may be planned, unless the task has been edited since."""

    task: Task  # as it was when these were found wanted and complete
    files: Sequence[Pending]


class PendingFiles:
    """By task and path, and by when they are due."""

    def __init__(self) -> None:
        self._by_task: defaultdict[str, dict[bytes, Pending]] = defaultdict(dict)
        self._heap: list[tuple[float, int, str, bytes]] = []
        self._sequence = count(1)

    def get(self, task: str, path: bytes) -> Pending | None:
        """What is pending of this path."""
        return self._by_task[task].get(path)

    def of_task(self, task: str) -> dict[bytes, Pending]:
        """Everything that is pending of a task, by path; not to be changed."""
        return self._by_task[task]

    def __iter__(self) -> Iterator[Pending]:
        for files in self._by_task.values():
            yield from files.values()

    def __len__(self) -> int:
        return sum(len(files) for files in self._by_task.values())

    def put(self, pending: Pending) -> None:
        """Add it, or give it a new due time."""
        pending.sequence = next(self._sequence)
        self._by_task[pending.task][pending.path] = pending
        heapq.heappush(self._heap, (pending.due, pending.sequence, pending.task, pending.path))

    def bring_forward(self, pending: Pending, due: float) -> None:
        """Look at it then, unless that is to be earlier anyway."""
        if pending.due > due:
            pending.due = due
            self.put(pending)

    def look_again(self, files: Iterable[Pending], due: float) -> None:
        """Whatever is known of them now; those that were forgotten meanwhile are let be."""
        for pending in files:
            if self.get(pending.task, pending.path) is pending:
                pending.ready = False
                pending.due = due
                self.put(pending)

    def let_go(self, pending: Pending, begun: float, now: float) -> None:
        """It is not pending any more, unless something has happened there since the look at it began."""
        if pending.quiet_since <= begun:
            self.drop(pending.task, [pending.path])
        elif self.get(pending.task, pending.path) is pending:
            pending.due = now + FIRST_LOOK_AFTER
            self.put(pending)

    def keep(self, task: str, files: Iterable[Pending]) -> None:
        """Add these of a task without a due time, or take theirs away: they are in hand."""
        kept = self._by_task[task]
        for pending in files:
            pending.sequence = 0
            kept[pending.path] = pending

    def in_hand(self, task: str) -> list[Pending]:
        """Those of a task that somebody looks at or plans now."""
        return [pending for pending in self._by_task[task].values() if pending.in_hand]

    def drop(self, task: str, paths: Iterable[bytes]) -> None:
        """These are not pending any more."""
        files = self._by_task[task]
        for path in paths:
            if (gone := files.pop(path, None)) is not None and gone.run is not None:
                gone.run.settling -= 1

    def drop_task(self, task: str) -> None:
        """Nothing of this task is pending any more."""
        self.drop(task, tuple(self._by_task[task]))

    def next_due(self) -> float | None:
        """When the first is due."""
        self._shed()
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float, most: int) -> list[Pending]:
        """Up to `most` that are due; they stay pending, in hand."""
        taken: list[Pending] = []
        while len(taken) < most:
            self._shed()
            if not self._heap or self._heap[0][0] > now:
                break
            _, _, task, path = heapq.heappop(self._heap)
            pending = self._by_task[task][path]
            pending.sequence = 0
            taken.append(pending)
        return taken

    def _shed(self) -> None:
        """Entries of the heap whose file was put again or dropped mean nothing."""
        while self._heap:
            _, sequence, task, path = self._heap[0]
            pending = self.get(task, path)
            if pending is not None and pending.sequence == sequence:
                return
            heapq.heappop(self._heap)
