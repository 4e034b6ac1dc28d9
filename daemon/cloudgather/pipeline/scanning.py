"""Walks sources: a run's scan, the reconciling scans, and what an operator names."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import filters
from cloudgather.core.mounts import is_below
from cloudgather.core.naming import destination, split
from cloudgather.core.target import Profile
from cloudgather.core.task import Initial
from cloudgather.core.transfer import State
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.intake import Intake
from cloudgather.pipeline.pending import Pending, Scanned, Settled, SkipSettle
from cloudgather.pipeline.planning import Listings, Planner, adoption, ignoring
from cloudgather.pipeline.runs import RunCount, Runs
from cloudgather.pipeline.trouble import sorted_failure
from cloudgather.pipeline.waiting import ahead, wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, QueueStore, StoreUnavailable
from cloudgather.ports.source import Refused, Seen, SourceUnavailable
from cloudgather.ports.target import Failed, TargetHeld

logger = logging.getLogger(__name__)

_LOOK_FOR_SOURCE_EVERY = 15.0
_MAKE_UP_AFTER = 60.0
_SETTLED_AHEAD = 4  # portions that are looked at while what came before them waits for its target's listing


class Scanner:
    """One scan of a task at a time; what it finds goes to the intake, unless it is dealt with already."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        planner: Planner,
        runs: Runs,
        intake: Intake,
        clock: Clock,
    ) -> None:
        self._store = store
        self._board = board
        self._planner = planner
        self._runs = runs
        self._intake = intake
        self._clock = clock
        self._scanning: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked: dict[str, str] = {}
        self._missed: dict[str, float] = {}  # task -> monotonic: its scan needed what could not answer
        self._unnoted: dict[str, list[RunCount]] = defaultdict(list)  # by task: ended while the store could not commit
        self._wakes: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def ask(self, task: str, trigger: str) -> None:
        """Scan this task soon; several wishes before the scan begins are one."""
        self._asked.setdefault(task, trigger)
        self._wakes[task].set()

    def mounts_changed(self) -> None:
        """The target that a scan could not do without may be back."""
        for task in list(self._missed):
            self._ask_again(task)

    def _ask_again(self, task: str) -> None:
        self._missed.pop(task, None)
        self.ask(task, "mount")

    async def serve(self, task: str, source_back: Callable[[], None]) -> None:
        """Scan the task when asked, until cancelled; a source that was lost is looked for every 15 s."""
        wake = self._wakes[task]
        while True:
            await wait_for_either(wake.wait(), self._clock.sleep(_LOOK_FOR_SOURCE_EVERY))
            wake.clear()
            state = self._board.tasks.get(task)
            if state is None or state.memory.paused:
                self._asked.pop(task, None)
                continue
            if state.source_hold is not None and await self._is_back(state):
                source_back()
                self._asked.setdefault(task, "root-back")
            missed = self._missed.get(task)
            if missed is not None and self._clock.monotonic() - missed >= _MAKE_UP_AFTER:
                self._ask_again(task)
            for run in self._unnoted.pop(task, []):
                await self._note(run)
            if (trigger := self._asked.pop(task, None)) is not None:
                await self._scan_as_asked(task, trigger)

    async def _scan_as_asked(self, task: str, trigger: str) -> None:
        try:
            await self.scan(task, trigger)
        except StoreUnavailable as refused:  # not even a run could be begun
            self._board.store_hold = refused.reason
            self._asked.setdefault(task, trigger)

    async def _is_back(self, state: TaskState) -> bool:
        try:
            await state.source.root()
        except SourceUnavailable as lost:
            state.source_hold = lost.reason
            return False
        state.source_hold = None
        return True

    def is_scanning(self, task: str) -> bool:
        """Whether a scan of the task is going on."""
        return self._scanning[task].locked()

    def unsettled(self, task: str) -> Sequence[Pending]:
        """Those of the task's files that wait until they are settled."""
        return list(self._intake.pending.of_task(task).values())

    async def scan(
        self,
        task: str,
        trigger: str,
        *,
        below: bytes = b"",
        force: bool = False,
        skip_settle: SkipSettle = SkipSettle.NOTHING,
        run: RunCount | None = None,
    ) -> RunCount:
        """Walk a task's source, or what lies below a path of it, and take in what is not dealt with yet.

        One scan of a task at a time. A source that cannot be walked is the run's problem and holds the task.
        """
        if run is None:
            run = await self._runs.start(task, trigger)
        if (state := self._board.tasks.get(task)) is None:
            run.problem = because(Code.CANCELLED_TASK_REMOVED)
            run.scanned = True
            await self._note(run)
            return run
        try:
            async with self._scanning[task]:
                run.problem = self._why_nothing_is_taken(state)  # it may have waited for its turn
                if run.problem is None:
                    await self._walk(state, run, below, force=force, skip_settle=skip_settle)
                    run.problem = self._why_nothing_is_taken(state)
        except SourceUnavailable as lost:
            run.problem = state.source_hold = lost.reason
        except StoreUnavailable as refused:
            self._missed[task] = self._clock.monotonic()
            run.problem = self._board.store_hold = refused.reason
        except (TargetHeld, Failed) as error:
            self._missed[task] = self._clock.monotonic()
            run.problem = error.reason if isinstance(error, TargetHeld) else sorted_failure(error).reason
            logger.warning("cannot take in %s at first: %s", task, error)
        except BaseException:  # cancelled, or a bug of ours: its run ends with what it has found until now
            run.problem = because(Code.RETRY_INTERRUPTED)
            run.scanned = True
            self._unnoted[task].append(run)
            raise
        run.scanned = True
        await self._note(run)
        return run

    def _why_nothing_is_taken(self, state: TaskState) -> Reason | None:
        """Why what a scan of the task finds is let be, if it is."""
        name = state.task.name
        if self._board.tasks.get(name) is not state:
            return because(Code.CANCELLED_TASK_REMOVED)
        return because(Code.HELD_TASK_PAUSED, task=name) if state.memory.paused else None

    async def _note(self, run: RunCount) -> None:
        """Write its counters, or have them written once the store can commit again."""
        try:
            await self._runs.note(run)
        except StoreUnavailable as refused:
            self._board.store_hold = refused.reason
            self._unnoted[run.task].append(run)

    async def _walk(
        self, state: TaskState, run: RunCount, below: bytes, *, force: bool, skip_settle: SkipSettle
    ) -> None:
        await state.source.root()
        first = not state.memory.initialised and not below
        settled = self._settled(state, run, below, first=first, force=force, skip_settle=skip_settle)
        try:
            async with aclosing(ahead(settled, _SETTLED_AHEAD)) as portions:
                async for portion in portions:
                    await self._let_its_target_keep_up(state.task.target)
                    await self._intake.plan(portion)
        except BaseException:  # what it has found, and not planned, goes on without it
            self._intake.resume(state.task.name)
            raise
        if first:
            state.memory = replace(state.memory, initialised=True)
            await self._store.remember_task(state.memory)

    async def _settled(
        self, state: TaskState, run: RunCount, below: bytes, *, first: bool, force: bool, skip_settle: SkipSettle
    ) -> AsyncGenerator[Settled, None]:
        """What is found, not dealt with yet, and settled: to be planned, some at a time, in the order of the walk."""
        listings = Listings(self._board, self._store)
        async with aclosing(state.source.scan(below)) as batches:
            async for batch in batches:
                state.source_hold = None
                wanted_by = state.task.filter
                wanted = self._wanted(state, batch, run)
                unknown = await self._planner.unknown(state.task, [seen.content for seen in wanted], force=force)
                fresh = [seen for seen in wanted if seen.path in unknown]
                run.skipped["skip.sent"] += len(wanted) - len(fresh)
                if first and state.task.initial is not Initial.SEND:
                    fresh = await self._taken_over(state, fresh, listings)
                if any(self._intake.pending.get(state.task.name, seen.path) is None for seen in fresh):
                    self._get_ready(state.task.target)
                scanned = Scanned({seen.path: seen.size for seen in fresh}, wanted_by)
                taken = self._intake.take(state, scanned, run, force=force, skip_settle=skip_settle)
                async with aclosing(taken) as portions:
                    async for portion in portions:
                        yield portion

    def _get_ready(self, target: str) -> None:
        """It will be asked soon what it has, unless nothing may go there now."""
        if not self._board.holds_of_target(target):
            self._board.targets[target].port.get_ready()

    async def _let_its_target_keep_up(self, target: str) -> None:
        """One on a mount is slower than any scan, and one that does nothing is not waited for."""
        lane = self._board.targets.get(target)
        if lane is not None and lane.moving and lane.spec.profile is Profile.DISK:
            await lane.backlog.room(self._clock)

    def _wanted(self, state: TaskState, batch: Sequence[Seen | Refused], run: RunCount) -> list[Seen]:
        wanted, refused = [], 0
        for found in batch:
            if isinstance(found, Refused):
                run.skipped[f"skip.{found.why}"] += 1
                refused += 1
            elif (reason := filters.judge(state.task.filter, found.path, found.size)) is not None:
                run.skipped[reason.code] += 1
            else:
                wanted.append(found)
        run.seen += len(batch) - refused
        return wanted

    async def _taken_over(self, state: TaskState, fresh: Sequence[Seen], listings: Listings) -> list[Seen]:
        """What was there before the task: passed over, or adopted where the target has it with the same size."""
        now = self._clock.now()
        if state.task.initial is Initial.IGNORE:
            await self._store.adopt([ignoring(state.task, file.path, file.version, now=now) for file in fresh])
            return []
        left, entries = [], []
        for file in fresh:
            folder, name = split(destination(state.task.base, file.path))
            standing = (await listings.folder(state.task.target, folder, sure=True) or {}).get(name)
            if standing is not None and standing.is_file and standing.size == file.size:
                entries.append(adoption(state.task, file.path, file.version, standing, now=now))
            else:
                left.append(file)
        await self._store.adopt(entries)
        return left

    async def upload(self, state: TaskState, path: bytes, *, skip_settle: SkipSettle) -> RunCount:
        """Take in one file or folder by order: what failed or was cancelled there is queued again."""
        ended = Chosen(task=state.task.name, states=frozenset({State.FAILED, State.CANCELLED}))
        again = [
            transfer.id
            for transfer in await self._store.transfers(ended, limit=100_000)
            if is_below(b"/" + transfer.path, b"/" + path)
        ]
        if again:
            await self._store.requeue(Chosen(ids=tuple(again)), now=self._clock.now())
        return await self.scan(state.task.name, "upload", below=path, skip_settle=skip_settle)
