"""What was sent to targets within a day: reserved with the claim, settled with the move that ends the try."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from sqlite3 import Connection

from cloudgather.core.limits import Spending, first_counted, hour_of
from cloudgather.core.transfer import Transfer
from cloudgather.ports.queue import Move


def of_target(connection: Connection, target: str, now: datetime) -> Spending:
    """What counts now."""
    (reserved,) = connection.execute("SELECT total(size) FROM reserved WHERE target = ?", (target,)).fetchone()
    hours = connection.execute(
        "SELECT hour, size FROM spent WHERE target = ? AND hour >= ? ORDER BY hour", (target, first_counted(now))
    )
    return Spending(hours=tuple(hours), reserved=int(reserved))


def spending(connection: Connection, now: datetime) -> Mapping[str, Spending]:
    """ports.queue.QueueStore.spending."""
    names = [name for (name,) in connection.execute("SELECT target FROM spent UNION SELECT target FROM reserved")]
    return {name: of_target(connection, name, now) for name in names}


def reserve(connection: Connection, row: Transfer, now: datetime) -> None:
    """A transfer has been claimed at a target with a limit."""
    connection.execute("DELETE FROM spent WHERE target = ? AND hour < ?", (row.target, first_counted(now)))
    connection.execute(
        "INSERT OR REPLACE INTO reserved (transfer, target, size) VALUES (?, ?, ?)",
        (row.id, row.target, row.version.size),
    )


def settle(connection: Connection, rows: Sequence[Transfer], move: Move, now: datetime) -> None:
    """It ends their tries: what was really sent counts from now on, and all that was reserved where nobody knows."""
    if connection.execute("SELECT 1 FROM reserved LIMIT 1").fetchone() is None:
        return
    for row, moved, whole in zip_longest(rows, move.moved, move.sent):
        found = connection.execute("DELETE FROM reserved WHERE transfer = ? RETURNING target, size", (row.id,))
        for target, size in found.fetchall():
            sent = size if moved is None else moved
            if whole is not None:
                sent = max(moved or 0, whole.size)
            if sent:
                _spend(connection, target, hour_of(now), sent)


def shift(connection: Connection, now: datetime, hours: int) -> None:
    """ports.queue.QueueStore.shift_spending."""
    rows = connection.execute("SELECT target, hour, size FROM spent").fetchall()
    connection.execute("DELETE FROM spent")
    for target, hour, size in rows:
        _spend(connection, target, min(hour + hours, hour_of(now)), size)


def _spend(connection: Connection, target: str, hour: int, size: int) -> None:
    connection.execute(
        "INSERT INTO spent (target, hour, size) VALUES (?, ?, ?) "
        "ON CONFLICT (target, hour) DO UPDATE SET size = size + excluded.size",
        (target, hour, size),
    )
