"""The whole pipeline on a real store, with a clock, sources and targets that the test commands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, cast

from cloudgather.config.problems import Problem
from cloudgather.core.target import Confirm, Kind, Profile, TargetSpec
from cloudgather.core.task import Task
from cloudgather.core.transfer import State, Transfer
from cloudgather.pipeline.board import Board, TargetState
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.confirm import Confirmer
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.effect import Difference, Effect, Wanted
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.intake import Intake
from cloudgather.pipeline.journal import Journal
from cloudgather.pipeline.limiting import Limiter
from cloudgather.pipeline.planning import Planner
from cloudgather.pipeline.pressure import Pressure
from cloudgather.pipeline.recording import Recorder
from cloudgather.pipeline.recover import Recovery
from cloudgather.pipeline.runs import RunCount, Runs
from cloudgather.pipeline.scanning import Scanner
from cloudgather.pipeline.transfer import Carrier
from cloudgather.pipeline.upkeep import Upkeep
from cloudgather.pipeline.uploading import UploadWatch
from cloudgather.ports.downloader import Downloader
from cloudgather.ports.queue import Chosen, QueueStore, TargetMemory
from cloudgather.ports.target import Target
from cloudgather.store.sqlite import open_store
from fakes.clock import FakeClock
from fakes.source import FakeSource
from fakes.target import FakeTarget
from fakes.uploads import FakeUploads
from fakes.watched import WatchedStore
from waiting import eventually

SOURCE = b"/downloads"
LIVE = frozenset({State.QUEUED, State.COPYING, State.PUBLISHING, State.WRITTEN})


def a_spec(name: str = "cloud", **changes: Any) -> TargetSpec:
    """A plain disk behind a network: one copy at a time, each made durable by itself."""
    spec = TargetSpec(
        name=name,
        root=b"/" + name.encode(),
        kind=Kind.DIRECTORY,
        profile=Profile.LAN,
        confirm=Confirm.NONE,
        attempts=3,
        retry_first=timedelta(seconds=30),
    )
    return replace(spec, **changes)


def a_disk(**changes: Any) -> TargetSpec:
    """A plain disk of this machine: small files go there in batches, made durable together."""
    return a_spec(profile=Profile.DISK, confirm=Confirm.STORED, **changes)


def a_task(name: str = "films", **changes: Any) -> Task:
    """A task whose files are settled after a minute."""
    task = Task(name=name, source=SOURCE, target="cloud", base=b"films", settle=timedelta(seconds=60))
    return replace(task, **changes)


class Errands:
    """Loops and errands that are ended together; what fails, fails the test."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed: list[BaseException] = []

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it until it ends or all are ended."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(error)

    async def stop(self) -> None:
        """Cancel each once; it ends in its own time."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def end(self) -> None:
        """Cancel until all have ended."""
        while self._tasks:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.wait(set(self._tasks), timeout=0.01)


class World:
    """What outlives a daemon: the clock, the files on both sides, the database."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = str(state_dir / "state")
        self.works: Works | None = None
        self.clock = FakeClock(busy=lambda: self.works is not None and self.works.store.busy > 0)
        self.sources: dict[bytes, FakeSource] = {}
        self.targets: dict[str, FakeTarget] = {}
        self.source = self.source_at(SOURCE)
        self.uploads = FakeUploads()
        self.downloaders: dict[str, Downloader] = {}
        self._store: Any = None

    async def open(self) -> None:
        """Open the database."""
        self._store = await open_store(self._state_dir, now=self.clock.now())

    async def close(self) -> None:
        """Close it."""
        await self._store.close()

    def source_at(self, root: bytes) -> FakeSource:
        """The folder there; made where there is none."""
        if root not in self.sources:
            self.sources[root] = FakeSource(root, clock=self.clock)
        return self.sources[root]

    def target(self, spec: TargetSpec) -> FakeTarget:
        """The target of this spec; made where there is none."""
        if spec.name not in self.targets:
            self.targets[spec.name] = FakeTarget(spec, self.sources)
        found = self.targets[spec.name]
        found.spec = spec
        return found

    def new_works(self, **options: Any) -> "Works":
        """Another daemon on the same world."""
        self.works = Works(self, WatchedStore(self._store), **options)
        return self.works


