"""Debris: every temporary that may exist at a target, and which of them nobody owns."""

from collections.abc import Sequence
from sqlite3 import Connection

from cloudgather.core.naming import sibling
from cloudgather.core.transfer import Transfer
from cloudgather.ports import Debris


def temporary_name(connection: Connection, transfer: int, tries: int) -> bytes:
    """The temporary's name for this try: hidden, of fixed length, no media file, and never given twice."""
    (daemon_id,) = connection.execute("SELECT value FROM flag WHERE name = 'daemon-id'").fetchone()
    return f".cg-{daemon_id}-{transfer:010x}-{tries:06x}.part~".encode("ascii")


def write(connection: Connection, row: Transfer, temporary: bytes) -> None:
    """List the temporary of the try that `row` is in."""
    connection.execute(
        "INSERT INTO debris (target, path, transfer, try) VALUES (?, ?, ?, ?)",
        (row.target, sibling(row.destination, temporary), row.id, row.tries),
    )


def write_again(connection: Connection, row: Transfer) -> None:
    """List what was renamed once more: a write-back cache that died may have forgotten the rename."""
    write(connection, row, temporary_name(connection, row.id, row.tries))


def remove(connection: Connection, transfer: int, tries: int) -> None:
    """The temporary of this try is known to be gone, or was renamed."""
    connection.execute("DELETE FROM debris WHERE transfer = ? AND try = ?", (transfer, tries))


def unowned(connection: Connection, target: str | None) -> Sequence[Debris]:
    """ports.QueueStore.debris."""
    rows = connection.execute(
        "SELECT id, target, path, transfer FROM debris WHERE (:target IS NULL OR target = :target) AND NOT EXISTS ("
        "SELECT 1 FROM transfer WHERE transfer.id = debris.transfer AND tries = try"
        " AND state IN ('copying', 'publishing')) ORDER BY id",
        {"target": target},
    ).fetchall()
    return [Debris(id=row[0], target=row[1], path=row[2], transfer=row[3]) for row in rows]


def swept(connection: Connection, ids: Sequence[int]) -> None:
    """ports.QueueStore.swept."""
    connection.executemany("DELETE FROM debris WHERE id = ?", [(id,) for id in ids])
