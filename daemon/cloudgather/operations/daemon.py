"""What an operator may ask of the daemon itself."""

from cgwire import daemon as wire
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.problems import InvalidConfiguration
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.transfer import State, Transfer
from cloudgather.operations import describe
from cloudgather.operations.describe_downloads import download, downloader, open_downloads
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.following import Following
from cloudgather.ports.queue import Chosen, Run

_SHOWN = 10


class DaemonOperations:
    """daemon.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def daemon_ping(self, request: wire.Ping, caller: Caller) -> WireMap:
        """Whether it answers."""
        return {"version": self._world.version, "pid": self._world.pid}

    async def daemon_status(self, request: wire.Status, caller: Caller) -> WireMap:
        """A screenful; touches no target."""
        world, board = self._world, self._world.board
        counts = await world.store.counts()
        spending = await world.store.spending(now=world.clock.now())
        totals = describe.totals(counts)
        last: dict[str, Run] = {}
        for run in await world.store.runs(None, limit=200):
            last.setdefault(run.task, run)
        settling = list(world.intake.pending)
        downloads = await open_downloads(world, None if caller.access >= Access.OPERATE else caller.uid)
        return {
            "daemon": self._daemon(),
            "targets": [describe.target(world, lane, counts, spending) for lane in board.targets.values()],
            "tasks": [
                describe.task(world, state, counts, last.get(name)) for name, state in world.configured().items()
            ],
            "active": [
                describe.transfer(world, moving.transfer)
                for lane in board.targets.values()
                for moving in lane.moving.values()
            ],
            "waiting": await self._some(State.QUEUED),
            "waiting_total": totals[State.QUEUED][0],
            "settling": [describe.pending(world, each) for each in settling[:_SHOWN]],
            "settling_total": len(settling),
            "failed": await self._some(State.FAILED),
            "failed_total": totals[State.FAILED][0],
            "downloaders": [downloader(world, each) for each in world.intake.claims.following.values()],
            "downloads": [download(world, each) for each in downloads[:_SHOWN]],
            "downloads_total": len(downloads),
            "totals": totals,
        }

    async def daemon_health(self, request: wire.Health, caller: Caller) -> WireMap:
        """Numbers and codes, which anybody may know."""
        world, board, told = self._world, self._world.board, self._daemon()
        totals = describe.totals(await world.store.counts())
        holds = [*board.holds_of_daemon()]
        for lane in board.targets.values():
            holds += describe.holds_of_target(world, lane)
        return {
            **{key: told[key] for key in ("version", "started", "now")},
            "tasks": len(world.configured()),
            "targets": len(board.targets),
            "moving": sum(len(lane.moving) for lane in board.targets.values()),
            "settling": len(world.intake.pending),
            "queued": totals[State.QUEUED][0],
            "failed": totals[State.FAILED][0],
            "done": totals[State.WRITTEN][0] + totals[State.DONE][0],
            "held": sorted({str(reason.code) for reason in holds}),
            "problems": len(told["problems"]),
        }

    def _daemon(self) -> WireMap:
        world, settings = self._world, self._world.configuration().settings
        problems = [each.to_wire() for found in world.board.broken.values() for each in found]
        if (trouble := world.log_trouble()) is not None:
            problems.append(trouble.to_wire())
        return {
            "version": world.version,
            "pid": world.pid,
            "started": world.started.timestamp(),
            "now": world.clock.now().timestamp(),
            "state_dir": settings.state_dir,
            "socket": settings.socket,
            "config": settings.file,
            "timezone": str(world.board.zone),
            "held": describe.reasons(world.board.holds_of_daemon()),
            "problems": problems,
        }

    async def _some(self, state: State) -> list[WireMap]:
        chosen = Chosen(states=frozenset({state}))
        found: list[Transfer] = list(
            await self._world.store.transfers(chosen, limit=_SHOWN, newest_first=state is State.FAILED)
        )
        return [describe.transfer(self._world, each) for each in found]

    async def daemon_reload(self, request: wire.Reload, caller: Caller) -> WireMap:
        """Read the files again; if one of them is invalid, nothing changes."""
        try:
            done = await self._world.reload()
        except InvalidConfiguration as invalid:
            problems = [problem.to_wire() for problem in invalid.problems]
            return {"problems": problems, "added": [], "removed": [], "changed": [], "main": [], "at_restart": []}
        return {
            "problems": [],
            "added": done.added,
            "removed": done.removed,
            "changed": done.changed,
            "main": done.main,
            "at_restart": done.at_restart,
        }

    async def daemon_config(self, request: wire.Config, caller: Caller) -> WireMap:
        """Every key in effect."""
        configuration = self._world.configuration()
        settings = describe.plain(configuration.settings)
        settings.pop("targets", None)
        return {
            "file": configuration.settings.file,
            "daemon": settings,
            "targets": {name: describe.plain(spec) for name, spec in configuration.targets.items()},
            "tasks": {name: describe.plain(task) for name, task in configuration.tasks.items()},
        }

    async def daemon_doctor(self, request: wire.Doctor, caller: Caller) -> WireMap:
        """As the daemon's own user, in a process of its own: a check that hangs cannot hang the daemon."""
        found = await self._world.doctor()
        asked = [_check(each) for each in self._world.intake.claims.following.values()]
        return {**found, "checks": [*found["checks"], *asked]}

    async def daemon_logs(self, request: wire.Logs, caller: Caller) -> WireMap:
        """The last lines."""
        world, task = self._world, request.task
        if request.run is not None and task is None:
            run = await world.store.run(request.run)
            if run is None:
                raise Refused(because(Code.ERROR_NO_SUCH_RUN, id=request.run))
            task = run.task
        if task is not None and task not in world.board.tasks and task not in world.board.broken:
            world.task(task)
        return {"lines": list(world.read_log(task, request.run, min(request.lines, 10_000)))}


def _check(following: Following) -> WireMap:
    """A downloader as a finding of the doctor, by its last answer: one that is asked too often bans who asks."""
    silent, name = following.silent, following.spec.name
    told = silent if silent is not None else because(Code.DOWNLOADER_ANSWERS, downloader=name)
    ok = "ok" if silent is None else "warn" if silent.code == Code.DOWNLOADER_STARTING else "bad"
    return {"name": "downloader", "subject": name, "ok": ok, **told.to_wire()}
