"""Makes the maps that go over the wire of what the daemon knows; their shapes are in cgwire's docstrings."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, time, timedelta
from typing import Any

from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.verdicts import why_held
from cloudgather.config.timetable import step_text
from cloudgather.core.bandwidth import RateFrom
from cloudgather.core.holds import as_of
from cloudgather.core.limits import Spending
from cloudgather.core.mounts import mount_of
from cloudgather.core.schedule import schedule_of
from cloudgather.core.secrecy import shown_options
from cloudgather.core.target import Kind
from cloudgather.core.task import Window
from cloudgather.core.transfer import State, Transfer
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.board import TargetState, TaskState
from cloudgather.pipeline.pending import Pending
from cloudgather.ports.queue import PastMove, Run

Counts = Mapping[tuple[str, str, State], tuple[int, int]]


def instant(at: datetime | None) -> float | None:
    """Epoch seconds."""
    return at.timestamp() if at is not None else None


def reason(why: Reason | None) -> WireMap | None:
    """A reason's map."""
    return why.to_wire() if why is not None else None


def reasons(all_of: Sequence[Reason]) -> list[WireMap]:
    """Reasons' maps."""
    return [why.to_wire() for why in all_of]


def transfer(world: World, it: Transfer) -> dict[str, Any]:
    """The map of queue.list."""
    lane = world.board.targets.get(it.target)
    moving = world.board.moving(it.id)
    return {
        "id": it.id,
        "task": it.task,
        "path": it.path,
        "target": it.target,
        "destination": it.destination,
        "size": it.version.size,
        "state": str(it.state),
        "priority": it.priority,
        "attempts": it.attempts,
        "limit": lane.spec.attempts if lane else None,
        "due": instant(it.due),
        "reason": reason(it.reason and as_of(it.reason, world.clock.now())),
        "plan_reason": reason(it.plan_reason),
        "held": reasons(_waits_for(world, it)),
        "guessed": it.guessed,
        "run": it.run,
        "created": instant(it.created),
        "updated": instant(it.updated),
        "done": moving.done if moving else None,
        "rate": moving.rate if moving else None,
        "eta": moving.eta if moving else None,
    }


def _waits_for(world: World, it: Transfer) -> tuple[Reason, ...]:
    """What keeps it from its next state: a queued one, one that has not begun, a whole one, a written one."""
    match it.state:
        case State.QUEUED:
            return world.board.holds_of(it)
        case State.COPYING:
            return world.board.not_begun(it)
        case State.PUBLISHING:
            return world.board.unpublished(it)
        case State.WRITTEN:
            return world.board.unconfirmed(it)
        case _:
            return ()


def run(world: World, it: Run) -> dict[str, Any]:
    """The map of run.list; a run with files that are not settled yet has not ended."""
    current = world.runs.current.get(it.id)
    settling = current.settling if current else 0
    return {
        "id": it.id,
        "task": it.task,
        "trigger": it.trigger,
        "started": instant(it.started),
        "scanned": instant(it.scanned),
        "ended": instant(it.ended) if not settling else None,
        "seen": it.seen,
        "planned": it.planned,
        "skipped": it.skipped,
        "settling": settling,
        "left": it.left,
        "uploaded": it.uploaded,
        "failed": it.failed,
        "bytes": it.bytes,
        "problem": reason(it.problem),
    }


def move(id: int, it: PastMove) -> dict[str, Any]:
    """The map of history.list."""
    return {
        "id": id,
        "transfer": it.transfer,
        "task": it.task,
        "path": it.path,
        "at": instant(it.at),
        "event": str(it.event),
        "before": str(it.before),
        "after": str(it.after),
        "attempt": it.attempt,
        "reason": reason(it.reason),
    }


def pending(world: World, it: Pending) -> dict[str, Any]:
    """A file that is not settled, as in daemon.status."""
    size = it.fingerprint[0].size if it.fingerprint else None
    since = world.clock.monotonic() - it.quiet_since
    waits = []
    for why in it.conditions:
        if why.code == Code.WAIT_QUIET:  # as of now, not of the last look
            why = because(Code.WAIT_QUIET, **{**why.facts, "since": since, "left": max(0, why.facts["needed"] - since)})
        why = as_of(why, world.clock.now())
        if why.code.startswith("wait."):
            waits.append(why)
    if len(waits) > 1:  # quiet since the last look, which something else makes longer than that
        waits = [why for why in waits if why.code != Code.WAIT_QUIET or why.facts["left"] > 0]
    if not waits and it.in_hand and it.fingerprint is not None:
        waits.append(because(Code.WAIT_LISTING))
    return {"task": it.task, "path": it.path, "size": size, "reasons": reasons(waits)}


