"""What the queue knows of paths and of the versions a scan finds there."""

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.transfer import Transfer
from cloudgather.store.ledger import pieces
from cloudgather.store.rows import TRANSFER, to_transfer

Versions = Mapping[bytes, tuple[int, int]]  # path -> (size, mtime_ns)

LIVE: Final = (
    "SELECT path, size, mtime_ns FROM transfer INDEXED BY transfer_live "
    "WHERE state IN ('queued', 'copying', 'publishing') AND task = ? AND path IN ({marks})"
)
# With max(), SQLite takes the other columns from the row that has it.
NEWEST: Final = (
    "SELECT path, size, mtime_ns, binds, max(id) FROM transfer WHERE task = ? AND path IN ({marks}) GROUP BY path"
)


def newest(connection: Connection, task: str, path: bytes) -> Transfer | None:
    """ports.QueueStore.newest."""
    row = connection.execute(
        f"SELECT {TRANSFER} FROM transfer WHERE path = ? AND task = ? ORDER BY id DESC LIMIT 1", (path, task)
    ).fetchone()
    return None if row is None else to_transfer(row)


def bound(connection: Connection, task: str, versions: Versions) -> frozenset[bytes]:
    """ports.QueueStore.bound; only the newest transfer of a path counts."""
    rows = _rows(connection, NEWEST, task, list(versions))
    return frozenset(row[0] for row in rows if row[3] and _is(row, versions))


def live(connection: Connection, task: str, versions: Versions) -> frozenset[bytes]:
    """ports.QueueStore.live."""
    return frozenset(row[0] for row in _rows(connection, LIVE, task, list(versions)) if _is(row, versions))


def _rows(connection: Connection, statement: str, task: str, paths: Sequence[bytes]) -> Iterable[tuple[Any, ...]]:
    for some in pieces(paths):
        yield from connection.execute(statement.format(marks=", ".join("?" * len(some))), (task, *some))


def _is(row: tuple[Any, ...], versions: Versions) -> bool:
    return (row[1], int(row[2])) == versions[row[0]]
