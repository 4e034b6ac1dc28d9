"""Moves transfers: the one place that changes a state, with its history row, ledger entry and debris."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import counting, debris, many
from cloudgather.store.errors import RowDamaged
from cloudgather.store.making import HISTORY, Making, is_bound
from cloudgather.store.rows import TRANSFER, from_instant, from_reason, names, to_transfer

# It keeps its reason: why the attempt before failed. The + has them found by their ids, not by the index of states.
CLAIM: Final = (
    "UPDATE transfer SET state = ?, updated = ?, tries = tries + 1, "
    "temporary = CAST(printf(?, ?, id, tries + 1) AS BLOB) "
    f"WHERE +state = ? AND id IN (VALUES {{rows}}) RETURNING {TRANSFER}"
)
# Nothing but a move changes a row in these, so that state, generation and try tell what it is.
_MOVED_ONLY: Final = frozenset({State.COPYING, State.PUBLISHING, State.WRITTEN})


def move_all(connection: Connection, moves: Sequence[Move], now: datetime) -> Sequence[Transfer]:
    """ports.queue.QueueStore.move; raises Overtaken, and the caller's transaction undoes those made before."""
    rows = {move.transfer: move.known for move in moves if move.known is not None and move.known.state in _MOVED_ONLY}
    rows |= by_id(connection, {move.transfer for move in moves} - rows.keys())
    making = Making(connection, now)
    made = []
    for move in moves:
        if move.event is Event.CLAIM:
            raise ValueError("a claim is made by QueueStore.claim, which gives the transfer its temporary name")
        row = rows.get(move.transfer)
        if row is None or row.generation != move.generation:
            raise Overtaken(f"transfer {move.transfer} is not generation {move.generation} any more")
        if move.tries not in (None, row.tries):
            raise Overtaken(f"transfer {move.transfer} is not at its try {move.tries} any more")
        made.append(making.make(row, move))
    making.write()
    return made


def claim_all(connection: Connection, ids: Sequence[int], now: datetime) -> Sequence[Transfer]:
    """Claim these, which are queued and due; as they are then, in this order.

    It comes to what Making does with each of them, without reading them before.
    """
    before, at = State.QUEUED, from_instant(now)
    after = moved(before, Event.CLAIM)
    settings = (str(after), at, debris.TEMPORARY, debris.daemon_id(connection), str(before))
    rows = {row[0]: to_transfer(row) for row in many.fetch(connection, CLAIM, [(id,) for id in ids], settings)}
    if len(rows) != len(ids):
        raise RowDamaged(f"transfers {sorted({*ids} - rows.keys())} are not as the index has them")
    claimed = [rows[id] for id in ids]
    many.execute(
        connection,
        HISTORY,
        [(row.id, row.task, row.attempts + 1) for row in claimed],
        (at, str(Event.CLAIM), str(before), str(after), None),
    )
    counting.moved(connection, claimed, before, after, now)
    return claimed


def transfer(connection: Connection, id: int) -> Transfer | None:
    """The transfer of this id."""
    return by_id(connection, [id]).get(id)


def by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Transfer]:
    """Those of these transfers that there are."""
    if not (marks := ", ".join(str(int(id)) for id in ids)):
        return {}
    rows = connection.execute(f"SELECT {TRANSFER} FROM transfer WHERE id IN ({marks})")
    return {row[0]: to_transfer(row) for row in rows}


def make(connection: Connection, row: Transfer, move: Move, now: datetime, **fields: Any) -> Transfer:
    """Making.make of one move, written at once."""
    making = Making(connection, now)
    made = making.make(row, move, **fields)
    making.write()
    return made


def order(
    connection: Connection,
    where: str,
    values: Mapping[str, Any],
    *,
    event: Event,
    states: Collection[State],
    reason: Reason | None,
    now: datetime,
) -> int:
    """Make this move of all in these states that `where` holds for; answers with how many there were.

    It comes to what Making does with each of them, for less than half the price: an operator's order may be about all
    of a long queue. Raises Overtaken, with nothing changed, where two transfers of one path would be live.
    """
    (after,) = {moved(before, event) for before in states}
    match event:
        case Event.CANCEL:
            columns = f"reason = :reason, {counting.COUNT}"
        case Event.REQUEUE:
            columns = "reason = plan_reason, attempts = 0, due = NULL, sent = NULL, cleared = 0"
        case _:
            raise ValueError(f"no order that an operator gives: {event}")
    chosen = f"WHERE {where} AND state IN ({names(states)})"
    rows = connection.execute(f"SELECT id, task, attempts, state FROM transfer {chosen}", values).fetchall()
    at, why = from_instant(now), from_reason(reason)
    settings = {"after": str(after), "at": at, "reason": why, "binds": int(is_bound(after, reason))}
    try:
        connection.execute(
            f"UPDATE transfer SET state = :after, updated = :at, binds = :binds, temporary = NULL, {columns} {chosen}",
            {**values, **settings},
        )
    except sqlite3.IntegrityError as error:
        raise Overtaken("another transfer of the path of one of them is live") from error
    for before in sorted({row[-1] for row in rows}):
        ordered = [row[:-1] for row in rows if row[-1] == before]
        many.execute(connection, HISTORY, ordered, (at, str(event), before, str(after), why))
    return len(rows)