def target(world: World, lane: TargetState, counts: Counts, spending: Mapping[str, Spending]) -> dict[str, Any]:
    """The map of target.list."""
    held = holds_of_target(world, lane)
    active = len(lane.moving)
    queued = _sum(counts, State.QUEUED, target=lane.spec.name)
    return {
        "name": lane.spec.name,
        "root": lane.spec.root,
        "kind": str(lane.spec.kind),
        "profile": str(lane.spec.profile),
        "state": "held" if held else "ok" if active or queued[0] else "idle",
        "held": reasons(held),
        "paused": lane.memory.paused,
        "queued": queued,
        "active": active,
        "rate": sum(moving.rate for moving in lane.moving.values()),
        "parallel": lane.spec.parallel,
        **bandwidth(world, lane),
        "daily_limit": lane.spec.daily_limit,
        "daily_spent": spending.get(lane.spec.name, Spending()).total if lane.spec.daily_limit is not None else 0,
        "confirm": str(lane.spec.confirm),
        "written": _sum(counts, State.WRITTEN, target=lane.spec.name),
        "unconfirmed": reason(lane.unconfirmed_why),
    }


def bandwidth(world: World, lane: TargetState) -> dict[str, Any]:
    """The figure that is in effect at a target."""
    now = world.board.rate_of(lane)
    return {"bandwidth": now.rate, "bandwidth_until": instant(now.until), "bandwidth_ordered": now.ordered}


def holds_of_target(world: World, lane: TargetState) -> tuple[Reason, ...]:
    """What holds a target. Nobody asks one that nothing goes to; that its mount is missing, the mount table tells."""
    held = world.board.holds_of_target(lane.spec.name)
    if lane.hold is not None or lane.spec.kind is not Kind.MOUNT:
        return held
    mount, recorded = mount_of(lane.spec.root, world.mounts()), lane.memory.identity
    if mount is None or (mount.is_remote if recorded is None else recorded.matches(mount)):
        return held
    what = "never" if recorded is None else "other" if mount.is_remote or not recorded.is_remote else "local"
    facts = {"what": what, "fs_type": mount.fs_type, "source": mount.source}
    return (*held, why_held(facts, lane.spec, recorded))


def task(world: World, state: TaskState, counts: Counts, last: Run | None) -> dict[str, Any]:
    """The map of task.list."""
    it = state.task
    lane = world.board.targets.get(it.target)
    held = (*world.board.holds_of_task(it.name), *(holds_of_target(world, lane) if lane else ()))
    due = next_run(world, state)
    return {
        "name": it.name,
        "source": it.source,
        "target": it.target,
        "destination": it.base,
        "paused": state.memory.paused,
        "watch": world.watch(it.name),
        "schedule": it.schedule,
        "every": it.every.total_seconds() if it.every else None,
        "next": instant(due),
        "last_run": run(world, last) if last else None,
        "scanning": world.scanner.is_scanning(it.name),
        "settling": len(world.intake.pending.of_task(it.name)),
        "counts": {str(which): _sum(counts, which, task=it.name) for which in State},
        "held": reasons(held),
    }


def next_run(world: World, state: TaskState) -> datetime | None:
    """When its schedule makes it look next."""
    schedule = schedule_of(state.task, world.board.zone)
    return schedule.next_after(world.clock.now()) if schedule is not None and not state.memory.paused else None


def totals(counts: Counts) -> dict[str, list[int]]:
    """{state: [n, bytes]} over everything."""
    return {str(which): _sum(counts, which) for which in State}


def _sum(counts: Counts, state: State, *, task: str | None = None, target: str | None = None) -> list[int]:
    total = [0, 0]
    for (of_task, of_target, of_state), (number, size) in counts.items():
        if of_state is state and task in (None, of_task) and target in (None, of_target):
            total[0] += number
            total[1] += size
    return total


def plain(value: Any) -> Any:
    """A configured value as the wire takes it: spans as seconds, windows and levels as text, sets as sorted lists.

    Options of downloads are without what lets somebody in: whoever may look may ask for this.
    """
    match value:
        case Window(begin=begin, end=end):
            return f"{begin:%H:%M}-{end:%H:%M}"
        case RateFrom():
            return step_text(value)
        case Access():
            return value.name.lower()
        case timedelta():
            return value.total_seconds()
        case time():
            return f"{value:%H:%M}"
        case frozenset():
            return sorted(plain(each) for each in value)
        case tuple() | list():
            return [plain(each) for each in value]
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case None | bool() | int() | float() | bytes():
            return value
        case _ if hasattr(value, "__dataclass_fields__"):
            return {field.name: plain(_shown(field.name, getattr(value, field.name))) for field in fields(value)}
        case _:
            return str(value)


def _shown(field: str, value: Any) -> Any:
    return shown_options(value) if field == "options" and isinstance(value, Mapping) else value
