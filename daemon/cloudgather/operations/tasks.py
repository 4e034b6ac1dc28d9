"""What an operator may ask of tasks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cgwire import task as wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config import taskfile
from cloudgather.config.loading import Configuration, task_file, with_task
from cloudgather.config.problems import InvalidConfiguration
from cloudgather.core import filters
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.schedule import schedule_of, upcoming
from cloudgather.core.task import Task
from cloudgather.core.transfer import LIVE, Event, State
from cloudgather.operations import describe
from cloudgather.operations.verify import verify
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.board import TaskState
from cloudgather.pipeline.planning import Listings
from cloudgather.ports.queue import Chosen, StoreUnavailable, TaskMemory
from cloudgather.ports.source import Absent
from cloudgather.ports.source import Refused as Unreadable

_SAMPLE = 20
_MOST_LISTED = 10_000


class TaskOperations:
    """task.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def task_list(self, request: wire.List, caller: Caller) -> WireMap:
        """All tasks."""
        counts = await self._world.store.counts()
        tasks = []
        for name, state in self._world.configured().items():
            last = await self._world.store.runs(name, limit=1)
            tasks.append(describe.task(self._world, state, counts, last[0] if last else None))
        return {"tasks": tasks}

    async def task_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its configuration and newest runs."""
        state = self._world.task(request.name)
        counts = await self._world.store.counts()
        runs = await self._world.store.runs(request.name, limit=5)
        return {
            **describe.task(self._world, state, counts, runs[0] if runs else None),
            "file": task_file(self._world.configuration().settings, request.name),
            "config": describe.plain(state.task),
            "runs": [describe.run(self._world, each) for each in runs],
        }

    # ---- files -------------------------------------------------------------------------------------------------------

    async def task_text(self, request: wire.Text, caller: Caller) -> WireMap:
        """The file as it stands; of a broken task, too."""
        if request.name not in self._world.board.broken:
            self._world.task(request.name)
        file = task_file(self._world.configuration().settings, request.name)
        try:
            text = _read(file)
        except OSError as error:
            message = f"cannot read {file}: {error.strerror}"
            raise Refused(because(Code.ERROR_BAD_REQUEST, message=message)) from error
        return {"text": text, "file": file}

    async def task_write(self, request: wire.Write, caller: Caller) -> WireMap:
        """Checked first; written and taken into effect only if nothing is wrong with it."""
        world, name = self._world, request.name
        exists = name in world.board.tasks or name in world.board.broken
        if request.new and exists:
            raise Refused(because(Code.ERROR_TASK_EXISTS, task=name))
        if not request.new and not exists:
            world.task(name)
        try:
            self._with(name, request.text)
        except InvalidConfiguration as invalid:
            return {"problems": [problem.to_wire() for problem in invalid.problems], "name": name}
        if not request.check_only:
            folder = world.configuration().settings.tasks_dir
            # Before its file is there, which without this would be a task that runs. Of one that had the name before
            # nothing is remembered.
            if request.new:
                await world.store.remember_task(TaskMemory(name=name, paused=request.paused))
            try:
                taskfile.write(folder, name, request.text, new=request.new)
            except OSError as error:
                message = f"cannot write {task_file(world.configuration().settings, name)}: {error.strerror}"
                raise Refused(because(Code.ERROR_BAD_REQUEST, message=message)) from error
            await world.reload()
        return {"problems": [], "name": name}

    async def task_compose(self, request: wire.Compose, caller: Caller) -> WireMap:
        """The text of a file with these values, and what is wrong with it."""
        text = _composed(request.name, request.values)
        try:
            self._with(request.name, text)
        except InvalidConfiguration as invalid:
            return {"text": text, "problems": [problem.to_wire() for problem in invalid.problems]}
        return {"text": text, "problems": []}

    async def task_remove(self, request: wire.Remove, caller: Caller) -> WireMap:
        """The file goes; what was queued is cancelled, what was sent stays in history."""
        world, name = self._world, request.name
        if name not in world.board.broken:
            world.task(name)
        settings = world.configuration().settings
        queued = await world.store.count(Chosen(task=name, states=LIVE | {State.FAILED}))
        taskfile.remove(settings.tasks_dir, name)
        await world.reload()
        return {"cancelled": queued, "file": task_file(settings, name)}

    def _with(self, name: str, text: str) -> Configuration:
        world = self._world
        roots = {
            name: root for name, lane in world.board.targets.items() if (root := lane.memory.settled_root) is not None
        }
        return with_task(world.configuration(), name, text, mounts=world.mounts(), remembered_roots=roots)

    async def task_survey(self, request: wire.Survey, caller: Caller) -> WireMap:
        """Count what a task with these values would find."""
        name = request.name or "survey"
        try:
            configuration = self._with(name, _composed(name, request.values))
        except InvalidConfiguration as invalid:
            problems = [problem.to_wire() for problem in invalid.problems]
            raise Refused(because(Code.ERROR_CONFIG, problems=problems)) from invalid
        return await self._surveyed(configuration.tasks[name])

    async def _surveyed(self, task: Task) -> WireMap:
        files = size = wanted = wanted_size = 0
        sample: list[list[Any]] = []
        skipped: Counter[str] = Counter()
        async for batch in self._world.make_source(task).scan():
            for found in batch:
                if isinstance(found, Unreadable):
                    skipped[f"skip.{found.why}"] += 1
                    continue
                files, size = files + 1, size + found.size
                if (reason := filters.judge(task.filter, found.path, found.size)) is not None:
                    skipped[reason.code] += 1
                    continue
                wanted, wanted_size = wanted + 1, wanted_size + found.size
                if len(sample) < _SAMPLE:
                    sample.append([found.path, found.size])
        return {
            "files": files,
            "bytes": size,
            "wanted": wanted,
            "wanted_bytes": wanted_size,
            "sample": sample,
            "skipped": dict(skipped),
        }

    # ---- doing -------------------------------------------------------------------------------------------------------

    async def task_pause(self, request: wire.Pause, caller: Caller) -> WireMap:
        """Nothing of it runs until it is resumed."""
        state = await self._remember(request.name, paused=True)
        running = [
            id
            for lane in self._world.board.targets.values()
            for id, moving in lane.moving.items()
            if moving.transfer.task == request.name
        ]
        reason = because(Code.HELD_TASK_PAUSED, task=request.name)
        self._world.dispatcher.cancel(running, Event.DEFER, reason)
        self._world.intake.forget(state.task.name)
        return {}

    async def task_resume(self, request: wire.Resume, caller: Caller) -> WireMap:
        """Go on; what changed meanwhile is found by a scan, where the task looks by itself."""
        state = await self._remember(request.name, paused=False)
        if state.task.watch:
            self._world.scanner.ask(request.name, "rescan")
        self._world.dispatcher.wake()
        return {}

    async def _remember(self, name: str, *, paused: bool) -> TaskState:
        state = self._world.task(name)
        before = state.memory.paused
        # Before it is written: what others remember of the task meanwhile is then written with it.
        state.memory = replace(state.memory, paused=paused)
        try:
            await self._world.store.remember_task(state.memory)
        except StoreUnavailable:
            state.memory = replace(state.memory, paused=before)
            raise
        self._world.bus.publish({"kind": "task", "name": name, "change": "paused" if paused else "resumed"})
        return state

    async def task_run(self, request: wire.Run, caller: Caller) -> WireMap:
        """A scan in the background, after one that is going on; or a dry run at once."""
        state = self._world.task(request.name)
        if request.dry_run:
            return await self._dry_run(state, force=request.overwrite, limit=min(request.limit, _MOST_LISTED))
        if state.memory.paused:
            raise Refused(because(Code.HELD_TASK_PAUSED, task=request.name))
        if self._world.runs.is_to_scan(request.name):
            raise Refused(because(Code.ERROR_RUNNING, task=request.name))
        run = await self._world.runs.start(request.name, "manual")
        self._world.start(
            self._world.scanner.scan(request.name, "manual", force=request.overwrite, run=run), f"run {run.id}"
        )
        return {"run": run.id}

    async def _dry_run(self, state: TaskState, *, force: bool, limit: int) -> WireMap:
        world, task = self._world, state.task
        go: list[list[Any]] = []
        skip: Counter[str] = Counter()
        files = size = 0
        listings = Listings(world.board, world.store)
        async for batch in state.source.scan():
            wanted = {}
            for found in batch:
                if isinstance(found, Unreadable):
                    skip[f"skip.{found.why}"] += 1
                elif (reason := filters.judge(task.filter, found.path, found.size)) is not None:
                    skip[reason.code] += 1
                else:
                    wanted[found.path] = found.version
            answer = await world.planner.plan(state, wanted, listings=listings, force=force, thorough=True)
            skip.update(each.reason.code for each in answer.skips.values())
            for path, why in answer.goes.items():
                if (wait := await self._waits(state, path)) is not None:
                    skip[wait] += 1
                    continue
                files, size = files + 1, size + wanted[path].size
                if len(go) < limit:
                    go.append([path, wanted[path].size, why.reason.to_wire()])
        return {"go": go, "skip": dict(skip), "files": files, "bytes": size, "truncated": files > len(go)}

    async def _waits(self, state: TaskState, path: bytes) -> str | None:
        """The first condition for being complete that is not met."""
        look = await state.source.look(path)
        if isinstance(look, Absent):
            return f"skip.{look}"
        intake = self._world.intake
        pending = intake.pending.get(state.task.name, path)
        moment = intake.judge.moment()
        word = await intake.claims.word(state.task, look)
        if word is not None and word.code == Code.SKIP_UNWANTED:
            return word.code
        reasons = intake.judge.verdict(state.task, look, pending, word, moment).reasons
        # A file that is not quiet yet is least of all complete where something else says so, too.
        waits = [each.code for each in reasons if each.code.startswith("wait.")]
        return min(waits, key=lambda code: code == Code.WAIT_QUIET, default=None)

    async def task_verify(self, request: wire.Verify, caller: Caller) -> WireMap:
        """Ledger, source and target compared; see operations.verify."""
        state = self._world.task(request.name)
        with self._world.asking(state.task.target):
            return await verify(self._world, state)

    async def task_next(self, request: wire.Next, caller: Caller) -> WireMap:
        """The next instants of its schedule."""
        state = self._world.task(request.name)
        schedule = schedule_of(state.task, self._world.board.zone)
        now = self._world.clock.now()
        instants = upcoming(schedule, now, min(request.count, 1000)) if schedule is not None else []
        task = state.task
        expression = task.schedule or (f"every {task.every}" if task.every else None)
        return {
            "instants": [each.timestamp() for each in instants],
            "timezone": str(state.zone),
            "expression": expression,
        }


def _read(file: str) -> str:
    with open(file, encoding="utf-8", errors="replace") as opened:
        return opened.read()


def _composed(name: str, values: Mapping[str, Any]) -> str:
    try:
        return taskfile.compose(name, values)
    except ValueError as error:
        raise Refused(because(Code.ERROR_BAD_REQUEST, message=str(error))) from error
