"""What has happened to transfers, and forgetting it when it is old."""

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import PastMove
from cloudgather.store.rows import from_instant, reads, to_instant, to_reason

_AT_ONCE: Final = 500
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
        terms.append("move.transfer IN (SELECT id FROM transfer WHERE path = :path)")
        values["path"] = path
    if transfer is not None:
        terms.append("move.transfer = :transfer")
        values["transfer"] = transfer
    if before_id is not None:
        terms.append("move.id < :before")
        values["before"] = before_id
    if outcomes:
        terms.append(_OUTCOME)
    rows = connection.execute(
        "SELECT move.id, move.transfer, move.task, path, at, event, before, after, attempt, move.reason "
        "FROM move JOIN transfer ON transfer.id = move.transfer "
        f"WHERE {' AND '.join(terms)} ORDER BY move.id DESC LIMIT :limit",
        values,
    )
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
    connection.executemany("DELETE FROM move WHERE transfer = ?", gone)
    connection.executemany("DELETE FROM transfer WHERE id = ?", gone)
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
