"""Moves transfers: the one place that changes a state, with its history row, ledger entry and debris."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import debris, ledger, spending
from cloudgather.store.rows import (
    TRANSFER,
    from_instant,
    from_number,
    from_optional_instant,
    from_reason,
    from_sent,
    names,
    to_transfer,
)

# The last attempt is over and the next has not begun.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})
# Moves after which it may be about another version, or go elsewhere.
_ANEW: Final = frozenset({Event.CHANGE, Event.REQUEUE})

_NAMES: Final = tuple(field.name for field in fields(Transfer))
_PUTS: Final = tuple(getattr(Transfer, name).__set__ for name in _NAMES)
_values: Final = attrgetter(*_NAMES)

_SET: Final = (
    "UPDATE transfer SET state = ?, generation = ?, attempts = ?, tries = ?, temporary = ?, sent = ?, reason = ?, "
    "replaces = ?, due = ?, updated = ?, binds = ?"
)
_MOVED: Final = f"{_SET} WHERE id = ?"
# Apart from the others: to name a column costs an update of its indexes, whether it changes or not.
_BEGUN_ANEW: Final = (
    f"{_SET}, target = ?, destination = ?, size = ?, mtime_ns = ?, device = ?, inode = ?, priority = ?, "
    "plan_reason = ?, guessed = ?, run = ?, cleared = 0 WHERE id = ?"
)
_HISTORY: Final = (
    "INSERT INTO move (transfer, task, at, event, before, after, attempt, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def move_all(connection: Connection, moves: Sequence[Move], now: datetime) -> Sequence[Transfer]:
    """ports.queue.QueueStore.move; raises Overtaken, and the caller's transaction undoes those made before."""
    rows = by_id(connection, {move.transfer for move in moves})
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
        rows[row.id] = after = making.make(row, move)
        made.append(after)
    making.write()
    return made


def transfer(connection: Connection, id: int) -> Transfer | None:
    """The transfer of this id."""
    return by_id(connection, [id]).get(id)


def by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Transfer]:
    """Those of these transfers that there are."""
    marks = ", ".join(str(int(id)) for id in ids)
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
            columns = "reason = :reason"
        case Event.REQUEUE:
            columns = "reason = plan_reason, attempts = 0, due = NULL, sent = NULL, cleared = 0"
        case _:
            raise ValueError(f"no order that an operator gives: {event}")
    chosen = f"WHERE {where} AND state IN ({names(states)})"
    rows = connection.execute(f"SELECT id, task, state, attempts FROM transfer {chosen}", values).fetchall()
    at, why = from_instant(now), from_reason(reason)
    settings = {"after": str(after), "at": at, "reason": why, "binds": int(_is_bound(after, reason))}
    try:
        connection.execute(
            f"UPDATE transfer SET state = :after, updated = :at, binds = :binds, temporary = NULL, {columns} {chosen}",
            {**values, **settings},
        )
    except sqlite3.IntegrityError as error:
        raise Overtaken("another transfer of the path of one of them is live") from error
    connection.executemany(
        _HISTORY,
        [(id, task, at, str(event), before, str(after), attempts, why) for id, task, before, attempts in rows],
    )
    return len(rows)


