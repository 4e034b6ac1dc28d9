"""What is true at this moment of tasks, targets and running transfers, outside the database."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.config.problems import Problem
from cloudgather.core import holds
from cloudgather.core.bandwidth import RateNow, rate_now
from cloudgather.core.failure import Failure
from cloudgather.core.retry import Breaker
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task
from cloudgather.core.transfer import Event, Transfer
from cloudgather.pipeline.backlog import Backlog
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import TargetMemory, TaskMemory
from cloudgather.ports.source import Source
from cloudgather.ports.target import Target


class Turn:
    """When a batch that has been claimed may be copied: at once, or when enough of those before it have come further.

    And what is ordered of the batch meanwhile: how some of its transfers are to end, by their ids.
    """

    def __init__(self, *, since: float) -> None:
        self.since = since  # monotonic: the claim
        self.has_come = False
        self.endings: dict[int, tuple[Event, Reason]] = {}
        self._news = asyncio.Event()

    def comes(self) -> None:
        """It may be copied from now on."""
        self.has_come = True
        self._news.set()

    def end(self, id: int, event: Event, reason: Reason) -> None:
        """This one of the batch is to end so: whoever waits for the turn looks, and whoever works on it, too."""
        self.endings[id] = event, reason
        self._news.set()

    async def news(self) -> None:
        """Return when either of these has happened since the last return."""
        await self._news.wait()
        self._news.clear()


@dataclass(slots=True, kw_only=True)
class Moving:
    """A transfer that an agent works on, or will when it is its batch's turn."""

    transfer: Transfer
    turn: Turn  # its batch's
    done: int = 0  # bytes
    before: int = 0  # bytes that were sent before it began anew
    rate: float = 0.0  # bytes a second, smoothed
    task: asyncio.Task[None] | None = None  # cancelled to end it; None: whoever works on it looks at `ending` itself
    told: float = 0.0  # monotonic: when listeners last heard of its progress
    _marked: tuple[float, int] | None = None

    def progressed(self, done: int, now: float) -> None:
        """Hear of progress; the rate is an exponential mean over about five seconds."""
        at, before = self._marked or (self.turn.since, 0)
        if done < self.done:  # it began anew
            self.before += self.done
            at, before, self.rate = now, 0, 0.0
        span = now - at
        if span >= 0.5:
            weight = min(1.0, span / 5.0)
            latest = (done - before) / span
            self.rate = latest if self.rate == 0 else self.rate + weight * (latest - self.rate)
            self._marked = (now, done)
        elif self._marked is None:
            self._marked = (at, before)
        self.done = done

    @property
    def ending(self) -> tuple[Event, Reason] | None:
        """What a cancellation of its task means; None: interrupted."""
        return self.turn.endings.get(self.transfer.id)

    @property
    def sent(self) -> int:
        """Bytes that this try has sent in all."""
        return self.before + self.done

    @property
    def eta(self) -> float | None:
        """Seconds left at this rate."""
        return (self.transfer.version.size - self.done) / self.rate if self.rate > 0 else None


@dataclass(slots=True, kw_only=True)
class TargetState:
    """One target: as configured, as remembered, as it is."""

    spec: TargetSpec
    memory: TargetMemory
    port: Target
    hold: Reason | None = None
    told: str | None = None  # the code of the hold that listeners heard of last
    probe_at: float = 0.0  # monotonic: not to be asked again before
    breaker: Breaker = field(default_factory=Breaker)
    limits: tuple[Reason, ...] = ()  # what kept it from being given more work, at the last look
    moving: dict[int, Moving] = field(default_factory=dict)
    places: dict[Turn, dict[int, bytes]] = field(default_factory=dict)  # destinations, folded, of each batch by claim
    backlog: Backlog = field(default_factory=Backlog)
    together: int = 8  # files of a batch, where that is learnt from how long batches take
    unresolved: set[int] = field(default_factory=set)  # in publishing, and nobody works on them
    refused: dict[int, Failure] = field(default_factory=dict)  # of them: why they could not be renamed
    unconfirmed: dict[int, Reason] = field(default_factory=dict)  # written transfers: why they are not done yet
    unconfirmed_why: Reason | None = None  # what keeps all of them from being confirmed
    littered: bool = False  # temporaries may be left that the store lists as debris
    sweep_at: float = 0.0  # monotonic: they are not to be removed before

    def ended(self, id: int, turn: Turn) -> None:
        """Nothing is done any more for this one of a batch, unless it was put back, and the next batch has it."""
        moving = self.moving.get(id)
        if moving is not None and moving.turn is turn:
            del self.moving[id]

    @property
    def is_known(self) -> bool:
        """Whether it was seen once: until then it only can be probed."""
        return self.memory.identity is not None or self.port.expects_no_mount


@dataclass(slots=True, kw_only=True)
class TaskState:
    """One task: as configured, as remembered, as it is."""

    task: Task
    memory: TaskMemory
    source: Source
    source_hold: Reason | None = None
    zone: tzinfo

    @property
    def place(self) -> bytes:
        """Its destination folder as configured now, TARGET:BASE."""
        return os.fsencode(self.task.target) + b":" + self.task.base

    @property
    def base_made(self) -> bool:
        """Whether that folder has been seen or made; another one, of an edited task, has not."""
        return self.memory.base_made == self.place


