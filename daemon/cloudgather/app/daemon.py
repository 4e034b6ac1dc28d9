"""All parts of one daemon: made, started, and ended in the right order."""

import asyncio
import contextlib
import gc
import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cgwire.version import VERSION
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.source import Sources, source_for
from cloudgather.agent.target import AgentTarget
from cloudgather.app.attending import Attendant
from cloudgather.app.configured import Configured, zone_of
from cloudgather.app.downloaders import make_downloader
from cloudgather.app.downloads import allowance_of, make_downloads
from cloudgather.app.pulse import Pulse, Sign
from cloudgather.app.serving import Serving
from cloudgather.app.telling import RunTeller
from cloudgather.config.loading import Configuration
from cloudgather.config.settings import Settings
from cloudgather.control.bounds import Bounds
from cloudgather.control.handlers import Handlers
from cloudgather.control.peers import Peers
from cloudgather.control.server import ControlServer
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task
from cloudgather.doctor.elsewhere import examine_elsewhere
from cloudgather.operations import Operations
from cloudgather.operations.blobs import Blobs
from cloudgather.operations.world import Reloaded, World
from cloudgather.outside.addresses import addresses_of
from cloudgather.outside.clock import SystemClock
from cloudgather.outside.descriptors import descriptor_limit
from cloudgather.outside.disks import Disks
from cloudgather.outside.logs import Logging
from cloudgather.outside.mounts import MountTable
from cloudgather.outside.rclone import Rclone
from cloudgather.outside.systemd import Systemd
from cloudgather.pipeline.board import Board
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.confirm import Confirmer
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.effect import Effect
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.intake import Intake
from cloudgather.pipeline.journal import Journal
from cloudgather.pipeline.limiting import Limiter
from cloudgather.pipeline.planning import Planner
from cloudgather.pipeline.pressure import Pressure
from cloudgather.pipeline.recording import Recorder
from cloudgather.pipeline.recover import Recovery
from cloudgather.pipeline.runs import Runs
from cloudgather.pipeline.scanning import Scanner
from cloudgather.pipeline.transfer import Carrier
from cloudgather.pipeline.upkeep import Pruning, Upkeep
from cloudgather.pipeline.uploading import UploadWatch
from cloudgather.ports.queue import TargetMemory
from cloudgather.ports.source import Source
from cloudgather.store.sqlite import SqliteStore
from cloudgather.triggers.cron import Schedules

logger = logging.getLogger(__name__)

# SIGTERM ends the process within 10 s even while a mount hangs.
_WORK_GRACE: Final = 2.0
_AGENTS_GRACE: Final = 4.0
_LAST_RESORT: Final = 9.0


