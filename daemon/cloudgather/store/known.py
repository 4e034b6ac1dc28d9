"""What ledger and queue know of paths and of the versions a scan finds there."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.naming import destination
from cloudgather.core.transfer import Transfer, Version
from cloudgather.ports.queue import Content, LedgerEntry
from cloudgather.store.ledger import entries, pieces
from cloudgather.store.rows import TRANSFER, from_number, reads, to_transfers

# Asked first: files that are new lie beside each other, and mostly nothing is known of what lies between them.
NEAR: Final = (
    "SELECT 1 FROM ledger WHERE task = :task AND path BETWEEN :first AND :last UNION ALL "
    "SELECT 1 FROM transfer INDEXED BY transfer_path WHERE path BETWEEN :first AND :last LIMIT 1"
)
_COMPARED_AT_ONCE: Final = 256  # to prepare a statement for four times as many takes ten times as long
_LACKING: Final = (
    "WITH asked (number, path, size, mtime_ns) AS (VALUES {rows}) SELECT group_concat(number) FROM asked WHERE "
)
_NOT_IN_LEDGER: Final = (  # asked first: of an unchanged tree it is all that is looked for
    "NOT EXISTS (SELECT 1 FROM ledger WHERE task = ? AND ledger.path = asked.path AND ledger.size = asked.size "
    "AND ledger.mtime_ns = asked.mtime_ns AND target = ? AND destination = CAST(? || ledger.path AS BLOB)) AND "
)
_NOT_IN_QUEUE: Final = (
    "NOT EXISTS (SELECT 1 FROM transfer INDEXED BY transfer_path WHERE path = asked.path AND task = ? "
    "AND size = asked.size AND mtime_ns = asked.mtime_ns AND ({passed}))"
)
_NEWEST_BINDS: Final = (
    "binds AND NOT EXISTS (SELECT 1 FROM transfer AS newer "
    "WHERE newer.path = transfer.path AND newer.task = transfer.task AND newer.id > transfer.id)"
)
UNKNOWN: Final = _LACKING + _NOT_IN_LEDGER + _NOT_IN_QUEUE.format(passed=f"live OR {_NEWEST_BINDS}")
NOT_LIVE: Final = _LACKING + _NOT_IN_QUEUE.format(passed="live")
UNDER_WAY: Final = (
    "SELECT path, size, mtime_ns, device, inode FROM transfer INDEXED BY transfer_live "
    "WHERE live AND state != 'queued' AND task = ? AND path IN ({marks})"
)


def newest(connection: Connection, task: str, path: bytes) -> Transfer | None:
    """ports.queue.QueueStore.newest."""
    rows = connection.execute(
        f"SELECT {TRANSFER} FROM transfer WHERE path = ? AND task = ? ORDER BY id DESC LIMIT 1", (path, task)
    ).fetchall()
    return next(iter(to_transfers(rows)), None)


def unknown(
    connection: Connection, task: str, contents: Sequence[Content], target: str, base: bytes, force: bool
) -> frozenset[bytes]:
    """ports.queue.QueueStore.unknown.

    The database compares, and answers with the numbers of what it lacks, in one row: of an unchanged tree nothing is
    made a Python value, and the interpreter's lock is let go of once, not for each file that is new.
    """
    shared = (task,) if force else (task, target, destination(base, b"x")[:-1], task)
    lacking: set[bytes] = set()
    for some in pieces(contents, _COMPARED_AT_ONCE):
        if not _are_near(connection, task, paths := [path for path, _, _ in some]):
            lacking.update(paths)
            continue
        values: list[Any] = []
        for path, size, mtime_ns in some:
            values += (path, size, from_number(mtime_ns))
        (numbers,) = connection.execute(_of_as_many(len(some), force), (*values, *shared)).fetchone()
        if numbers is not None:
            lacking.update(some[int(number)][0] for number in numbers.split(","))
    return frozenset(lacking)


@lru_cache(maxsize=32)
def _of_as_many(contents: int, force: bool) -> str:
    rows = ", ".join([f"({number}, ?, ?, ?)" for number in range(contents)])
    return (NOT_LIVE if force else UNKNOWN).format(rows=rows)


def known(
    connection: Connection, task: str, paths: Sequence[bytes]
) -> tuple[Mapping[bytes, Version], Mapping[bytes, LedgerEntry]]:
    """ports.queue.QueueStore.known."""
    if not paths or not _are_near(connection, task, paths):
        return {}, {}
    return _under_way(connection, task, paths), entries(connection, task, paths)


def _are_near(connection: Connection, task: str, paths: Sequence[bytes]) -> bool:
    """Whether ledger or queue know anything from the first of these paths to the last; there is at least one."""
    values = {"task": task, "first": min(paths), "last": max(paths)}
    return connection.execute(NEAR, values).fetchone() is not None


def _under_way(connection: Connection, task: str, paths: Sequence[bytes]) -> Mapping[bytes, Version]:
    found: dict[bytes, Version] = {}
    for some in pieces(paths):
        for row in connection.execute(UNDER_WAY.format(marks=", ".join("?" * len(some))), (task, *some)):
            path, version = _version(row)
            found[path] = version
    return found


@reads
def _version(row: tuple[Any, ...]) -> tuple[bytes, Version]:
    return row[0], Version(size=row[1], mtime_ns=int(row[2]), device=int(row[3]), inode=int(row[4]))
