"""Debris: temporaries that may exist at a target, and nobody owns any more.

The temporary of a try under way is in the row of its transfer, which is committed before the temporary is made. The
step in which the try ends lists it here, unless it was renamed or is known to be gone.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from sqlite3 import Connection
from typing import Any

from cloudgather.core.naming import sibling
from cloudgather.core.transfer import Transfer
from cloudgather.ports.queue import Debris
from cloudgather.store import many
from cloudgather.store.rows import reads


def daemon_id(connection: Connection) -> str:
    """What tells this daemon's temporaries from those of others at the same target."""
    return _only_ascii(connection.execute("SELECT value FROM flag WHERE name = 'daemon-id'").fetchone())


@reads
def _only_ascii(row: tuple[Any, ...]) -> str:
    (text,) = row
    return str(text).encode("ascii").decode("ascii")


def temporary_name(daemon_id: str, transfer: int, tries: int) -> bytes:
    """The temporary's name for this try: hidden, of fixed length, no media file, and never given twice."""
    return b".cg-%s-%010x-%06x.part~" % (daemon_id.encode("ascii"), transfer, tries)


def temporaries(connection: Connection, transfers: Iterable[int], tries: Iterable[int]) -> list[bytes]:
    """The name of the temporary of each of these in that try."""
    return [*map(partial(temporary_name, daemon_id(connection)), transfers, tries)]


def write(connection: Connection, rows: Iterable[Transfer]) -> None:
    """List the temporaries of the tries that these are in, and that end now."""
    many.execute(
        connection,
        "INSERT INTO debris (target, path, transfer, try) VALUES {rows}",
        [(row.target, sibling(row.destination, row.temporary or b""), row.id, row.tries) for row in rows],
    )


def write_again(connection: Connection, rows: Sequence[Transfer]) -> None:
    """List what was renamed once more: a write-back cache that died may have forgotten the rename."""
    names = temporaries(connection, [row.id for row in rows], [row.tries for row in rows])
    write(connection, [row._replace(temporary=name) for row, name in zip(rows, names, strict=True)])


def leave(connection: Connection, row: Transfer, path: bytes) -> None:
    """ports.queue.QueueStore.leave; its try is below zero, since a try has one temporary."""
    connection.execute(
        "INSERT OR IGNORE INTO debris (target, path, transfer, try) VALUES (?, ?, ?, ?)",
        (row.target, path, row.id, -row.tries),
    )


def unowned(connection: Connection, target: str | None) -> Sequence[Debris]:
    """ports.queue.QueueStore.debris."""
    rows = connection.execute(
        "SELECT id, target, path, transfer FROM debris WHERE :target IS NULL OR target = :target ORDER BY id",
        {"target": target},
    ).fetchall()
    return [Debris(id=row[0], target=row[1], path=row[2], transfer=row[3]) for row in rows]


def swept(connection: Connection, ids: Sequence[int]) -> None:
    """ports.queue.QueueStore.swept."""
    connection.executemany("DELETE FROM debris WHERE id = ?", [(id,) for id in ids])
