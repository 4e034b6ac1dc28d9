"""What a move changes: the row, its history, the ledger and debris; decided one by one, written all together."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import counting, debris, ledger, many, spending
from cloudgather.store.rows import from_instant, from_number, from_optional_instant, from_reason, from_sent

# The last attempt is over and the next has not begun.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})
_LEAVES_NONE: Final = frozenset({Event.PUBLISH, Event.WRITE})  # the try goes on, or it was renamed
_MAY_BIND: Final = frozenset({State.FAILED, State.CANCELLED})
_MAY_BE_CLEARED: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.VANISHED})
# Moves after which it may be about another version, or go elsewhere.
_ANEW: Final = frozenset({Event.CHANGE, Event.REQUEUE})

_SHARED: Final = frozenset({"state", "updated"})  # by those that are written together
# What else is written of a transfer of which this has changed.
_COLUMNS: Final[Mapping[str, Mapping[str, Callable[[Transfer], Any]]]] = {
    **{name: {name: attrgetter(name)} for name in ("generation", "attempts", "tries", "temporary")},
    **{name: {name: attrgetter(name)} for name in ("target", "destination", "priority", "run")},
    "sent": {"sent": lambda row: from_sent(row.sent)},
    "reason": {"reason": lambda row: from_reason(row.reason)},
    "plan_reason": {"plan_reason": lambda row: from_reason(row.plan_reason)},
    "replace": {"replaces": lambda row: int(row.replace)},
    "guessed": {"guessed": lambda row: int(row.guessed)},
    "due": {"due": lambda row: from_optional_instant(row.due)},
    "version": {
        "size": lambda row: row.version.size,
        "mtime_ns": lambda row: from_number(row.version.mtime_ns),
        "device": lambda row: from_number(row.version.device),
        "inode": lambda row: from_number(row.version.inode),
    },
    "binds": {"binds": lambda row: int(is_bound(row.state, row.reason))},
    "cleared": {"cleared": lambda row: 0},
}
# A row names the transfer, its task and the attempt.
HISTORY: Final = (
    "INSERT INTO move (at, event, before, after, reason, transfer, task, attempt) "
    "SELECT ?, ?, ?, ?, ?, made.* FROM (VALUES {rows}) AS made"
)


@lru_cache(maxsize=64)
def update(
    before: State, after: State, changed: tuple[str, ...]
) -> tuple[str, Sequence[Callable[[Transfer], Any]], bool]:
    """The statement that writes what has changed and nothing else: to name a column costs an update of its indexes.

    Its rows share the instant. Each names the transfer, the generation and try that it must have, and the values that
    these make of it. The last answer: whether the database counts what it changes.
    """
    columns = [column for name in changed if name not in _SHARED for column in _COLUMNS[name].items()]
    values = "".join(f", {name} = made.column{number}" for number, (name, _) in enumerate(columns, 4))
    counts_itself = not counting.COUNTED.isdisjoint(name for name, _ in columns)
    count = f", {counting.COUNT}" if before in _MAY_BE_CLEARED and not counts_itself else ""
    statement = (
        f"UPDATE transfer SET updated = ?, state = '{after}'{values}{count} FROM (VALUES {{rows}}) AS made "
        f"WHERE transfer.id = made.column1 AND transfer.state = '{before}' "
        "AND transfer.generation = made.column2 AND transfer.tries = made.column3"
    )
    return statement, [value for _, value in columns], counts_itself or bool(count)


_Line = tuple[Event, State, State, Reason | None]  # before, after


class Making:
    """Moves that are made together, of a transfer at most one: decided one after the other, then all written."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._made: list[tuple[Transfer, Transfer, dict[str, Any]]] = []  # before, after, and what has changed
        # Each of these transfers gets these lines, in the order of the moves.
        self._history: list[tuple[Sequence[_Line], list[tuple[int, str, int]]]] = []
        self._copied: list[Move] = []
        self._left: list[Transfer] = []  # whose temporary may be there
        self._sent: list[tuple[Transfer, str]] = []
        self._confirmed: list[tuple[Transfer, str]] = []
        self._lost: list[tuple[Transfer, Event]] = []

    def make(self, row: Transfer, move: Move, **fields: Any) -> Transfer:
        """Make one move of `row`, which is as the database has it; `fields` of the transfer are set besides.

        Raises Overtaken where the table has no such move.
        """
        try:
            lines = _lines(row.state, move)
        except ImpossibleMove as error:
            raise Overtaken(f"transfer {row.id}: {error}") from error
        _, _, state, _ = lines[-1]
        changes = _changes(row, move, state)
        changes["updated"] = self._now
        changes |= fields
        after = row._replace(**changes)
        if state in _MAY_BIND or row.state in _MAY_BIND:
            changes["binds"] = None
        if move.event in _ANEW:
            changes["cleared"] = None
        self._made.append((row, after, changes))
        self._remember(row, lines)
        self._follow(row, move)
        return after

    def write(self) -> None:
        """Carry them out. Raises Overtaken where a row is not as it was taken for, or another transfer of its path is
        live already.
        """
        connection, now = self._connection, self._now
        try:
            changed = self._write_rows()
        except sqlite3.IntegrityError as error:
            raise Overtaken(f"transfers {self._ids()}: another one of its path is live") from error
        if changed != len(self._made):
            raise Overtaken(f"transfers {self._ids()}: one is in another state, generation or try by now")
        for lines, rows in self._history:
            for event, before, after, reason in lines:
                shared = from_instant(now), str(event), str(before), str(after), from_reason(reason)
                many.execute(connection, HISTORY, rows, shared)
        if self._copied:
            spending.settle(connection, self._copied, now)
        debris.write(connection, self._left)
        ledger.write(connection, self._sent, now)
        ledger.confirm(connection, self._confirmed)
        for row, event in self._lost:
            if event is Event.LOSE:
                ledger.lose(connection, row)
            debris.write_again(connection, row)

    def _write_rows(self) -> int:
        alike: dict[tuple[State, State, tuple[str, ...]], list[tuple[Transfer, Transfer]]] = {}
        for before, after, changes in self._made:
            alike.setdefault((before.state, after.state, tuple(changes)), []).append((before, after))
        changed = 0
        for (state, new_state, names), made in alike.items():
            statement, values, counts_itself = update(state, new_state, names)
            rows = [(row.id, row.generation, row.tries, *[value(after) for value in values]) for row, after in made]
            changed += many.execute(self._connection, statement, rows, (from_instant(self._now),))
            if not counts_itself:
                counting.moved(self._connection, [row for row, _ in made], state, new_state, self._now)
        return changed

    def _ids(self) -> list[int]:
        return sorted(row.id for row, _, _ in self._made)

    def _remember(self, row: Transfer, lines: Sequence[_Line]) -> None:
        if not self._history or self._history[-1][0] != lines:
            self._history.append((lines, []))
        attempt = row.attempts + (row.state not in _BETWEEN_ATTEMPTS)
        self._history[-1][1].append((row.id, row.task, attempt))

    def _follow(self, row: Transfer, move: Move) -> None:
        """What else is true from then on."""
        if row.state is State.COPYING:
            self._copied.append(move)
        if row.state in _WITH_TEMPORARY and move.event not in _LEAVES_NONE and not move.swept:
            self._left.append(row)
        if move.event is Event.WRITE:
            self._sent.append((row, move.strength or ""))
        elif move.event is Event.CONFIRM:
            self._confirmed.append((row, move.strength or ""))
        if row.state is State.WRITTEN and move.event in (Event.LOSE, Event.GIVE_UP):
            self._lost.append((row, move.event))