class Daemon:
    """All parts of one daemon on one event loop."""

    def __init__(
        self,
        *,
        configuration: Configuration,
        store: SqliteStore,
        mounts: MountTable,
        logs: Logging,
        deadlines: Deadlines | None = None,
        pruning: Pruning | None = None,
    ) -> None:
        self._store = store
        self._mounts = mounts
        self._logs = logs
        self._loop = asyncio.get_running_loop()
        self._clock = clock = SystemClock()
        self._systemd = Systemd()
        self._serving = Serving(clock=clock)
        self._stop = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._board = board = Board(clock=clock, zone=zone_of(configuration))
        self._bus = bus = Bus()
        self._fleet = Fleet(clock=clock, deadlines=deadlines, ended=self._agent_ended)
        teller = RunTeller(errand=self._serving.errand)
        self._runs = Runs(store=store, clock=clock, changed=teller.changed)
        self._recorder = recorder = Recorder(
            store=store,
            board=board,
            bus=bus,
            journal=Journal(),
            clock=clock,
            vanished=lambda task, path: self._intake.sight(task, path),
            run_changed=teller.changed,
        )
        planner = Planner(store=store, board=board, clock=clock)
        sources = Sources(mounts=mounts.current, fleet=self._fleet)
        claims = self._claims = Claims(store=store, clock=clock, make=make_downloader, source_at=sources.at)
        uploads = Rclone(mounts=mounts.current, turn=lambda target: self._fleet.pace(target).turn())
        self._confirmer = Confirmer(
            store=store,
            recorder=recorder,
            board=board,
            clock=clock,
            uploading=UploadWatch(uploads=uploads, clock=clock, luck=random.random),
            lost=lambda target: self._dispatcher.wake(target),
        )
        carrier = Carrier(
            store=store,
            recorder=recorder,
            board=board,
            bus=bus,
            clock=clock,
            claims=claims,
            luck=random.random,
            written=self._confirmer.offer,
        )
        self._recovery = Recovery(
            store=store, clock=clock, recorder=recorder, carrier=carrier, may_still_act=self._fleet.may_still_act
        )
        self._upkeep = Upkeep(
            store=store,
            board=board,
            clock=clock,
            history_days=lambda: self._configured.current.settings.history_days,
            pruning=pruning,
        )
        self._dispatcher = Dispatcher(
            store=store,
            board=board,
            clock=clock,
            carrier=carrier,
            recovery=self._recovery,
            target_changed=self._tell_target,
            look_at_clock=self._upkeep.look_at_clock,
            pressure=Pressure(store=store, free=Disks().free),
            claimed=recorder.announce,
        )
        self._intake = Intake(
            store=store,
            board=board,
            planner=planner,
            runs=self._runs,
            clock=clock,
            claims=claims,
            planned=self._dispatcher.wake,
            folder_seen=self._folder_seen,
        )
        self._scanner = Scanner(
            store=store, board=board, planner=planner, runs=self._runs, intake=self._intake, clock=clock
        )
        self._downloads = downloads = make_downloads(
            store=store,
            board=board,
            bus=bus,
            scanner=self._scanner,
            clock=clock,
            rules=lambda: self._configured.current.settings.downloads,
            claims=claims,
            source_at=sources.at,
            tasks_changed=lambda: self._configured.take_downloads(),
        )
        self._limiter = Limiter(board=board, clock=clock)
        self._schedules = Schedules(clock=clock, due=self._due, passed=self._remember_due)
        self._attendant = Attendant(
            serving=self._serving,
            board=board,
            claims=claims,
            dispatcher=self._dispatcher,
            intake=self._intake,
            scanner=self._scanner,
            schedules=self._schedules,
            clock=clock,
            mounts=mounts.current,
        )
        self._configured = Configured(
            current=configuration,
            store=store,
            board=board,
            effect=Effect(
                store=store,
                board=board,
                clock=clock,
                intake=self._intake,
                dispatcher=self._dispatcher,
                make_target=self._make_target,
                make_source=self._make_source,
            ),
            claims=claims,
            downloads=downloads,
            attendant=self._attendant,
            fleet=self._fleet,
            limiter=self._limiter,
            dispatcher=self._dispatcher,
            confirmer=self._confirmer,
            bus=bus,
            mounts=mounts.current,
            taken=self._taken,
        )
        self._pulse = Pulse(systemd=self._systemd, clock=clock, parts=self._parts, status=self._summary)
        peers = Peers.of_groups(configuration.settings.groups)
        teller.world = world = World(
            version=VERSION,
            pid=os.getpid(),
            started=clock.now(),
            clock=clock,
            board=board,
            store=store,
            bus=bus,
            intake=self._intake,
            scanner=self._scanner,
            planner=planner,
            runs=self._runs,
            recorder=recorder,
            dispatcher=self._dispatcher,
            limiter=self._limiter,
            configuration=lambda: self._configured.current,
            reload=self._reload,
            start=self._serving.errand,
            make_source=self._make_source,
            watch=self._attendant.watch_state,
            mounts=mounts.current,
            read_log=logs.read_lines,
            log_trouble=logs.trouble,
            doctor=lambda: examine_elsewhere(self._configured.current.settings.file),
            downloads=downloads,
            blobs=Blobs(clock),
            allowance=lambda caller: allowance_of(caller, self._configured.current.settings.allowances),
            resolve=addresses_of,
        )
        self._handlers = Handlers(operations=Operations(world), bus=bus, peers=peers)
        self._server = ControlServer(
            configuration.settings.socket, handlers=self._handlers, bounds=Bounds().with_descriptors(descriptor_limit())
        )

    # ---- life --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """From start to stop; raises control.address.AddressUnusable when its socket cannot be had."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)
        try:
            await self._begin_or_stop()
            await self._stop.wait()
        finally:
            logger.info("stopping")
            self._systemd.stopping()
            self._board.stopping = True
            # Whatever does not end in time must not keep the process: what matters is in the store already.
            last_resort = threading.Timer(_LAST_RESORT, os._exit, (0,))
            last_resort.daemon = True
            last_resort.start()
            await self._server.stop()
            await self._serving.stop(_WORK_GRACE)
            await self._fleet.stop(_AGENTS_GRACE)
            await self._claims.close()
            await self._store.close()
            self._mounts.close()

    async def _begin_or_stop(self) -> None:
        """Asked to stop meanwhile, it begins no further: the state disk may be full for as long as it likes."""
        beginning, stopped = asyncio.ensure_future(self._begin()), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({beginning, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            beginning.cancel()  # nothing where it is done
            stopped.cancel()
            await asyncio.wait({beginning, stopped})
        if not beginning.cancelled():
            beginning.result()

    async def _begin(self) -> None:
        now = self._clock.now()
        self._board.queue_paused = "queue-paused" in await self._store.flags()
        await self._downloads.look()
        await self._configured.begin()
        await self._server.start()
        self._logs.on_lines(self._heard_lines)
        await self._recorder.insist(lambda: self._store.interrupt_runs(reason=because(Code.RETRY_INTERRUPTED), now=now))
        await self._recorder.insist(lambda: self._store.clamp_due(now=now, most=self._upkeep.longest_retry()))
        await self._recorder.insist(lambda: self._store.shift_spending(now=now))
        await self._recovery.at_start(list(self._board.targets.values()))
        for name, loop_of in (
            ("intake", self._intake.run),
            ("confirm", self._confirmer.run),
            ("schedules", self._schedules.run),
            ("upkeep", self._upkeep.run),
            ("limits", self._limiter.run),
            ("downloads", self._downloads.run),
            ("mounts", self._follow_mounts),
            ("reloads", self._follow_reloads),
            ("systemd", self._pulse.run),
        ):
            self._serving.keep("daemon", name, loop_of)
        self._configured.attend()
        logger.info(
            "cloudgatherd %s; tasks: %d, targets: %d", VERSION, len(self._board.tasks), len(self._board.targets)
        )
        self._systemd.ready(self._summary())
        gc.collect()
        gc.freeze()  # what is there now stays: no collection need ever look through it again
        # A batch makes some thousand values, which end with it and not in a cycle: they need not be looked through.
        gc.set_threshold(10_000, 10, 10)

    async def _follow_mounts(self) -> None:
        async with contextlib.aclosing(self._mounts.changes()) as changes:
            async for mounts in changes:
                logger.debug("the mount table changed: %d mounts", len(mounts))
                self._choose_sources()
                self._dispatcher.mounts_changed()
                self._scanner.mounts_changed()
                for watching in self._attendant.watches.values():
                    watching.check()

    async def _follow_reloads(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            self._systemd.reloading()
            await self._configured.reload_by_signal()
            self._systemd.ready(self._summary())

    def _parts(self) -> Mapping[str, Sign]:
        """What must make progress for the daemon to count as well, apart from the event loop itself."""
        watches = {f"the watch of task {name}": watching.answers for name, watching in self._attendant.watches.items()}
        return {"the store": self._store.answers, "the schedule": self._schedules.answers, **watches}

    def _summary(self) -> str:
        moving = sum(len(lane.moving) for lane in self._board.targets.values())
        held = [name for name in self._board.targets if self._board.holds_of_target(name)]
        tasks = len(self._board.tasks)
        text = f"{moving} moving, {len(self._intake.pending)} settling, {tasks} {'task' if tasks == 1 else 'tasks'}"
        return f"{text}; held: {', '.join(held)}" if held else text

    async def _reload(self) -> Reloaded:
        reloaded = await self._configured.reload()
        self._systemd.status(self._summary())
        return reloaded

    # ---- what the parts call -----------------------------------------------------------------------------------------

    def _make_target(self, spec: TargetSpec, memory: Callable[[], TargetMemory]) -> AgentTarget:
        return AgentTarget(spec, lambda: memory().identity, self._fleet)

    def _taken(self, settings: Settings) -> None:
        self._handlers.peers = Peers.of_groups(settings.groups)

    def _agent_ended(self, crew: str) -> None:
        self._dispatcher.agent_ended(crew)

    def _make_source(self, task: Task) -> Source:
        return source_for(task.source, self._mounts.current(), self._fleet)

    def _choose_sources(self) -> None:
        """A disk that is mounted late, or not at all any more, may be another kind of source."""
        for state in self._board.tasks.values():
            chosen = self._make_source(state.task)
            if type(chosen) is not type(state.source):
                state.source = chosen

    def _due(self, task: str, trigger: str, instant: datetime, /) -> None:
        self._remember_due(task, instant)
        self._scanner.ask(task, trigger)

    def _remember_due(self, task: str, instant: datetime) -> None:
        """So that it is not caught up again."""
        if (state := self._board.tasks.get(task)) is not None:
            state.memory = replace(state.memory, last_due=instant)
            remember = self._recorder.insist(lambda: self._store.remember_task(state.memory))  # as it is by then
            self._serving.errand(remember, f"remember {task}")

    async def _folder_seen(self, task: str, path: bytes) -> None:
        self._serving.errand(self._scanner.scan(task, "watch", below=path), f"scan {task}")

    def _tell_target(self, name: str) -> None:
        held = [reason.to_wire() for reason in self._board.holds_of_target(name)]
        self._bus.publish({"kind": "target", "name": name, "held": held})

    def _heard_lines(self, task: str | None, run: int | None, text: str) -> None:
        """Called by the log's own thread; the loop is not woken for what nobody listens to."""
        if not self._bus.heard:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended
            for line in text.splitlines():
                happening = {"kind": "log", "task": task, "run": run, "line": line}
                self._loop.call_soon_threadsafe(self._bus.publish, happening)
