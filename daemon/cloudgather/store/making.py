"""What a move changes: the row, its history, the ledger and debris; decided one by one, written all together."""

import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import debris, ledger, many, spending
from cloudgather.store.rows import from_instant, from_number, from_optional_instant, from_reason, from_sent

# The last attempt is over and the next has not begun.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})
# Moves after which it may be about another version, or go elsewhere.
_ANEW: Final = frozenset({Event.CHANGE, Event.REQUEUE})

_NAMES: Final = tuple(field.name for field in fields(Transfer))
_PUTS: Final = tuple(getattr(Transfer, name).__set__ for name in _NAMES)
_values: Final = attrgetter(*_NAMES)

_COLUMNS: Final = "state, generation, attempts, tries, temporary, sent, reason, replaces, due, updated, binds"
# Apart from the others: to name a column costs an update of its indexes, whether it changes or not.
_ALSO_ANEW: Final = "target, destination, size, mtime_ns, device, inode, priority, plan_reason, guessed, run, cleared"
HISTORY: Final = "INSERT INTO move (transfer, task, at, event, before, after, attempt, reason) VALUES {rows}"


def _update(columns: str) -> str:
    """A row names the transfer, what it must be as yet (state, generation, try), and what it is to be."""
    values = ", ".join(f"made.column{number}" for number in range(5, 6 + columns.count(",")))
    return (
        f"UPDATE transfer SET ({columns}) = ({values}) FROM (VALUES {{rows}}) AS made "
        "WHERE transfer.id = made.column1 AND transfer.state = made.column2 "
        "AND transfer.generation = made.column3 AND transfer.tries = made.column4"
    )


MOVED: Final = _update(_COLUMNS)
BEGUN_ANEW: Final = _update(f"{_COLUMNS}, {_ALSO_ANEW}")


class Making:
    """Moves that are made together: decided one after the other, then written, each row once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._before: dict[int, Transfer] = {}
        self._after: dict[int, Transfer] = {}
        self._anew: dict[int, Transfer] = {}
        self._history: list[tuple[Any, ...]] = []
        self._copied: list[Move] = []
        self._cleared_away: list[tuple[int, int]] = []
        self._sent: dict[int, Transfer] = {}
        self._strengths: dict[int, tuple[Transfer, str]] = {}
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
        self._before.setdefault(row.id, row)
        if move.event in _ANEW or row.id in self._anew:
            self._after.pop(row.id, None)
            self._anew[row.id] = after
        else:
            self._after[row.id] = after
        self._remember(row, move, state)
        self._follow(row, move)
        return after

    def write(self) -> None:
        """Carry them out. Raises Overtaken where a row is not as it was taken for, or another transfer of its path is
        live already.
        """
        connection, now = self._connection, self._now
        after = [(*self._as_yet(id), *_moved(row)) for id, row in self._after.items()]
        anew = [(*self._as_yet(id), *_moved(row), *_begun_anew(row)) for id, row in self._anew.items()]
        try:
            changed = many.execute(connection, MOVED, after) + many.execute(connection, BEGUN_ANEW, anew)
        except sqlite3.IntegrityError as error:
            raise Overtaken(f"transfers {sorted(self._before)}: another one of its path is live") from error
        if changed != len(self._before):
            raise Overtaken(f"transfers {sorted(self._before)}: one is in another state, generation or try by now")
        many.execute(connection, HISTORY, self._history)
        if self._copied:
            spending.settle(connection, self._copied, now)
        debris.remove(connection, self._cleared_away)
        ledger.write(connection, [(row, self._strengths.pop(id, (row, ""))[1]) for id, row in self._sent.items()], now)
        ledger.confirm(connection, self._strengths.values())
        for row, event in self._lost:
            if event is Event.LOSE:
                ledger.lose(connection, row)
            debris.write_again(connection, row)

    def _as_yet(self, id: int) -> tuple[int, str, int, int]:
        row = self._before[id]
        return row.id, str(row.state), row.generation, row.tries

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
            self._sent[row.id] = row
        elif move.event is Event.CONFIRM:
            self._strengths[row.id] = row, move.strength or ""
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


def is_bound(after: State, reason: Reason | None) -> bool:
    """Whether scans pass this version over. A removed task's transfers do not bind one that is added later."""
    removed = reason is not None and reason.code == Code.CANCELLED_TASK_REMOVED
    return after in (State.FAILED, State.CANCELLED) and not removed


def _moved(row: Transfer) -> tuple[Any, ...]:
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
        int(is_bound(row.state, row.reason)),
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
        0,
    )
