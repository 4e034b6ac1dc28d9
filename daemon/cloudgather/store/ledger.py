"""The ledger: what has been dealt with, by task and path, the newest only."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final, TypeVar

from cloudgather.core.clashes import folded
from cloudgather.core.transfer import Plan, Transfer
from cloudgather.ports.queue import LedgerEntry, Origin
from cloudgather.store import many
from cloudgather.store.rows import from_instant, from_number, reads, to_instant

T = TypeVar("T")

_ENTRY: Final = "task, path, size, mtime_ns, origin, target, destination, target_size, digest, transfer, strength, at"
_PUT: Final = f"INSERT OR REPLACE INTO ledger ({_ENTRY}, folded) VALUES {{rows}}"
WRITE: Final = (
    f"INSERT OR REPLACE INTO ledger ({_ENTRY}, folded) "
    "SELECT task, path, size, mtime_ns, ?, target, destination, NULL, sent.column2, id, ?, ?, sent.column3 "
    "FROM (VALUES {rows}) AS sent CROSS JOIN transfer ON id = sent.column1"
)
CONFIRM: Final = (
    "UPDATE ledger SET strength = ? FROM (VALUES {rows}) AS proof "
    "WHERE task = proof.column1 AND path = proof.column2 AND transfer = proof.column3"
)
SENT_NEAR: Final = "SELECT 1 FROM ledger WHERE origin = 'sent' AND target = ? AND folded BETWEEN ? AND ? LIMIT 1"
SENT_THERE: Final = f"SELECT {_ENTRY} FROM ledger WHERE origin = 'sent' AND target = ? AND folded IN ({{marks}})"


def entries(connection: Connection, task: str, paths: Sequence[bytes]) -> Mapping[bytes, LedgerEntry]:
    """ports.queue.QueueStore.ledger."""
    found: dict[bytes, LedgerEntry] = {}
    for some in pieces(paths):
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT {_ENTRY} FROM ledger WHERE task = ? AND path IN ({marks})", (task, *some))
        found.update((row[1], _entry(row)) for row in rows)
    return found


def page(connection: Connection, task: str, after: bytes | None, limit: int) -> Sequence[LedgerEntry]:
    """ports.queue.QueueStore.ledger_of."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM ledger WHERE task = ? AND path > ? ORDER BY path LIMIT ?", (task, after or b"", limit)
    )
    return [_entry(row) for row in rows]


def sent_there(connection: Connection, target: str, places: Sequence[bytes]) -> Sequence[LedgerEntry]:
    """ports.queue.QueueStore.sent_there."""
    found: list[LedgerEntry] = []
    for some in pieces(places):
        if connection.execute(SENT_NEAR, (target, min(some), max(some))).fetchone() is None:
            continue
        rows = connection.execute(SENT_THERE.format(marks=", ".join("?" * len(some))), (target, *some))
        found += [_entry(row) for row in rows]
    return found


def has_sent(connection: Connection, plan: Plan) -> bool:
    """Whether this version was sent to this place: planning and sending may overlap."""
    known = entries(connection, plan.task, [plan.path]).get(plan.path)
    return (
        known is not None
        and known.origin is Origin.SENT
        and (known.size, known.mtime_ns) == (plan.version.size, plan.version.mtime_ns)
        and (known.target, known.destination) == (plan.target, plan.destination)
    )


def adopt(connection: Connection, entries: Sequence[LedgerEntry]) -> None:
    """ports.queue.QueueStore.adopt."""
    many.execute(
        connection,
        _PUT,
        [
            (
                entry.task,
                entry.path,
                entry.size,
                from_number(entry.mtime_ns),
                str(entry.origin),
                entry.target,
                entry.destination,
                entry.target_size,
                entry.digest,
                entry.transfer,
                entry.strength,
                from_instant(entry.at),
                folded(entry.destination),
            )
            for entry in entries
        ],
    )


def write(connection: Connection, rows: Sequence[Transfer], strength: str, now: datetime) -> None:
    """These transfers stand under their final names; how well confirmed, if anything is known yet of the cloud."""
    sent = [(row.id, row.sent.digest if row.sent else None, folded(row.destination)) for row in rows]
    many.execute(connection, WRITE, sent, (str(Origin.SENT), strength, from_instant(now)))


def confirm(connection: Connection, rows: Sequence[Transfer], strength: str) -> None:
    """Note how strong the proofs are, unless another transfer of the path has been written since."""
    many.execute(connection, CONFIRM, [(row.task, row.path, row.id) for row in rows], (strength,))


def lose(connection: Connection, rows: Sequence[Transfer]) -> None:
    """The cloud lost them: they count as never sent, unless another transfer of the path has been written since."""
    lost = [(row.task, row.path, row.id) for row in rows]
    connection.executemany("DELETE FROM ledger WHERE task = ? AND path = ? AND transfer = ?", lost)


def pieces(values: Sequence[T], most: int = 500) -> Iterator[Sequence[T]]:
    """So many at a time that a statement can name them."""
    for begin in range(0, len(values), most):
        yield values[begin : begin + most]


@reads
def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    return LedgerEntry(
        task=row[0],
        path=row[1],
        size=row[2],
        mtime_ns=int(row[3]),
        origin=Origin(row[4]),
        target=row[5],
        destination=row[6],
        target_size=row[7],
        digest=row[8],
        transfer=row[9],
        strength=row[10],
        at=to_instant(row[11]),
    )
