"""Takes a configuration into effect: which tasks and targets the board has, and what becomes of those that left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.problems import Problem
from cloudgather.core.retry import Breaker
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task
from cloudgather.core.transfer import Event, State
from cloudgather.pipeline.board import Board, TargetState, TaskState
from cloudgather.pipeline.dispatch import Dispatcher
from cloudgather.pipeline.intake import Intake
from cloudgather.ports import Chosen, Clock, QueueStore, Source, Target, TargetMemory, TaskMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A configuration's tasks and targets, as far as the pipeline needs them."""

    tasks: Mapping[str, Task]
    targets: Mapping[str, TargetSpec]
    broken: Mapping[str, Sequence[Problem]]  # task files set aside: name -> their problems
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Names of tasks, and of targets that came or went."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    targets_added: tuple[str, ...]
    targets_removed: tuple[str, ...]


class Effect:
    """Brings the board to a configuration; used at start and at each reload."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        clock: Clock,
        intake: Intake,
        dispatcher: Dispatcher,
        make_target: Callable[[TargetSpec, Callable[[], TargetMemory]], Target],
        make_source: Callable[[Task], Source],
    ) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._intake = intake
        self._dispatcher = dispatcher
        self._make_target = make_target
        self._make_source = make_source

    async def take(self, wanted: Wanted) -> Difference:
        """Everything that stayed as it was keeps running."""
        board = self._board
        board.zone = wanted.zone
        board.broken = dict(wanted.broken)
        before = {name: state.task for name, state in board.tasks.items()}
        targets_before = set(board.targets)
        await self._take_targets(wanted)
        await self._take_tasks(wanted)
        removed = tuple(name for name in before if name not in wanted.tasks and name not in wanted.broken)
        for name in [name for name in before if name not in wanted.tasks]:
            del board.tasks[name]
            self._intake.forget(name)
        await self._cancel_orphans(wanted)
        return Difference(
            added=tuple(name for name in wanted.tasks if name not in before),
            removed=removed,
            changed=tuple(name for name, task in wanted.tasks.items() if before.get(name) not in (None, task)),
            targets_added=tuple(name for name in wanted.targets if name not in targets_before),
            targets_removed=tuple(name for name in targets_before if name not in wanted.targets),
        )

    async def _take_targets(self, wanted: Wanted) -> None:
        remembered = await self._store.targets()
        now = self._clock.now()
        for name, spec in wanted.targets.items():
            known = self._board.targets.get(name)
            if known is not None and known.spec.root == spec.root and known.spec.kind is spec.kind:
                known.spec = known.port.spec = spec
                continue
            memory = remembered.get(name) or TargetMemory(name=name)
            if spec.implicit and memory.root is None:
                memory = TargetMemory(name=name, root=spec.root)
                await self._store.remember_target(memory)
            breaker = Breaker(
                until=memory.breaker_until, opened=memory.breaker_opened, reason=memory.breaker_reason
            ).clamped(now)
            state = TargetState(spec=spec, memory=memory, port=self._port(name, spec), breaker=breaker)
            self._board.targets[name] = state
        for name in [name for name in self._board.targets if name not in wanted.targets]:
            del self._board.targets[name]

    def _port(self, name: str, spec: TargetSpec) -> Target:
        def memory() -> TargetMemory:
            state = self._board.targets.get(name)
            return state.memory if state is not None else TargetMemory(name=name)

        return self._make_target(spec, memory)

    async def _take_tasks(self, wanted: Wanted) -> None:
        remembered = await self._store.tasks()
        for name, task in wanted.tasks.items():
            known = self._board.tasks.get(name)
            zone = self._board.zone_of(task)
            if known is None:
                memory = remembered.get(name) or TaskMemory(name=name)
                self._board.tasks[name] = TaskState(task=task, memory=memory, source=self._make_source(task), zone=zone)
                continue
            if known.task.source != task.source:
                known.source, known.source_hold = self._make_source(task), None
                self._intake.forget(name)
            known.task, known.zone = task, zone

    async def _cancel_orphans(self, wanted: Wanted) -> None:
        """What a task that is gone had queued will never be sent; a broken task's transfers wait for its mending."""
        reason = because(Code.CANCELLED_TASK_REMOVED)
        live = frozenset({State.QUEUED, State.COPYING})
        tasks = {
            task for (task, _, state), (count, _) in (await self._store.counts()).items() if state in live and count
        }
        for name in tasks - set(wanted.tasks) - set(wanted.broken):
            running = await self._store.transfers(Chosen(task=name, states=frozenset({State.COPYING})), limit=10_000)
            self._dispatcher.cancel([transfer.id for transfer in running], Event.CANCEL, reason)
            await self._store.cancel(Chosen(task=name), reason=reason, now=self._clock.now())
