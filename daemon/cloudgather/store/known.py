"""What the queue knows of paths and of the versions a scan finds there."""

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.transfer import Transfer, Version
from cloudgather.ports.queue import Content
from cloudgather.store.ledger import pieces
from cloudgather.store.rows import TRANSFER, from_number, reads, to_transfer

LIVE: Final = (
    "SELECT path, size, mtime_ns FROM transfer INDEXED BY transfer_live WHERE live AND task = ? AND path IN ({marks})"
)
UNDER_WAY: Final = (
    "SELECT path, size, mtime_ns, device, inode FROM transfer INDEXED BY transfer_live "
    "WHERE live AND state != 'queued' AND task = ? AND path IN ({marks})"
)
# With max(), SQLite takes the other columns from the row that has it.
NEWEST: Final = (
    "SELECT path, size, mtime_ns, binds, max(id) FROM transfer WHERE task = ? AND path IN ({marks}) GROUP BY path"
)


def newest(connection: Connection, task: str, path: bytes) -> Transfer | None:
    """ports.queue.QueueStore.newest."""
    row = connection.execute(
        f"SELECT {TRANSFER} FROM transfer WHERE path = ? AND task = ? ORDER BY id DESC LIMIT 1", (path, task)
    ).fetchone()
    return None if row is None else to_transfer(row)


def bound(connection: Connection, task: str, contents: Sequence[Content]) -> frozenset[bytes]:
    """ports.queue.QueueStore.bound; only the newest transfer of a path counts."""
    return frozenset(row[0] for row in _rows(connection, NEWEST, task, contents) if row[3])


def live(connection: Connection, task: str, contents: Sequence[Content]) -> frozenset[bytes]:
    """ports.queue.QueueStore.live."""
    return frozenset(row[0] for row in _rows(connection, LIVE, task, contents))


def under_way(connection: Connection, task: str, paths: Sequence[bytes]) -> Mapping[bytes, Version]:
    """ports.queue.QueueStore.under_way."""
    found: dict[bytes, Version] = {}
    for some in pieces(paths):
        for row in connection.execute(UNDER_WAY.format(marks=", ".join("?" * len(some))), (task, *some)):
            path, version = _version(row)
            found[path] = version
    return found


@reads
def _version(row: tuple[Any, ...]) -> tuple[bytes, Version]:
    return row[0], Version(size=row[1], mtime_ns=int(row[2]), device=int(row[3]), inode=int(row[4]))


def _rows(connection: Connection, statement: str, task: str, contents: Sequence[Content]) -> Iterable[tuple[Any, ...]]:
    """Rows (path, size, mtime_ns, ...) of these paths that have these very contents."""
    asked = {path: (size, from_number(mtime_ns)) for path, size, mtime_ns in contents}
    for some in pieces([*asked]):
        for row in connection.execute(statement.format(marks=", ".join("?" * len(some))), (task, *some)):
            if (row[1], row[2]) == asked.get(row[0]):
                yield row
