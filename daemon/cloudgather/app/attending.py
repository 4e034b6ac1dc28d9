"""A loop for each target, downloader and task that there is, and a watch for each task that wants one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cloudgather.app.serving import Serving
from cloudgather.core.mounts import Mount
from cloudgather.core.task import Task
from cloudgather.operations.world import WireMap
from cloudgather.pipeline.board import Board
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.intake import Intake
from cloudgather.pipeline.scanning import Scanner
from cloudgather.ports.clock import Clock
from cloudgather.triggers.cron import Schedules
from cloudgather.triggers.watching import Watching


class Attendant:
    """Keeps the loops of what is on the board; `watches` are those of its tasks, by name."""

    def __init__(
        self,
        *,
        serving: Serving,
        board: Board,
        claims: Claims,
        dispatcher: Dispatcher,
        intake: Intake,
        scanner: Scanner,
        schedules: Schedules,
        clock: Clock,
        mounts: Callable[[], Sequence[Mount]],
    ) -> None:
        self._serving = serving
        self._board = board
        self._claims = claims
        self._dispatcher = dispatcher
        self._intake = intake
        self._scanner = scanner
        self._schedules = schedules
        self._clock = clock
        self._mounts = mounts
        self._watches: dict[str, Watching] = {}

    @property
    def watches(self) -> Mapping[str, Watching]:
        """Those that are kept now, by the name of their task."""
        return self._watches

    def attend(self, *, changed: Sequence[str]) -> None:
        """Begin what has come; those that run already go on, but for the watches of these tasks."""
        states = self._board.tasks
        self._schedules.set_tasks(
            [state.task for state in states.values()],
            {name: state.memory for name, state in states.items()},
            local=self._board.zone,
        )
        for name in changed:
            self._serving.drop("watch", name)
            self._watches.pop(name, None)
        for name in self._board.targets:
            self._serving.keep("target", name, partial(self._dispatcher.serve, name))
        for name in self._claims.following:
            self._serving.keep("downloader", name, partial(self._claims.serve, name, self._intake))
        for name, state in states.items():
            self._serving.keep("scan", name, partial(self._scanner.serve, name, self._dispatcher.wake))
            if state.task.watch and name not in self._watches:
                watching = self._watches[name] = self._watching_of(state.task)
                self._serving.keep("watch", name, watching.run)

    def leave(self, *, tasks: Sequence[str] = (), targets: Sequence[str] = (), downloaders: Sequence[str] = ()) -> None:
        """End the loops of what is gone; a task's watch ends as one that has changed."""
        for kind, names in (("scan", tasks), ("target", targets), ("downloader", downloaders)):
            for name in names:
                self._serving.drop(kind, name)

    def watch_state(self, task: str) -> WireMap | None:
        """How this task is watched; None where it is not."""
        if (watching := self._watches.get(task)) is None:
            return None
        state = watching.state
        reason = state.reason.to_wire() if state.reason else None
        return {"mode": str(state.mode), "reason": reason, "directories": state.directories}

    def _watching_of(self, task: Task) -> Watching:
        return Watching(
            task.name,
            task.source,
            sight=partial(self._intake.sight, task.name),
            rescan=partial(self._scanner.ask, task.name),
            clock=self._clock,
            mounts=self._mounts,
            rescan_every=task.rescan,
        )
