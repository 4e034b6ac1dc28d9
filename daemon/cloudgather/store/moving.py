"""Moves transfers: the one place that changes a state, with its history row, ledger entry and debris."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.core.transfer import LIVE, Event, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import counting, history, many
from cloudgather.store.errors import RowDamaged
from cloudgather.store.making import is_bound, make
from cloudgather.store.rows import TRANSFER, from_instant, from_reason, names, to_transfers

BY_ID: Final = f"SELECT {TRANSFER} FROM transfer WHERE id IN (VALUES {{rows}})"
# Nothing but a move changes a row in these, so that state, generation and try tell what it is.
_MOVED_ONLY: Final = frozenset({State.COPYING, State.PUBLISHING, State.WRITTEN})


def move_all(connection: Connection, moves: Sequence[Move], now: datetime) -> Sequence[Transfer]:
    """ports.queue.QueueStore.move; raises Overtaken, and the caller's transaction undoes those made before."""
    made: list[Transfer] = []
    for move in moves:
        if move.event is Event.CLAIM:
            raise ValueError("a claim is made by QueueStore.claim, which knows what is due")
        made += make(connection, _current(connection, move.transfers), move, now)
    return made


def claim_all(connection: Connection, rows: Sequence[Transfer], now: datetime) -> Sequence[Transfer]:
    """Claim these, which an index has as queued and due, at least one; as they are then."""
    try:
        return make(connection, rows, Move(rows, Event.CLAIM), now)
    except Overtaken as error:
        raise RowDamaged(f"{error}, and an index has it as queued") from error


def transfer(connection: Connection, id: int) -> Transfer | None:
    """The transfer of this id."""
    return by_id(connection, [id]).get(id)


def by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Transfer]:
    """Those of these transfers that there are."""
    found = to_transfers(many.fetch(connection, BY_ID, [(id,) for id in ids]))
    return {each.id: each for each in found}


def _current(connection: Connection, known: Sequence[Transfer]) -> Sequence[Transfer]:
    """As the database has them, unless a move finds out by itself that one is not as it is known."""
    if known[0].state in _MOVED_ONLY:
        return known
    rows = by_id(connection, {each.id for each in known})
    for each in known:
        row = rows.get(each.id)
        if row is None or (row.generation, row.tries) != (each.generation, each.tries):
            raise Overtaken(f"transfer {each.id} is not generation {each.generation}, try {each.tries} any more")
    return [rows[each.id] for each in known]


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

    It comes to what a Move of them does, for less than half the price: an operator's order may be about all
    of a long queue. No two of them that become live are of one path, nor is there a live one of it.
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
    rows = connection.execute(
        f"SELECT id, task, attempts, state FROM transfer {chosen} ORDER BY state, id", values
    ).fetchall()
    for before, those in groupby(rows, itemgetter(3)):
        history.tell(connection, [row[:3] for row in those], [(event, State(before), after, reason)], now)
    settings = {
        "after": str(after),
        "at": from_instant(now),
        "reason": from_reason(reason),
        "live": int(after in LIVE),
        "binds": int(is_bound(after, reason)),
    }
    connection.execute(
        "UPDATE transfer SET state = :after, live = :live, binds = :binds, updated = :at, temporary = NULL, "
        f"{columns} {chosen}",
        {**values, **settings},
    )
    return len(rows)