class Making:
    """Moves that are made together: decided one after the other, then written, each row once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        # As they are to be, and whether they bind.
        self._rows: dict[int, tuple[Transfer, bool]] = {}
        self._anew: dict[int, tuple[Transfer, bool]] = {}
        self._history: list[tuple[Any, ...]] = []
        self._copied: list[Move] = []
        self._cleared_away: list[tuple[int, int]] = []
        self._sent: list[Transfer] = []
        self._strengths: list[tuple[Transfer, str]] = []
        self._lost: list[tuple[Transfer, Event]] = []

    def make(self, row: Transfer, move: Move, **fields: Any) -> Transfer:
        """Make one move of `row`, which is as the database has it or as an earlier move has left it.

        `fields` of the transfer are set besides. Raises Overtaken where the table has no such move.
        """
        try:
            state = moved(row.state, move.event)
        except ImpossibleMove as error:
            raise Overtaken(f"transfer {row.id}: {error}") from error
        after = _replaced(row, {**_changes(row, move, state), "updated": self._now, **fields})
        binds = _is_bound(state, move.reason)
        if move.event in _ANEW or row.id in self._anew:
            self._rows.pop(row.id, None)
            self._anew[row.id] = after, binds
        else:
            self._rows[row.id] = after, binds
        self._remember(row, move, state)
        self._follow(row, move)
        return after

    def write(self) -> None:
        """Carry them out. Raises Overtaken where another transfer of the path of one of them is live already."""
        connection, now = self._connection, self._now
        try:
            connection.executemany(_MOVED, [(*_moved(*row), id) for id, row in self._rows.items()])
            anew = [(*_moved(*row), *_begun_anew(row[0]), id) for id, row in self._anew.items()]
            connection.executemany(_BEGUN_ANEW, anew)
        except sqlite3.IntegrityError as error:
            raise Overtaken(f"transfers {sorted(self._rows | self._anew)}: another one of its path is live") from error
        connection.executemany(_HISTORY, self._history)
        if self._copied:
            spending.settle(connection, self._copied, now)
        debris.remove(connection, self._cleared_away)
        ledger.write(connection, self._sent, now)
        ledger.confirm(connection, self._strengths)
        for row, event in self._lost:
            if event is Event.LOSE:
                ledger.lose(connection, row)
            debris.write_again(connection, row)

    def _remember(self, row: Transfer, move: Move, after: State) -> None:
        attempt = row.attempts + (move.event is Event.CLAIM or row.state not in _BETWEEN_ATTEMPTS)
        self._history.append(
            (
                row.id,
                row.task,
                from_instant(self._now),
                str(move.event),
                str(row.state),
                str(after),
                attempt,
                from_reason(move.reason),
            )
        )

    def _follow(self, row: Transfer, move: Move) -> None:
        """What else is true from then on."""
        if row.state is State.COPYING:
            self._copied.append(move)
        if move.swept or move.event is Event.WRITE:
            self._cleared_away.append((row.id, row.tries))
        if move.event is Event.WRITE:
            self._sent.append(row)
        elif move.event is Event.CONFIRM:
            self._strengths.append((row, move.strength or ""))
        if row.state is State.WRITTEN and move.event in (Event.LOSE, Event.GIVE_UP):
            self._lost.append((row, move.event))


def _replaced(row: Transfer, changes: Mapping[str, Any]) -> Transfer:
    """dataclasses.replace, for 40% of what that takes: every file comes here four times."""
    after = object.__new__(Transfer)
    for put, value in zip(_PUTS, _values(row), strict=True):
        put(after, value)
    for name, value in changes.items():
        object.__setattr__(after, name, value)
    return after


def _changes(row: Transfer, move: Move, after: State) -> dict[str, Any]:
    """The fields that a move sets."""
    changes: dict[str, Any] = {"state": after}
    if after is State.QUEUED:
        changes |= {"due": move.due, "sent": None}
    if after not in _WITH_TEMPORARY:
        changes["temporary"] = None
    if move.spend:
        changes["attempts"] = row.attempts + 1
    if move.version is not None:
        changes["version"] = move.version
    match move.event:
        case Event.CLAIM:  # keeps its reason: why the attempt before failed
            changes["tries"] = row.tries + 1
        case Event.CHANGE:
            changes |= {"generation": row.generation + 1, "attempts": 0, "reason": move.reason}
        case Event.REQUEUE:
            other = move.version is not None and not move.version.same_content_as(row.version)
            changes |= {"generation": row.generation + other, "attempts": 0, "reason": move.reason or row.plan_reason}
        case Event.LOSE:  # what is left of it there is ours
            changes |= {"replace": True, "reason": move.reason}
        case Event.PUBLISH:
            changes |= {"sent": move.sent, "reason": move.reason}
        case _:
            changes["reason"] = move.reason
    return changes


def _is_bound(after: State, reason: Reason | None) -> bool:
    """Whether scans pass this version over. A removed task's transfers do not bind one that is added later."""
    removed = reason is not None and reason.code == Code.CANCELLED_TASK_REMOVED
    return after in (State.FAILED, State.CANCELLED) and not removed


def _moved(row: Transfer, binds: bool) -> tuple[Any, ...]:
    return (
        str(row.state),
        row.generation,
        row.attempts,
        row.tries,
        row.temporary,
        from_sent(row.sent),
        from_reason(row.reason),
        int(row.replace),
        from_optional_instant(row.due),
        from_instant(row.updated),
        int(binds),
    )


def _begun_anew(row: Transfer) -> tuple[Any, ...]:
    version = row.version
    return (
        row.target,
        row.destination,
        version.size,
        from_number(version.mtime_ns),
        from_number(version.device),
        from_number(version.inode),
        row.priority,
        from_reason(row.plan_reason),
        int(row.guessed),
        row.run,
    )