class Works:
    """One daemon's pipeline."""

    def __init__(
        self,
        world: World,
        store: WatchedStore,
        *,
        tasks: Sequence[Task] | None = None,
        specs: Sequence[TargetSpec] | None = None,
    ) -> None:
        self.world = world
        self.store = store
        self.clock = clock = world.clock
        self.tasks = list(tasks) if tasks is not None else [a_task()]
        self.specs = list(specs) if specs is not None else [a_spec()]
        self.broken: Mapping[str, Sequence[Problem]] = {}
        self.errands = Errands()
        self.acting: set[bytes] = set()  # temporaries that some agent may still rename
        self.free: int | OSError = 1 << 40  # bytes, on every disk that is asked about
        self.luck: Callable[[], float] = lambda: 0.5
        self.board = board = Board(clock=clock, zone=UTC)
        self.bus = Bus()
        queue = cast(QueueStore, store)
        self.runs = Runs(store=queue, clock=clock)
        self.recorder = Recorder(
            store=queue,
            board=board,
            bus=self.bus,
            journal=Journal(),
            clock=clock,
            vanished=lambda task, path: self.intake.sight(task, path),
        )
        self.planner = Planner(store=queue, board=board, clock=clock)
        uploading = UploadWatch(uploads=world.uploads, clock=clock, luck=lambda: self.luck())
        self.confirmer = Confirmer(
            store=queue,
            recorder=self.recorder,
            board=board,
            clock=clock,
            uploading=uploading,
            lost=lambda target: self.dispatcher.wake(target),
        )
        self.claims = Claims(
            store=queue, clock=clock, make=lambda spec: world.downloaders[spec.name], source_at=world.source_at
        )
        self.carrier = Carrier(
            store=queue,
            recorder=self.recorder,
            board=board,
            bus=self.bus,
            clock=clock,
            claims=self.claims,
            luck=lambda: self.luck(),
            written=self.confirmer.offer,
        )
        self.recovery = Recovery(
            store=queue,
            clock=clock,
            recorder=self.recorder,
            carrier=self.carrier,
            may_still_act=lambda temporary: temporary in self.acting,
        )
        self.upkeep = Upkeep(store=queue, board=board, clock=clock, history_days=lambda: 90)
        self.dispatcher = Dispatcher(
            store=queue,
            board=board,
            clock=clock,
            carrier=self.carrier,
            recovery=self.recovery,
            target_changed=lambda name: None,
            look_at_clock=self.upkeep.look_at_clock,
            pressure=Pressure(store=queue, free=self._free),
        )
        self.intake = Intake(
            store=queue,
            board=board,
            planner=self.planner,
            runs=self.runs,
            clock=clock,
            claims=self.claims,
            planned=self.dispatcher.wake,
            folder_seen=self._folder_seen,
        )
        self.scanner = Scanner(
            store=queue, board=board, planner=self.planner, runs=self.runs, intake=self.intake, clock=clock
        )
        self.effect = Effect(
            store=queue,
            board=board,
            clock=clock,
            intake=self.intake,
            dispatcher=self.dispatcher,
            make_target=self._make_target,
            make_source=lambda task: world.source_at(task.source),
        )
        self.limiter = Limiter(board=board, clock=clock)
        self._lanes: dict[str, asyncio.Task[Any]] = {}

    # ---- its life

    async def start(self, *, serving: bool = True) -> "Works":
        """As app does it; without `serving`, no target is served yet."""
        await self.take()
        await self.store.clamp_due(now=self.clock.now(), most=self.upkeep.longest_retry())
        await self.store.shift_spending(now=self.clock.now())
        await self.recovery.at_start(list(self.board.targets.values()))
        self.errands.start(self.intake.run())
        self.errands.start(self.confirmer.run())
        self.errands.start(self.limiter.run())
        if serving:
            self.serve()
        for lane in self.board.targets.values():
            self.confirmer.offer(lane)
        await self.rest()
        return self

    def serve(self) -> None:
        """Serve the targets that nobody serves, and no more those that are gone."""
        for name in self.board.targets:
            if name not in self._lanes:
                self._lanes[name] = self.errands.start(self.dispatcher.serve(name))
        for name in [name for name in self._lanes if name not in self.board.targets]:
            self._lanes.pop(name).cancel()

    async def take(self, **changes: Any) -> Difference:
        """Take a configuration into effect: tasks, specs, broken."""
        for name, value in changes.items():
            setattr(self, name, value)
        wanted = Wanted(
            tasks={task.name: task for task in self.tasks},
            targets={spec.name: spec for spec in self.specs},
            broken=self.broken,
            zone=UTC,
        )
        return await self.effect.take(wanted)

    async def remember(self, **changes: Any) -> None:
        """Change what is remembered of the first target, as operations do."""
        self.lane.memory = replace(self.lane.memory, **changes)
        await self.store.asked(lambda store: store.remember_target(self.lane.memory))
        self.limiter.wake()
        await self.rest()

    async def stop(self) -> None:
        """As SIGTERM does it: what it was about to do is done, or put back."""
        self.board.stopping = True
        await self.errands.stop()

    async def die(self) -> None:
        """kill -9: nothing that it still wanted to do is done."""

        async def freeze(*_: Any) -> None:
            await asyncio.get_running_loop().create_future()

        self.store.met = freeze
        for target in self.world.targets.values():
            target.met, target.killed = freeze, True
        await self.errands.end()
        while left := {task for task in asyncio.all_tasks() if task.get_name().startswith("transfer ")}:
            for task in left:  # which its lane has begun and, cancelled twice, not cancelled
                task.cancel()
            await asyncio.wait(left, timeout=0.01)
        for target in self.world.targets.values():
            target.met, target.killed = _pass, False
        await eventually(lambda: not self.store.busy)

    # ---- time and what is known

    async def rest(self) -> None:
        """Until nothing happens any more without time passing."""
        await self.clock.advance(0)

    async def advance(self, span: float | timedelta) -> None:
        """Let time pass."""
        await self.clock.advance(span)

    @property
    def target(self) -> FakeTarget:
        """The only one, or the first."""
        return self.world.targets[self.specs[0].name]

    @property
    def lane(self) -> TargetState:
        """Of the first target."""
        return self.board.targets[self.specs[0].name]

    async def queue(self, *paths: bytes, content: bytes = b"content", task: str = "films", age: float = 3600) -> None:
        """Make old files and scan for them: they are settled and queued at once."""
        for path in paths:
            self.world.source_at(self.board.tasks[task].task.source).write(path, content, age=age)
        await self.scan(task)
        await self.rest()

    async def scan(self, task: str = "films", trigger: str = "manual", **options: Any) -> RunCount:
        """One scan."""
        return await self.scanner.scan(task, trigger, **options)

    async def transfers(self, **chosen: Any) -> list[Transfer]:
        """All, or those chosen, by id."""
        found = await self.store.asked(lambda store: store.transfers(Chosen(**chosen), limit=10_000))
        return sorted(found, key=lambda each: each.id)

    async def one(self, path: bytes | None = None) -> Transfer:
        """The newest transfer (of the path)."""
        return [each for each in await self.transfers() if path in (None, each.path)][-1]

    async def states(self) -> dict[bytes, str]:
        """path -> state of its newest transfer."""
        return {each.path: str(each.state) for each in await self.transfers()}

    async def events(self, id: int) -> list[str]:
        """The moves of a transfer, oldest first."""
        history = await self.store.asked(lambda store: store.history(task=None, path=None, transfer=id, limit=1000))
        return [str(move.event) for _, move in reversed(history)]

    async def debris(self) -> list[bytes]:
        """Temporaries that nobody owns and that may be there."""
        return [each.path for each in await self.store.asked(lambda store: store.debris())]

    async def _free(self, folder: bytes) -> int:
        if isinstance(self.free, OSError):
            raise self.free
        return self.free

    async def _folder_seen(self, task: str, path: bytes) -> None:
        self.errands.start(self.scanner.scan(task, "watch", below=path))

    def _make_target(self, spec: TargetSpec, memory: Callable[[], TargetMemory]) -> Target:
        return self.world.target(spec)


async def _pass(*_: Any) -> None:
    """Nothing happens."""


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    """A world without a daemon."""
    world = World(folder)
    await world.open()
    try:
        yield world
        if world.works is not None:
            assert world.works.errands.failed == []
    finally:
        if world.works is not None:
            for target in world.targets.values():
                target.mend()
            await world.works.die()
        await world.close()


@asynccontextmanager
async def working(folder: Path, **options: Any) -> AsyncIterator[Works]:
    """A world with a daemon that runs."""
    serving = options.pop("serving", True)
    async with a_world(folder) as world:
        works = world.new_works(**options)
        for spec in works.specs:
            world.target(spec)
        await works.start(serving=serving)
        yield works
