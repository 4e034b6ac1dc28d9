"""Takes settled files to the queue: those that have to go, once their unit is ready."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.naming import destination
from cloudgather.core.task import Send, Task
from cloudgather.core.transfer import Plan
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.pending import Pending, PendingFiles
from cloudgather.pipeline.planning import Listings, Planner
from cloudgather.pipeline.runs import Runs
from cloudgather.pipeline.units import Units
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Added, QueueStore

# Seconds until files are looked at again of which nothing could be decided.
_AGAIN: Final[Mapping[str, float]] = {
    Code.WAIT_LISTING: 300.0,  # their target could not be asked, and no rule decides without it
    Code.WAIT_UNDER_WAY: 10.0,
}
_LISTINGS_KEPT: Final = 60.0  # seconds: a folder whose files settle one by one is listed once, not for each


class Queueing:
    """A file that goes to the queue, or need not go, is pending no more; the others are given another due time."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        planner: Planner,
        runs: Runs,
        clock: Clock,
        claims: Claims,
        pending: PendingFiles,
        planned: Callable[[str], None],
    ) -> None:
        self._store = store
        self._board = board
        self._planner = planner
        self._runs = runs
        self._clock = clock
        self._pending = pending
        self._planned = planned
        self._units = Units(pending=pending, planner=planner, claims=claims, clock=clock)
        self._listings: tuple[float, Listings] | None = None

    async def plan(self, state: TaskState, task: Task, ready: Sequence[Pending]) -> None:
        """Queue these, which are in hand and settled for the task as given, or mark them ready until their unit is.

        What it raises concerns all of them: those that are still pending want a due time then. Whoever waits for due
        times is to look anew after it.
        """
        if not ready:
            return
        released = ready
        if task.send is Send.FOLDER:
            for pending in ready:
                pending.ready = True
            released = await self._units.released(state, ready)
        for force in (True, False):
            if those := [pending for pending in released if pending.force is force]:
                await self._queue(state, task, those, force=force)

    def forget_listings(self) -> None:
        """Those that are out of date: an idle daemon keeps none."""
        if self._listings is not None and self._clock.monotonic() - self._listings[0] >= _LISTINGS_KEPT:
            self._listings = None

    async def _queue(self, state: TaskState, task: Task, files: Sequence[Pending], *, force: bool) -> None:
        """Plan files that are settled for this task and put them in the queue; they are then not pending any more."""
        begun = self._clock.monotonic()
        # As they are now: they may be looked at anew meanwhile.
        settled = [(each, each.fingerprint[0], each.guessed) for each in files if each.fingerprint is not None]
        found = {pending.path: version for pending, version, _ in settled}
        answer = await self._planner.plan(state, found, listings=self._remembered(), force=force)
        if state.task != task:  # edited while its target was asked
            self._pending.look_again(files, begun)
            return
        runs = {pending.path: pending.run for pending in files}
        place = destination(task.base, b"")
        plans = []
        for pending, version, guessed in settled:
            path = pending.path
            if (go := answer.goes.get(path)) is None:
                continue
            number = None
            if (run := runs[path]) is not None:  # a silent one gets its number with its first plan
                number = run.id if run.id is not None else await self._runs.keep(run)
            # In the order of its fields, as there is one for every file: by their names it costs twice as much.
            plan = Plan(
                task.name,
                path,
                task.target,
                place + path,
                version,
                go.reason,
                go.replace,
                guessed,
                task.priority,
                number,
            )
            plans.append(plan)
        if answer.adopt:
            await self._store.adopt(answer.adopt)
        added = await self._store.add(plans, now=self._clock.now())
        self._tell_backlog(task.target, added)
        for path in answer.goes:
            if (run := runs[path]) is not None:
                run.planned += 1
        self._pending.drop(task.name, answer.goes)
        for pending in files:
            if (skip := answer.skips.get(pending.path)) is None:
                continue
            if skip.reason.code in _AGAIN:
                self._ask_again(pending, skip.reason)
            else:
                self._pending.let_go(pending, begun, self._clock.monotonic())
                if (run := runs[pending.path]) is not None:
                    run.skipped[skip.reason.code] += 1
        for run in {id(run): run for run in runs.values() if run is not None}.values():
            await self._runs.note(run)
        if any(outcome not in (Added.BOUND, Added.SENT) for _, outcome in added):
            self._planned(task.target)

    def _tell_backlog(self, target: str, added: Sequence[tuple[int, Added]]) -> None:
        if (lane := self._board.targets.get(target)) is not None:  # else it has left the configuration
            lane.backlog.added(sum(outcome is Added.NEW for _, outcome in added))

    def _ask_again(self, pending: Pending, wait: Reason) -> None:
        """Nothing could be decided yet."""
        if self._pending.get(pending.task, pending.path) is pending:
            pending.conditions = (*pending.conditions, wait)
            pending.due = self._clock.monotonic() + _AGAIN[wait.code]
            self._pending.put(pending)

    def _remembered(self) -> Listings:
        """What targets have shown within the last minute. What has come since, a copy finds before it sends a byte."""
        self.forget_listings()
        if self._listings is None:
            self._listings = self._clock.monotonic(), Listings(self._board, self._store)
        return self._listings[1]
