"""Moves transfers: the one place that changes a state, with its history row, ledger entry and debris."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cloudgather.core.transfer import Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports import Move, Overtaken
from cloudgather.store import debris, ledger, spending
from cloudgather.store.rows import (
    TRANSFER,
    assignments,
    from_instant,
    from_optional_instant,
    from_reason,
    from_sent,
    from_version,
    to_transfer,
)

# The last attempt is over and the next has not begun.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})


def move_all(connection: Connection, moves: Sequence[Move], now: datetime) -> Sequence[Transfer]:
    """ports.QueueStore.move; raises Overtaken, and the caller's savepoint undoes those made before."""
    return [_move(connection, move, now) for move in moves]


def transfer(connection: Connection, id: int) -> Transfer | None:
    """The transfer of this id."""
    row = connection.execute(f"SELECT {TRANSFER} FROM transfer WHERE id = ?", (id,)).fetchone()
    return None if row is None else to_transfer(row)


def _move(connection: Connection, move: Move, now: datetime) -> Transfer:
    if move.event is Event.CLAIM:
        raise ValueError("a claim is made by QueueStore.claim, which gives the transfer its temporary name")
    row = transfer(connection, move.transfer)
    if row is None or row.generation != move.generation:
        raise Overtaken(f"transfer {move.transfer} is not generation {move.generation} any more")
    return make(connection, row, move, now)


def make(connection: Connection, row: Transfer, move: Move, now: datetime, **columns: Any) -> Transfer:
    """Make one move of `row`, which is as the database has it; `columns` are set besides.

    Raises Overtaken where the table has no such move, or where another transfer of the path is live already.
    """
    try:
        after = moved(row.state, move.event)
    except ImpossibleMove as error:
        raise Overtaken(f"transfer {row.id}: {error}") from error
    changes = _changes(row, move, after) | {"updated": from_instant(now)} | columns
    try:
        (changed,) = connection.execute(
            f"UPDATE transfer SET {assignments(changes)} WHERE id = :id RETURNING {TRANSFER}", changes | {"id": row.id}
        ).fetchall()
    except sqlite3.IntegrityError as error:
        raise Overtaken(f"transfer {row.id}: another one of its path is live") from error
    _write_history(connection, row, move, after, now)
    _follow(connection, row, move, now)
    return to_transfer(changed)


def _changes(row: Transfer, move: Move, after: State) -> dict[str, Any]:
    """The columns that a move sets."""
    changes: dict[str, Any] = {"state": str(after), "binds": int(_binds(move, after))}
    if after is State.QUEUED:
        changes |= {"due": from_optional_instant(move.due), "sent": None}
    if after not in _WITH_TEMPORARY:
        changes["temporary"] = None
    if move.spend:
        changes["attempts"] = row.attempts + 1
    if move.version is not None:
        changes |= from_version(move.version)
    match move.event:
        case Event.CLAIM:  # keeps its reason: why the attempt before failed
            changes["tries"] = row.tries + 1
        case Event.CHANGE:
            changes |= {"generation": row.generation + 1, "attempts": 0, "reason": from_reason(move.reason)}
        case Event.REQUEUE:
            other = move.version is not None and not move.version.same_content_as(row.version)
            changes |= {"generation": row.generation + other, "attempts": 0, "cleared": 0}
            changes["reason"] = from_reason(move.reason or row.plan_reason)
        case Event.LOSE:  # what is left of it there is ours
            changes |= {"replaces": 1, "reason": from_reason(move.reason)}
        case Event.PUBLISH:
            changes |= {"sent": from_sent(move.sent), "reason": from_reason(move.reason)}
        case _:
            changes["reason"] = from_reason(move.reason)
    return changes


def _binds(move: Move, after: State) -> bool:
    """Whether scans pass this version over. A removed task's transfers do not bind one that is added later."""
    removed = move.reason is not None and move.reason.code == Code.CANCELLED_TASK_REMOVED
    return after in (State.FAILED, State.CANCELLED) and not removed


def _write_history(connection: Connection, row: Transfer, move: Move, after: State, now: datetime) -> None:
    attempt = row.attempts + (move.event is Event.CLAIM or row.state not in _BETWEEN_ATTEMPTS)
    connection.execute(
        "INSERT INTO move (transfer, task, at, event, before, after, attempt, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row.id,
            row.task,
            from_instant(now),
            str(move.event),
            str(row.state),
            str(after),
            attempt,
            from_reason(move.reason),
        ),
    )


def _follow(connection: Connection, row: Transfer, move: Move, now: datetime) -> None:
    """What else is true from then on."""
    if row.state is State.COPYING:
        spending.settle(connection, row, move, now)
    if move.swept or move.event is Event.WRITE:
        debris.remove(connection, row.id, row.tries)
    if move.event is Event.WRITE:
        ledger.write(connection, row, now)
    elif move.event is Event.CONFIRM:
        ledger.confirm(connection, row, move.strength or "")
    elif move.event is Event.LOSE:
        ledger.lose(connection, row)
    if row.state is State.WRITTEN and move.event in (Event.LOSE, Event.GIVE_UP):
        debris.write_again(connection, row)
