"""What has happened to transfers, and forgetting it when it is old."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from sqlite3 import Connection
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import PastMove
from cloudgather.store import many
from cloudgather.store.rows import from_instant, from_reason, reads, to_instant, to_reason

_AT_ONCE: Final = 500
# A row of history tells of one run of ids, at most so many. Those of a transfer begin at most so far before it.
_LONGEST: Final = 256
# The last attempt is over and the next has not begun: it does with the claim.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
NEXT: Final = "SELECT coalesce((SELECT id + last - first + 1 FROM move ORDER BY id DESC LIMIT 1), 1)"
WRITE: Final = (
    "INSERT INTO move (at, event, before, after, reason, id, first, last, task, attempt) "
    "SELECT ?, ?, ?, ?, ?, column1, column2, column3, column4, column5 FROM (VALUES {rows})"
)
_NUMBER: Final = "move.id + transfer.id - first"
_COLUMNS: Final = (
    f"SELECT {_NUMBER}, transfer.id, move.task, path, at, event, before, after, attempt, move.reason FROM "
)
BY_TIME: Final = f"{_COLUMNS} move CROSS JOIN transfer ON transfer.id BETWEEN first AND last"
BY_TRANSFER: Final = (
    f"{_COLUMNS} transfer CROSS JOIN move ON first BETWEEN transfer.id - {_LONGEST - 1} AND transfer.id "
    "AND last >= transfer.id"
)
ORDER: Final = "move.id DESC, transfer.id DESC"
# Of transfers that are gone, from the first to the last; in a run with one that is not, it stays.
FORGET: Final = (
    f"DELETE FROM move WHERE first BETWEEN ?1 - {_LONGEST - 1} AND ?2 AND last >= ?1 "
    "AND NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.id BETWEEN first AND last)"
)
_OUTCOME: Final = "after IN ('done', 'failed', 'cancelled', 'vanished', 'queued')"
# Those that may bind their path come first: without what has come after them they would be its newest.
ENDED: Final = (State.FAILED, State.CANCELLED, State.DONE, State.VANISHED)
UP_TO: Final = (
    "SELECT max(id) FROM (SELECT id FROM transfer INDEXED BY transfer_not_live "
    "WHERE NOT live AND state = ? AND id > ? ORDER BY id LIMIT ?)"
)
OLD: Final = (
    "SELECT id, binds AND NOT EXISTS (SELECT 1 FROM transfer AS newer "
    "WHERE newer.path = transfer.path AND newer.task = transfer.task AND newer.id > transfer.id) "
    "FROM transfer INDEXED BY transfer_not_live "
    "WHERE NOT live AND state = ? AND id > ? AND id <= ? AND updated < ?"
)

# What a line says: the event, the states before and after, and why.
Line = tuple[Event, State, State, Reason | None]


def tell(
    connection: Connection, transfers: Sequence[tuple[int, str, int]], lines: Sequence[Line], now: datetime
) -> None:
    """Write these lines of each of the transfers (id, task, attempts), which are not moved yet."""
    (number,) = connection.execute(NEXT).fetchone()
    spans = list(_spans(transfers))
    for event, before, after, reason in lines:
        under_way = event is Event.CLAIM or before not in _BETWEEN_ATTEMPTS
        shared = from_instant(now), str(event), str(before), str(after), from_reason(reason)
        rows = []
        for first, last, task, attempts in spans:
            rows.append((number, first, last, task, attempts + under_way))
            number += last - first + 1
        many.execute(connection, WRITE, rows, shared)


def _spans(transfers: Sequence[tuple[int, str, int]]) -> Iterator[tuple[int, int, str, int]]:
    """(first, last, task, attempts) of those that follow each other and have the same task and attempts."""
    for (_, task, attempts), those in groupby(enumerate(transfers), _alike):
        ids = [id for _, (id, _, _) in those]
        for begin in range(0, len(ids), _LONGEST):
            some = ids[begin : begin + _LONGEST]
            yield some[0], some[-1], task, attempts


def _alike(numbered: tuple[int, tuple[int, str, int]]) -> tuple[int, str, int]:
    number, (id, task, attempts) = numbered
    return id - number, task, attempts


def moves(
    connection: Connection,
    *,
    task: str | None,
    path: bytes | None,
    transfer: int | None,
    limit: int,
    before_id: int | None,
    outcomes: bool,
) -> Sequence[tuple[int, PastMove]]:
    """ports.queue.QueueStore.history."""
    terms, values = ["1"], dict[str, Any](limit=limit)
    if task is not None:
        terms.append("move.task = :task")
        values["task"] = task
    if path is not None:
        terms.append("path = :path")
        values["path"] = path
    if transfer is not None:
        terms.append("transfer.id = :transfer")
        values["transfer"] = transfer
    if before_id is not None:
        terms += ["move.id < :before", f"{_NUMBER} < :before"]
        values["before"] = before_id
    if outcomes:
        terms.append(_OUTCOME)
    source = BY_TIME if path is None and transfer is None else BY_TRANSFER
    rows = connection.execute(f"{source} WHERE {' AND '.join(terms)} ORDER BY {ORDER} LIMIT :limit", values)
    return [(row[0], _past_move(row)) for row in rows]


def prune_some(connection: Connection, state: State, before: datetime, after: int) -> tuple[int, int | None]:
    """Remove some of the transfers that ended so before, with their history, looking on behind the id `after`.

    Answers with how many went, and with where to look on; None once all have been looked at. What still binds its
    path (the newest transfer of it, failed or cancelled) stays, however old: scans would send the file again.
    """
    (last,) = connection.execute(UP_TO, (str(state), after, _AT_ONCE)).fetchone()
    if last is None:
        return 0, None
    rows = connection.execute(OLD, (str(state), after, last, from_instant(before))).fetchall()
    gone = [(id,) for id, binding in rows if not binding]
    connection.executemany("DELETE FROM transfer WHERE id = ?", gone)
    if gone:
        connection.executemany(FORGET, many.runs([id for (id,) in gone]))
    return len(gone), last


@reads
def _past_move(row: tuple[Any, ...]) -> PastMove:
    return PastMove(
        transfer=row[1],
        task=row[2],
        path=row[3],
        at=to_instant(row[4]),
        event=Event(row[5]),
        before=State(row[6]),
        after=State(row[7]),
        attempt=row[8],
        reason=to_reason(row[9]),
    )