def _lines(before: State, move: Move) -> Sequence[_Line]:
    """What history tells of it; raises ImpossibleMove."""
    after = moved(before, move.event)
    line = move.event, before, after, move.reason
    if move.confirmed is None:
        return (line,)
    return line, (Event.CONFIRM, after, moved(after, Event.CONFIRM), move.confirmed)


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
        case Event.PUBLISH:  # first, since every file comes here
            changes |= {"sent": move.sent, "reason": move.reason}
        case Event.CLAIM:  # keeps its reason: why the attempt before failed
            changes["tries"] = row.tries + 1
        case Event.CHANGE:
            changes |= {"generation": row.generation + 1, "attempts": 0, "reason": move.reason}
        case Event.REQUEUE:
            other = move.version is not None and not move.version.same_content_as(row.version)
            changes |= {"generation": row.generation + other, "attempts": 0, "reason": move.reason or row.plan_reason}
        case Event.LOSE:  # what is left of it there is ours
            changes |= {"replace": True, "reason": move.reason}
        case Event.WRITE:
            changes["reason"] = move.confirmed or move.reason
        case _:
            changes["reason"] = move.reason
    return changes


def is_bound(after: State, reason: Reason | None) -> bool:
    """Whether scans pass this version over. A removed task's transfers do not bind one that is added later."""
    removed = reason is not None and reason.code == Code.CANCELLED_TASK_REMOVED
    return after in (State.FAILED, State.CANCELLED) and not removed
