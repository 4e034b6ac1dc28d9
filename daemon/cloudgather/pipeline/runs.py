"""Counts what a run has seen, planned and skipped, and keeps its row in the store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cgwire.reasons import Reason
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import QueueStore

# Scans that happen by themselves; they make a run only if they find something to send.
_SILENT = frozenset({"watch", "start", "rescan", "overflow", "root-back", "mount", "broken"})


@dataclass(slots=True, kw_only=True)
class RunCount:
    """A run under way."""

    task: str
    trigger: str
    id: int | None = None  # None: nothing of it is worth a row yet
    seen: int = 0
    planned: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # reason code -> files
    settling: int = 0  # found by it, not settled yet
    scanned: bool = False
    problem: Reason | None = None

    @property
    def ordered(self) -> bool:
        """Whether somebody asked for it, and may wait for what it finds."""
        return self.trigger in ("manual", "upload")


class Runs:
    """Starts runs and writes their counters; a silent one gets its row with its first plan.

    `changed` is called with the id of a run whose row was written.
    """

    def __init__(self, *, store: QueueStore, clock: Clock, changed: Callable[[int], None] = lambda run: None) -> None:
        self._store = store
        self._clock = clock
        self._changed = changed
        self.current: dict[int, RunCount] = {}

    async def start(self, task: str, trigger: str) -> RunCount:
        """A new run; with a row at once unless it is a silent one."""
        run = RunCount(task=task, trigger=trigger)
        if trigger not in _SILENT:
            await self.keep(run)
        return run

    def is_to_scan(self, task: str) -> bool:
        """Whether `task run` was given for the task, and that scan is not over; it may wait for its turn."""
        return any(run.task == task and run.trigger == "manual" and not run.scanned for run in self.current.values())

    async def keep(self, run: RunCount) -> int:
        """Give it a row if it has none; answers with its id."""
        if run.id is None:
            run.id = await self._store.start_run(run.task, run.trigger, now=self._clock.now())
            # Those whose files were forgotten, with a task that was paused, have ended without being noted.
            self.current = {id: each for id, each in self.current.items() if each.settling or not each.scanned}
            self.current[run.id] = run
            self._changed(run.id)
        return run.id

    async def note(self, run: RunCount) -> None:
        """Write its counters, if it has a row and its scan has ended."""
        if run.id is None or not run.scanned:
            return
        skipped = sum(run.skipped.values())
        await self._store.note_run(
            run.id, now=self._clock.now(), seen=run.seen, planned=run.planned, skipped=skipped, problem=run.problem
        )
        if run.settling == 0:
            self.current.pop(run.id, None)
        self._changed(run.id)
