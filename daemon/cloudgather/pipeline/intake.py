"""Takes sightings and scans in, waits until each file is settled, and then has it go to the queue."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core import filters
from cloudgather.core.mounts import is_below
from cloudgather.pipeline.board import Board, TaskState
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.judging import Judge, Moment
from cloudgather.pipeline.pending import FIRST_LOOK_AFTER, Pending, PendingFiles, Scanned, Settled, SkipSettle
from cloudgather.pipeline.planning import Planner
from cloudgather.pipeline.queueing import Queueing
from cloudgather.pipeline.runs import RunCount, Runs
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import QueueStore, StoreUnavailable
from cloudgather.ports.source import Absent, Look, SourceUnavailable

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 256
_CONTROL_FILE: Final = b".aria2"
_STORE_AGAIN: Final = 5.0
_WHEN_PLANNED: Final = math.inf  # settled: only an event or a downloader's news has it looked at again before


class Intake:
    """Everything left of the queue: a crash here loses nothing, since the scan at start finds it all again."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        planner: Planner,
        runs: Runs,
        clock: Clock,
        claims: Claims,
        planned: Callable[[str], None],
        folder_seen: Callable[[str, bytes], Awaitable[object]],
    ) -> None:
        self._board = board
        self._planner = planner
        self._runs = runs
        self._clock = clock
        self._folder_seen = folder_seen
        self.pending = PendingFiles()
        self.claims = claims
        self.judge = Judge(clock=clock, claims=claims)
        self._queueing = Queueing(
            store=store,
            board=board,
            planner=planner,
            runs=runs,
            clock=clock,
            claims=claims,
            pending=self.pending,
            planned=planned,
        )
        self._due: dict[str, list[Pending]] = defaultdict(list)  # by task: taken, and not yet looked at
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._told = 0  # how often a downloader had news

    def sight(self, task: str, path: bytes) -> None:
        """Something may have happened at this path of the task's source: it is not quiet now."""
        now = self._clock.monotonic()
        soon = now + FIRST_LOOK_AFTER
        known = self.pending.get(task, path)
        if known is None:
            self.pending.put(Pending(task=task, path=path, quiet_since=now, event_seen=True, due=soon))
        else:
            known.quiet_since = now
            known.event_seen = True
            known.ready = False
            # It may have waited for something slower than quiet: its writer has perhaps just closed it.
            self.pending.bring_forward(known, now + self._needed(task, path))
        if path.endswith(_CONTROL_FILE):
            for pending in self.pending.of_task(task).values():
                if any(each.facts.get("file") == path for each in pending.conditions):
                    self.pending.bring_forward(pending, soon)
        self._wake.set()

    def _needed(self, task: str, path: bytes) -> float:
        state = self._board.tasks.get(task)
        return FIRST_LOOK_AFTER if state is None else self.judge.needed_quiet(state.task, path).total_seconds()

    def finished(self, paths: Sequence[bytes], downloader: str, item: str) -> None:
        """claims.Listener: a finished item is a trigger of its own, for tasks that watch."""
        now = self._clock.monotonic()
        for state in self._board.tasks.values():
            source = state.task.source.rstrip(b"/")
            for path in paths if state.task.watch else ():
                relative = path[len(source) + 1 :]
                if not is_below(path, source):
                    continue
                if (known := self.pending.get(state.task.name, relative)) is not None:
                    # Looked at before its downloader told of it, it waits for others.
                    self.pending.bring_forward(known, now)
                    continue
                self.pending.put(
                    Pending(task=state.task.name, path=relative, quiet_since=now, event_seen=False, due=now)
                )
        self._judge_anew(lambda facts: (facts.get("downloader"), facts.get("item")) == (downloader, item))

    def answers(self, downloader: str) -> None:
        """claims.Listener."""
        self._judge_anew(lambda facts: facts.get("downloader") == downloader)

    def _judge_anew(self, concerned: Callable[[Mapping[str, object]], bool]) -> None:
        """Look at those now whose conditions name what has changed."""
        now = self._clock.monotonic()
        self._told += 1
        for pending in list(self.pending):
            if any(concerned(condition.facts) for condition in pending.conditions):
                self.pending.bring_forward(pending, now)
        self._wake.set()

    async def run(self) -> None:
        """Look at what is due, until cancelled. A task that waits for its source or target holds up no other."""
        try:
            while True:
                self._wake.clear()
                due = self.pending.next_due()
                now = self._clock.monotonic()
                if due is None or due > now:
                    self._queueing.forget_listings()
                    await wait_for_either(
                        self._wake.wait(), self._clock.sleep(30.0 if due is None else min(due - now, 30.0))
                    )
                    continue
                for pending in self.pending.take_due(now, _AT_ONCE):
                    self._due[pending.task].append(pending)
                for name in self._due.keys() - self._workers.keys():
                    self._workers[name] = asyncio.create_task(self._work_off(name), name=f"intake {name}")
                await asyncio.sleep(0)
        finally:
            workers = list(self._workers.values())
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work_off(self, name: str) -> None:
        """Look at what is due of one task, until nothing is."""
        try:
            while files := self._due.pop(name, None):
                here = [each for each in files if self.pending.get(name, each.path) is each]
                async with aclosing(self._looked_at(name, here)) as portions:
                    async for settled in portions:
                        await self.plan(settled)
        finally:
            del self._workers[name]

    async def _looked_at(
        self, name: str, files: Sequence[Pending], *, scanned: Scanned | None = None
    ) -> AsyncGenerator[Settled, None]:
        """Judge these files of one task, and answer with those that are settled, some at a time."""
        state = self._board.tasks.get(name)
        if state is None or state.memory.paused:
            # A paused task's folder is scanned when it is resumed.
            self.pending.drop(name, [pending.path for pending in files])
            return
        for begin in range(0, len(files), _AT_ONCE):
            task = state.task
            try:
                settled = await self._settled(state, files[begin : begin + _AT_ONCE], scanned)
            except Exception as error:
                self._not_now(state, files[begin:], error)
                break
            if settled:
                yield Settled(task, settled)
        self._wake.set()  # what is not settled has a due time that the loop does not know of
        await self._note_runs(files)

    async def plan(self, settled: Settled) -> None:
        """Queue what is settled, or mark it ready until its unit is.

        What was forgotten since it was looked at is let be; what was sighted since is looked at anew, and all of it
        where the task was edited.
        """
        task, files = settled
        if (state := self._board.tasks.get(task.name)) is None:
            return
        known, now = self.pending.of_task(task.name), self._clock.monotonic()
        ready = [each for each in files if known.get(each.path) is each and each.due == _WHEN_PLANNED]
        if state.task != task:
            self._look_again(ready, now)
            return
        for pending in ready:
            pending.due = now
        try:
            await self._queueing.plan(state, task, ready)
        except Exception as error:
            self._not_now(state, ready, error)
        self._wake.set()  # what does not go yet has a due time that the loop does not know of
        await self._note_runs(ready)

    def resume(self, task: str) -> None:
        """Who had files of this task in hand has not come to an end with them: they are looked at anew."""
        self._look_again(self.pending.in_hand(task), self._clock.monotonic())

    def _look_again(self, files: Sequence[Pending], due: float) -> None:
        self.pending.look_again(files, due)
        self._wake.set()

    def _not_now(self, state: TaskState, files: Sequence[Pending], error: Exception) -> None:
        """They stay pending, unless it is a bug of ours: then the next scan finds them again."""
        name = state.task.name
        match error:
            case SourceUnavailable():
                state.source_hold = error.reason
            case StoreUnavailable():
                self._board.store_hold = error.reason
            case _:  # a bug of ours must not end the intake of all tasks
                logger.error("cannot judge files of %s: a bug of ours", name, exc_info=error)
                self.pending.drop(name, [pending.path for pending in files])
        self._look_again(files, self._clock.monotonic() + _STORE_AGAIN)

    async def _note_runs(self, files: Sequence[Pending]) -> None:
        """Of those that ended with these files."""
        try:
            for run in {id(file.run): file.run for file in files if file.run is not None}.values():
                if run.settling == 0:
                    await self._runs.note(run)
        except StoreUnavailable as refused:
            self._board.store_hold = refused.reason

    async def _settled(self, state: TaskState, files: Sequence[Pending], scanned: Scanned | None) -> list[Pending]:
        """Look at these pending files; answers with those that are settled and wanted."""
        begun = self._clock.monotonic()
        looks = await state.source.look_all([pending.path for pending in files], scanned=scanned is not None)
        state.source_hold = None
        wanted: list[tuple[Pending, Look]] = []
        # What a scan has judged is judged again where it is another size by now, or the task was edited.
        judged = scanned.sizes if scanned is not None and scanned.wanted_by is state.task.filter else {}
        for pending, look in zip(files, looks, strict=True):
            if isinstance(look, Look):
                path, size = look.path, look.version.size
                if judged.get(path) == size or filters.judge(state.task.filter, path, size) is None:
                    wanted.append((pending, look))
                    continue
            self.pending.let_go(pending, begun, self._clock.monotonic())
            if look is Absent.DIRECTORY:
                await self._folder_seen(pending.task, pending.path)
        passed = await self._dealt_with(state, wanted) if scanned is None else set()
        told = self._told
        moment = self.judge.moment()
        words = await self.claims.words(state.task, [look for _, look in wanted if look.path not in passed])
        known = self.pending.of_task(state.task.name)
        settled = []
        for pending, look in wanted:
            path = pending.path
            word = words.get(path)
            if path in passed or (word is not None and word.code == Code.SKIP_UNWANTED):
                self.pending.let_go(pending, begun, self._clock.monotonic())
            elif known.get(path) is pending and self._is_settled(state, pending, look, word, moment, told):
                settled.append(pending)  # one that is not known was forgotten meanwhile
        return settled

    async def _dealt_with(self, state: TaskState, files: Sequence[tuple[Pending, Look]]) -> set[bytes]:
        """Those of them that the ledger or the queue has; asked at the first look at each file only."""
        passed: set[bytes] = set()
        for force in (False, True):
            first = [
                (look.path, look.version.size, look.version.mtime_ns)
                for pending, look in files
                if pending.fingerprint is None and pending.force is force
            ]
            if first:
                unknown = await self._planner.unknown(state.task, first, force=force)
                passed.update(path for path, _, _ in first if path not in unknown)
        return passed

    def _is_settled(
        self,
        state: TaskState,
        pending: Pending,
        look: Look,
        word: Reason | None,
        moment: Moment,
        told: int,
    ) -> bool:
        fingerprint = (look.version, look.ctime_ns)
        if pending.fingerprint is not None and pending.fingerprint != fingerprint:
            pending.quiet_since = self._clock.monotonic()
        pending.fingerprint = fingerprint
        verdict = self.judge.verdict(state.task, look, pending, word, moment)
        settled, guessed, pending.conditions, look_again = verdict
        pending.guessed = guessed and not pending.skip_settle  # else the operator has told
        if settled or pending.skip_settle >= (SkipSettle.GUESS if guessed else SkipSettle.ALL):
            pending.due = _WHEN_PLANNED
            return True
        soon = self._clock.monotonic() + FIRST_LOOK_AFTER
        # What a downloader has told since it was asked, its word on this file may not have known.
        again = soon if self._told != told or look_again is None else look_again
        pending.due = max(again, self._clock.monotonic() + 0.01)
        self.pending.put(pending)
        return False

    async def take(
        self, state: TaskState, scanned: Scanned, run: RunCount, *, force: bool, skip_settle: SkipSettle
    ) -> AsyncGenerator[Settled, None]:
        """Make files that a scan found pending, and look at them at once: most of them are quiet already.

        Answers with those that are settled, to be planned, some at a time.
        """
        now, name = self._clock.monotonic(), state.task.name
        known = self.pending.of_task(name)
        taken, left = [], []
        for path in scanned.sizes:
            pending = known.get(path)
            if pending is None:
                pending = Pending(name, path, now, False, now)
            if pending.run is None or (run.ordered and pending.run is not run):
                if pending.run is not None:  # whoever gave the order waits for this run
                    pending.run.settling -= 1
                    left.append(pending.run)
                pending.run = run
                run.settling += 1
            if force:
                pending.force = True
            if pending.skip_settle < skip_settle:
                pending.skip_settle = skip_settle
            taken.append(pending)
        self.pending.keep(name, taken)
        for each in {id(each): each for each in left if each.settling == 0}.values():
            await self._runs.note(each)
        async with aclosing(self._looked_at(name, taken, scanned=scanned)) as portions:
            async for settled in portions:
                yield settled

    def forget(self, task: str) -> None:
        """The task is gone or paused."""
        self.pending.drop_task(task)
