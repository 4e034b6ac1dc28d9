"""Takes a configuration into effect: which tasks and targets the board has, and what becomes of those that left."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from cloudgather.pipeline.limiting import limit
from cloudgather.pipeline.redirecting import go_to, redirect
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, QueueStore, StoreUnavailable, TargetMemory, TaskMemory
from cloudgather.ports.source import Source
from cloudgather.ports.target import Target

logger = logging.getLogger(__name__)


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
        """Everything that stayed as it was keeps running.

        What cannot be read changes nothing. Between reading and the end of what changes on the board nobody waits, so
        that no one sees half of it; what then cannot be recorded in the queue is made up for as its transfers come up.
        """
        board = self._board
        targets, tasks = await self._store.targets(), await self._store.tasks()
        before = {name: state.task for name, state in board.tasks.items()}
        targets_before = set(board.targets)
        board.zone = wanted.zone
        board.broken = dict(wanted.broken)
        self._take_targets(wanted, targets)
        self._take_tasks(wanted, tasks)
        left = [name for name in before if name not in wanted.tasks]
        for name in left:
            del board.tasks[name]
            self._intake.forget(name)
        self._interrupt(before)
        try:
            await self._remember(wanted, targets, tasks)
            await self._cancel_orphans(wanted)
            await redirect(self._store, board)
        except StoreUnavailable as refused:
            board.store_hold = refused.reason
            logger.warning("the queue does not follow the configuration yet: %s", refused)
        return Difference(
            added=tuple(name for name in wanted.tasks if name not in before),
            removed=tuple(name for name in left if name not in wanted.broken),
            changed=tuple(name for name, task in wanted.tasks.items() if before.get(name) not in (None, task)),
            targets_added=tuple(name for name in wanted.targets if name not in targets_before),
            targets_removed=tuple(name for name in targets_before if name not in wanted.targets),
        )

    def _take_targets(self, wanted: Wanted, remembered: Mapping[str, TargetMemory]) -> None:
        now = self._clock.now()
        for name, spec in wanted.targets.items():
            known = self._board.targets.get(name)
            if known is not None and known.spec.root == spec.root and known.spec.kind is spec.kind:
                known.spec = known.port.spec = spec
                continue
            memory = remembered.get(name) or TargetMemory(name=name)
            if spec.implicit and memory.root is None:
                memory = TargetMemory(name=name, root=spec.root)
            if memory.rate_order is not None:
                memory = replace(memory, rate_order=memory.rate_order.clamped(now))
            breaker = Breaker(
                until=memory.breaker_until, opened=memory.breaker_opened, reason=memory.breaker_reason
            ).clamped(now)
            state = TargetState(spec=spec, memory=memory, port=self._port(name, spec), breaker=breaker)
            if known is not None:  # what is under way there goes on
                state.moving, state.places = known.moving, known.places
                state.unresolved, state.littered = known.unresolved, True
            self._board.targets[name] = state
        for name in [name for name in self._board.targets if name not in wanted.targets]:
            del self._board.targets[name]
        limit(self._board)

    def _port(self, name: str, spec: TargetSpec) -> Target:
        def memory() -> TargetMemory:
            state = self._board.targets.get(name)
            return state.memory if state is not None else TargetMemory(name=name)

        return self._make_target(spec, memory)

    def _take_tasks(self, wanted: Wanted, remembered: Mapping[str, TaskMemory]) -> None:
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

    def _interrupt(self, before: Mapping[str, Task]) -> None:
        """What runs for a task that has left is cancelled; what goes where its task went before comes back."""
        for lane in self._board.targets.values():
            for id, moving in lane.moving.items():
                name = moving.transfer.task
                state = self._board.tasks.get(name)
                if state is None and name not in self._board.broken:
                    self._dispatcher.cancel([id], Event.CANCEL, because(Code.CANCELLED_TASK_REMOVED))
                elif state is not None and name in before and not go_to(state.task, [moving.transfer]):
                    self._dispatcher.cancel([id], Event.DEFER, because(Code.RETRY_INTERRUPTED))

    async def _remember(
        self, wanted: Wanted, targets: Mapping[str, TargetMemory], tasks: Mapping[str, TaskMemory]
    ) -> None:
        """Implicit targets keep their roots. A task that is removed and comes again is a new one."""
        for name, lane in self._board.targets.items():
            if lane.spec.implicit and (name not in targets or targets[name].root is None):
                await self._store.remember_target(lane.memory)
        if not wanted.tasks:
            return  # all of them at once: more likely a folder that is not there than a wish
        for name, memory in tasks.items():
            fresh = TaskMemory(name=name)
            if name not in wanted.tasks and name not in wanted.broken and memory != fresh:
                await self._store.remember_task(fresh)

    async def _cancel_orphans(self, wanted: Wanted) -> None:
        """What a task that is gone had queued will never be sent; a broken task's transfers wait for its mending."""
        reason = because(Code.CANCELLED_TASK_REMOVED)
        counts = await self._store.counts()
        tasks = {task for (task, _, state), (count, _) in counts.items() if state is State.QUEUED and count}
        for name in tasks - set(wanted.tasks) - set(wanted.broken):
            await self._store.cancel(Chosen(task=name), reason=reason, now=self._clock.now())