class Board:
    """Everything above by name, and what holds what."""

    def __init__(self, *, clock: Clock, zone: tzinfo) -> None:
        self._clock = clock
        self.zone = zone
        self.tasks: dict[str, TaskState] = {}
        self.targets: dict[str, TargetState] = {}
        self.broken: Mapping[str, Sequence[Problem]] = {}  # task files with errors: name -> problems
        self.queue_paused = False
        self.stopping = False
        self.store_hold: Reason | None = None

    def zone_of(self, task: Task) -> tzinfo:
        """The task's time zone, or the daemon's."""
        return ZoneInfo(task.timezone) if task.timezone else self.zone

    def holds_of_daemon(self) -> tuple[Reason, ...]:
        """What holds everything."""
        facts = holds.DaemonFacts(queue_paused=self.queue_paused, stopping=self.stopping, store=self.store_hold)
        return holds.of_daemon(facts)

    def holds_of_target(self, name: str) -> tuple[Reason, ...]:
        """What holds everything that goes to this target, the daemon's own holds left out."""
        if (state := self.targets.get(name)) is None:
            return (because(Code.ERROR_NO_SUCH_TARGET, target=name),)
        return holds.of_target(
            holds.TargetFacts(
                name=name,
                paused=state.memory.paused,
                hold=state.hold,
                breaker=state.breaker,
                upload_window=state.spec.upload_window,
                limits=state.limits,
                local_now=self._clock.now().astimezone(self.zone),
            )
        )

    def rate_of(self, lane: TargetState) -> RateNow:
        """How fast this target may be written to now."""
        local_now = self._clock.now().astimezone(self.zone)
        return rate_now(lane.spec.bandwidth, lane.memory.rate_order, local_now)

    def holds_of_task(self, name: str) -> tuple[Reason, ...]:
        """What holds every transfer of this task, its target's holds left out."""
        now = self._clock.now()
        if (state := self.tasks.get(name)) is None:
            return holds.of_task(holds.TaskFacts(name=name, broken=True, local_now=now))
        return holds.of_task(
            holds.TaskFacts(
                name=name,
                paused=state.memory.paused,
                broken=name in self.broken,
                source=state.source_hold,
                upload_window=state.task.upload_window,
                local_now=now.astimezone(state.zone),
            )
        )

    def holds_of(self, transfer: Transfer) -> tuple[Reason, ...]:
        """Everything that holds this queued transfer."""
        target = self.targets.get(transfer.target)
        attempts = target.spec.attempts if target else 0
        return (
            *self.holds_of_daemon(),
            *self.holds_of_task(transfer.task),
            *self.holds_of_target(transfer.target),
            *holds.of_transfer(transfer, attempts=attempts, now=self._clock.now()),
        )

    def unasked(self, target: TargetState) -> tuple[Reason, ...]:
        """Why this target is not asked now whether it has what was written: it is paused, held, or rests."""
        return holds.of_target(
            holds.TargetFacts(
                name=target.spec.name,
                paused=target.memory.paused,
                hold=target.hold,
                breaker=target.breaker,
                local_now=self._clock.now(),
            )
        )

    def unconfirmed(self, transfer: Transfer) -> tuple[Reason, ...]:
        """Why this written transfer is not done yet."""
        if (target := self.targets.get(transfer.target)) is None:
            return self.holds_of_target(transfer.target)
        why = target.unconfirmed_why or target.unconfirmed.get(transfer.id)
        return self.unasked(target) or ((why,) if why else ())

    def not_begun(self, transfer: Transfer) -> tuple[Reason, ...]:
        """Why nothing is copied yet of this transfer, which has been claimed."""
        if (target := self.targets.get(transfer.target)) is None:
            return ()
        if (moving := target.moving.get(transfer.id)) is not None and not moving.turn.has_come:
            return (because(Code.HELD_TURN),)
        if transfer.temporary is None or transfer.temporary not in target.port.awaiting_turn:
            return ()
        per_second = target.spec.metadata_per_second
        return (because(Code.HELD_METADATA, target=target.spec.name, per_second=per_second),)

    def unpublished(self, transfer: Transfer) -> tuple[Reason, ...]:
        """Why this transfer, whose copy is whole, does not get its final name now; nothing while it is worked on."""
        if (target := self.targets.get(transfer.target)) is None:
            return self.holds_of_target(transfer.target)
        if transfer.id not in target.unresolved:
            return ()
        refused = target.refused.get(transfer.id)
        return (*self.holds_of_daemon(), *self.holds_of_target(transfer.target), *([refused.reason] if refused else ()))

    def moving(self, id: int) -> Moving | None:
        """The running transfer of this id."""
        for target in self.targets.values():
            if (found := target.moving.get(id)) is not None:
                return found
        return None

    def sent(self, transfers: Sequence[Transfer]) -> Sequence[int | None]:
        """Bytes that the try of each has sent in all; None of one that does not run."""
        found: list[int | None] = []
        for each in transfers:
            target = self.targets.get(each.target)  # at another one it may have begun anew
            moving = None if target is None else target.moving.get(each.id)
            found.append(None if moving is None else moving.sent)
        return found

    def held_tasks(self) -> frozenset[str]:
        """Tasks none of whose transfers may start now."""
        return frozenset(name for name in self.tasks if self.holds_of_task(name)) | frozenset(self.broken)

    def now(self) -> datetime:
        """The clock's."""
        return self._clock.now()
