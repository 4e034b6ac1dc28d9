"""Makes transfers of plans, at most one live per task and path."""

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cloudgather.core.transfer import LIVE, Event, Plan, State, Transfer
from cloudgather.ports import Added, Move
from cloudgather.store.moving import make
from cloudgather.store.rows import (
    TRANSFER,
    assignments,
    from_instant,
    from_number,
    from_reason,
    from_version,
    to_transfer,
)

# Sent whatever was before: these override a failure or a cancellation of the very same version.
_INSISTING: Final = frozenset({Code.GO_OVERWRITE, Code.GO_RESEND})
_NEWEST: Final = (
    f"SELECT {TRANSFER}, binds FROM transfer WHERE path = ? AND task = ? "
    "ORDER BY state IN ('queued', 'copying', 'publishing') DESC, id DESC LIMIT 1"
)


def add_all(connection: Connection, plans: Sequence[Plan], now: datetime) -> Sequence[tuple[int, Added]]:
    """ports.QueueStore.add."""
    return [_add(connection, plan, now) for plan in plans]


def _add(connection: Connection, plan: Plan, now: datetime) -> tuple[int, Added]:
    found = connection.execute(_NEWEST, (plan.path, plan.task)).fetchone()
    if found is None:
        return _insert(connection, plan, now), Added.NEW
    row, binds = to_transfer(found[:-1]), bool(found[-1])
    same = plan.version.same_content_as(row.version)
    insisting = plan.reason.code in _INSISTING
    if row.state is State.QUEUED:
        if same and (plan.target, plan.destination) == (row.target, row.destination):
            _take_over(connection, row, plan, insisting)
            return row.id, Added.KNOWN
        return _refresh(connection, row, plan, Event.CHANGE, now)
    if row.state in LIVE:  # its own check after the copy finds out whether the source is another version now
        return row.id, Added.KNOWN
    if row.state in (State.FAILED, State.CANCELLED):
        if same and binds and not insisting:
            return row.id, Added.BOUND
        return _refresh(connection, row, plan, Event.REQUEUE, now)
    return _insert(connection, plan, now), Added.NEW


def _insert(connection: Connection, plan: Plan, now: datetime) -> int:
    columns: dict[str, Any] = {
        "task": plan.task,
        "path": plan.path,
        "generation": 1,
        "state": str(State.QUEUED),
        "attempts": 0,
        "tries": 0,
        "reason": from_reason(plan.reason),
        "created": from_instant(now),
        "updated": from_instant(now),
        "binds": 0,
        "cleared": 0,
        "run": plan.run,
        **from_version(plan.version),
        **_columns(plan),
    }
    names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    id = connection.execute(f"INSERT INTO transfer ({names}) VALUES ({marks})", columns).lastrowid
    assert id is not None
    return id


def _refresh(connection: Connection, row: Transfer, plan: Plan, event: Event, now: datetime) -> tuple[int, Added]:
    """Let the row be what the plan says from now on; what was put first in the queue stays there."""
    move = Move(transfer=row.id, generation=row.generation, event=event, reason=plan.reason, version=plan.version)
    columns = _columns(plan) | {"run": plan.run if plan.run is not None else row.run}
    if event is Event.CHANGE:
        columns["priority"] = max(plan.priority, row.priority)
    make(connection, row, move, now, **columns)
    return row.id, Added.REFRESHED


def _take_over(connection: Connection, row: Transfer, plan: Plan, insisting: bool) -> None:
    """What a plan for the same version may still change of a queued transfer: it is no move."""
    changes: dict[str, Any] = {}
    if plan.version != row.version:  # the disk was mounted anew
        changes |= {"device": from_number(plan.version.device), "inode": from_number(plan.version.inode)}
    if plan.priority > row.priority:
        changes["priority"] = plan.priority
    if insisting:
        changes |= {"replaces": int(plan.replace), "plan_reason": from_reason(plan.reason)}
        if plan.run is not None:
            changes["run"] = plan.run
    if changes:
        connection.execute(f"UPDATE transfer SET {assignments(changes)} WHERE id = :id", changes | {"id": row.id})


def _columns(plan: Plan) -> dict[str, Any]:
    return {
        "target": plan.target,
        "destination": plan.destination,
        "priority": plan.priority,
        "plan_reason": from_reason(plan.reason),
        "replaces": int(plan.replace),
        "guessed": int(plan.guessed),
    }
