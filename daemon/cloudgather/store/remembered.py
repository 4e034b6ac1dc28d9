"""What is remembered of tasks, targets and the daemon between starts."""

from collections.abc import Mapping
from datetime import timedelta
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.target import Identity
from cloudgather.core.transfer import State
from cloudgather.ports.queue import TargetMemory, TaskMemory
from cloudgather.store.rows import (
    from_instant,
    from_optional_instant,
    from_reason,
    packed,
    reads,
    to_instant,
    to_optional_instant,
    to_reason,
    unpacked,
)

DAEMON_ID: Final = "daemon-id"


def counts(connection: Connection) -> Mapping[tuple[str, str, State], tuple[int, int]]:
    """ports.queue.QueueStore.counts."""
    rows = connection.execute("SELECT task, target, state, transfers, bytes FROM counter WHERE transfers > 0")
    return dict(_count(row) for row in rows)


def tasks(connection: Connection) -> Mapping[str, TaskMemory]:
    """ports.queue.QueueStore.tasks."""
    rows = connection.execute("SELECT name, paused, initialised, base_made, last_due FROM task_memory")
    return {row[0]: _task(row) for row in rows}


def remember_task(connection: Connection, memory: TaskMemory) -> None:
    """ports.queue.QueueStore.remember_task."""
    connection.execute(
        "INSERT OR REPLACE INTO task_memory (name, paused, initialised, base_made, last_due) VALUES (?, ?, ?, ?, ?)",
        (
            memory.name,
            int(memory.paused),
            int(memory.initialised),
            memory.base_made,
            from_optional_instant(memory.last_due),
        ),
    )


def targets(connection: Connection) -> Mapping[str, TargetMemory]:
    """ports.queue.QueueStore.targets."""
    rows = connection.execute(
        "SELECT name, root, identity, paused, breaker_until, breaker_opened, breaker_reason, facts, "
        "rate_order FROM target_memory"
    )
    return {row[0]: _target(row) for row in rows}


def remember_target(connection: Connection, memory: TargetMemory) -> None:
    """ports.queue.QueueStore.remember_target."""
    identity = memory.identity
    connection.execute(
        "INSERT OR REPLACE INTO target_memory "
        "(name, root, identity, paused, breaker_until, breaker_opened, breaker_reason, facts, rate_order) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            memory.name,
            memory.root,
            None if identity is None else packed([identity.mount_point, identity.fs_type, identity.source]),
            int(memory.paused),
            from_optional_instant(memory.breaker_until),
            memory.breaker_opened,
            from_reason(memory.breaker_reason),
            None if memory.facts is None else packed(dict(memory.facts)),
            _from_order(memory.rate_order),
        ),
    )


def flags(connection: Connection) -> Mapping[str, str]:
    """ports.queue.QueueStore.flags."""
    return dict(connection.execute("SELECT name, value FROM flag"))


def set_flag(connection: Connection, name: str, value: str | None) -> None:
    """ports.queue.QueueStore.set_flag; the daemon id, from which temporary names are made, cannot be set."""
    if name == DAEMON_ID:
        raise ValueError("the daemon id is made once with the database")
    if value is None:
        connection.execute("DELETE FROM flag WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO flag (name, value) VALUES (?, ?)", (name, value))


@reads
def _count(row: tuple[Any, ...]) -> tuple[tuple[str, str, State], tuple[int, int]]:
    task, target, state, transfers, size = row
    return (task, target, State(state)), (transfers, size)


@reads
def _task(row: tuple[Any, ...]) -> TaskMemory:
    return TaskMemory(
        name=row[0],
        paused=bool(row[1]),
        initialised=bool(row[2]),
        base_made=row[3],
        last_due=to_optional_instant(row[4]),
    )


@reads
def _target(row: tuple[Any, ...]) -> TargetMemory:
    return TargetMemory(
        name=row[0],
        root=row[1],
        identity=_identity(row[2]),
        paused=bool(row[3]),
        breaker_until=to_optional_instant(row[4]),
        breaker_opened=row[5],
        breaker_reason=to_reason(row[6]),
        facts=None if row[7] is None else unpacked(row[7]),
        rate_order=_to_order(row[8]),
    )


def _from_order(order: RateOrder | None) -> bytes | None:
    if order is None:
        return None
    return packed([order.rate, from_instant(order.until), int(order.span.total_seconds())])


def _to_order(blob: bytes | None) -> RateOrder | None:
    if blob is None:
        return None
    rate, until, span = unpacked(blob)
    return RateOrder(rate=rate, until=to_instant(until), span=timedelta(seconds=span))


def _identity(blob: bytes | None) -> Identity | None:
    if blob is None:
        return None
    mount_point, fs_type, source = unpacked(blob)
    return Identity(mount_point=mount_point, fs_type=fs_type, source=source)
