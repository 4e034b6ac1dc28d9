"""What every operation works on, handed in by app."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.config.loading import Configuration
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import TASK_PREFIX, Allowance
from cloudgather.core.mounts import Mount
from cloudgather.core.task import Task
from cloudgather.operations.blobs import Blobs
from cloudgather.pipeline.board import Board, TargetState, TaskState
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.downloads import Downloads
from cloudgather.pipeline.events import Bus
from cloudgather.pipeline.intake import Intake
from cloudgather.pipeline.limiting import Limiter
from cloudgather.pipeline.planning import Planner
from cloudgather.pipeline.recording import Recorder
from cloudgather.pipeline.runs import Runs
from cloudgather.pipeline.scanning import Scanner
from cloudgather.pipeline.trouble import sorted_failure
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import QueueStore
from cloudgather.ports.source import Source
from cloudgather.ports.target import Failed

WireMap = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What a reload has changed: names of tasks; of the main file, see config.settings.differences."""

    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[str]
    main: Sequence[str]
    at_restart: Sequence[str]


@dataclass(slots=True, kw_only=True)
class World:
    """The daemon's parts, for operations."""

    version: str
    pid: int
    started: datetime
    clock: Clock
    board: Board
    store: QueueStore
    bus: Bus
    intake: Intake
    scanner: Scanner
    planner: Planner
    runs: Runs
    recorder: Recorder
    dispatcher: Dispatcher
    limiter: Limiter
    configuration: Callable[[], Configuration]
    reload: Callable[[], Awaitable[Reloaded]]  # raises InvalidConfiguration and changes nothing
    start: Callable[[Coroutine[Any, Any, object], str], None]  # in app's TaskGroup, under that name
    make_source: Callable[[Task], Source]
    watch: Callable[[str], WireMap | None]  # how a task's source is watched
    mounts: Callable[[], Sequence[Mount]]
    read_log: Callable[[str | None, int | None, int], Sequence[str]]  # task, run, lines
    log_trouble: Callable[[], Reason | None]  # why lines are lost
    doctor: Callable[[], Awaitable[WireMap]]
    downloads: Downloads
    blobs: Blobs
    allowance: Callable[[Caller], Allowance]  # what the caller's groups may have downloaded
    resolve: Callable[[str], Awaitable[Sequence[str]]]  # the addresses of a host; raises OSError

    def task(self, name: str) -> TaskState:
        """The task, or a refusal that names the nearest."""
        if name.startswith(TASK_PREFIX) or (state := self.board.tasks.get(name)) is None:
            raise Refused(because(Code.ERROR_NO_SUCH_TASK, task=name, near=nearest(name, self.configured())))
        return state

    def configured(self) -> Mapping[str, TaskState]:
        """The tasks that somebody has configured: those that upload a download are shown with it."""
        return {name: state for name, state in self.board.tasks.items() if not name.startswith(TASK_PREFIX)}

    def target(self, name: str) -> TargetState:
        """The target, or a refusal that names the nearest."""
        if (state := self.board.targets.get(name)) is None:
            raise Refused(because(Code.ERROR_NO_SUCH_TARGET, target=name, near=nearest(name, self.board.targets)))
        return state

    @contextmanager
    def asking(self, target: str) -> Iterator[None]:
        """What goes wrong at the target meanwhile is a refusal that tells the caller so."""
        try:
            yield
        except Failed as error:
            cause = sorted_failure(error).reason.to_wire()
            raise Refused(because(Code.ERROR_TARGET, target=target, cause=cause)) from error


def nearest(name: str, names: Mapping[str, object]) -> str | None:
    """The name that was probably meant."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.5)
    return found[0] if found else None
