"""What a move changes: rows, their history, the ledger and debris; what transfers have in common is written once."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import counting, debris, ledger, many, spending
from cloudgather.store.rows import from_instant, from_number, from_optional_instant, from_reason, from_sent

# The last attempt is over and the next has not begun: it does with the claim.
_BETWEEN_ATTEMPTS: Final = frozenset({State.QUEUED, State.FAILED, State.CANCELLED})
_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})
_LEAVES_NONE: Final = frozenset({Event.PUBLISH, Event.WRITE})  # the try goes on, or it was renamed
_MAY_BIND: Final = frozenset({State.FAILED, State.CANCELLED})
_MAY_BE_CLEARED: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.VANISHED})
# Moves after which it may be about another version, or go elsewhere.
_ANEW: Final = frozenset({Event.CHANGE, Event.REQUEUE})

# What is written of a transfer of which this has changed.
_COLUMNS: Final[Mapping[str, Mapping[str, Callable[[Transfer], Any]]]] = {
    **{name: {name: attrgetter(name)} for name in ("generation", "attempts", "tries", "temporary")},
    **{name: {name: attrgetter(name)} for name in ("target", "destination", "priority", "run")},
    "state": {"state": lambda row: str(row.state)},
    "sent": {"sent": lambda row: from_sent(row.sent)},
    "reason": {"reason": lambda row: from_reason(row.reason)},
    "plan_reason": {"plan_reason": lambda row: from_reason(row.plan_reason)},
    "replace": {"replaces": lambda row: int(row.replace)},
    "guessed": {"guessed": lambda row: int(row.guessed)},
    "due": {"due": lambda row: from_optional_instant(row.due)},
    "updated": {"updated": lambda row: from_instant(row.updated)},
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

_Values = Sequence[Callable[[Transfer], Any]]


def make(connection: Connection, rows: Sequence[Transfer], move: Move, now: datetime, **fields: Any) -> list[Transfer]:
    """Make one move of `rows`, which are as the database has them; these `fields` of all are set, whatever it sets.

    Raises Overtaken where the table has no such move, a row is not as it was taken for, or another transfer of its path
    is live already; the caller's transaction undoes what was written.
    """
    before, ids = rows[0].state, [row.id for row in rows]
    try:
        lines = _lines(before, move)
    except ImpossibleMove as error:
        raise Overtaken(f"transfers {ids}: {error}") from error
    _, _, after, _ = lines[-1]
    alike = {**_alike(after, move), "updated": now}
    each = _each(connection, rows, move)
    made = [row._replace(**{**alike, **own, **fields}) for row, own in zip(rows, each, strict=True)]
    besides = {"binds": before in _MAY_BIND or after in _MAY_BIND, "cleared": move.event in _ANEW}
    shared = (*(alike | fields), *(name for name, changes in besides.items() if changes))
    own = tuple(name for name in each[0] if name not in fields)
    try:
        changed = _write(connection, rows, made, shared, own)
    except sqlite3.IntegrityError as error:
        raise Overtaken(f"transfers {ids}: another one of the path of one of them is live") from error
    if changed != len(rows):
        raise Overtaken(f"transfers {ids}: one is in another state, generation or try by now")
    under_way = move.event is Event.CLAIM or before not in _BETWEEN_ATTEMPTS
    told = [(row.id, row.task, row.attempts + under_way) for row in rows]
    for event, old, new, reason in lines:
        line = from_instant(now), str(event), str(old), str(new), from_reason(reason)
        many.execute(connection, HISTORY, told, line)
    _follow(connection, rows, move, now)
    return made


def _lines(before: State, move: Move) -> Sequence[tuple[Event, State, State, Reason | None]]:
    """What history tells of it: the event, the states before and after, why; raises ImpossibleMove."""
    after = moved(before, move.event)
    line = move.event, before, after, move.reason
    if move.confirmed is None:
        return (line,)
    return line, (Event.CONFIRM, after, moved(after, Event.CONFIRM), move.confirmed)


def _alike(after: State, move: Move) -> dict[str, Any]:
    """The fields that a move sets, in all transfers to the same."""
    changes: dict[str, Any] = {"state": after}
    if after is State.QUEUED:
        changes |= {"due": move.due, "sent": None}
    if after not in _WITH_TEMPORARY:
        changes["temporary"] = None
    if move.version is not None:
        changes["version"] = move.version
    match move.event:
        case Event.CLAIM | Event.REQUEUE:  # a claimed one keeps its reason: why the attempt before failed
            pass
        case Event.LOSE:  # what is left of it there is ours
            changes |= {"replace": True, "reason": move.reason}
        case Event.WRITE:
            changes["reason"] = move.confirmed or move.reason
        case _:
            changes["reason"] = move.reason
    if move.event in _ANEW:
        changes["attempts"] = 0
    return changes


def _each(connection: Connection, rows: Sequence[Transfer], move: Move) -> Sequence[Mapping[str, Any]]:
    """The other fields that it sets: the same ones in each transfer."""
    match move.event:
        case Event.CLAIM:
            name = partial(debris.temporary_name, debris.daemon_id(connection))
            return [{"tries": row.tries + 1, "temporary": name(row.id, row.tries + 1)} for row in rows]
        case Event.PUBLISH:
            return [{"sent": sent} for sent in move.sent]
        case Event.CHANGE:
            return [{"generation": row.generation + 1} for row in rows]
        case Event.REQUEUE:
            version = move.version
            return [
                {
                    "generation": row.generation + (version is not None and not version.same_content_as(row.version)),
                    "reason": move.reason or row.plan_reason,
                }
                for row in rows
            ]
        case _:
            return [{"attempts": row.attempts + 1} for row in rows] if move.spend else [{}] * len(rows)


def _write(
    connection: Connection,
    rows: Sequence[Transfer],
    made: Sequence[Transfer],
    shared: tuple[str, ...],
    own: tuple[str, ...],
) -> int:
    """How many were as these rows are, and are now as they were `made`: these of their fields have changed."""
    before, after = rows[0].state, made[0]
    statement, alike, each, counts_itself = update(before, shared, own)
    marked = [
        (old.id, old.generation, old.tries, *[of(new) for of in each]) for old, new in zip(rows, made, strict=True)
    ]
    changed = many.execute(connection, statement, marked, tuple(of(after) for of in alike))
    if not counts_itself:
        counting.moved(connection, rows, before, after.state, after.updated)
    return changed


@lru_cache(maxsize=64)
def update(before: State, shared: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, _Values, _Values, bool]:
    """The statement that writes these fields and nothing else: to name a column costs an update of its indexes.

    What makes its values of a transfer: those that all share come first, then each row has the id, generation and try
    that it must have, and its own. The last answer: whether the database counts what it changes.
    """
    alike, each = _columns(shared), _columns(own)
    settings = [f"{name} = ?" for name in alike]
    settings += [f"{name} = made.column{number}" for number, name in enumerate(each, 4)]
    counts_itself = not counting.COUNTED.isdisjoint({*alike, *each})
    if before in _MAY_BE_CLEARED and not counts_itself:
        settings.append(counting.COUNT)
        counts_itself = True
    statement = (
        f"UPDATE transfer SET {', '.join(settings)} FROM (VALUES {{rows}}) AS made "
        f"WHERE transfer.id = made.column1 AND transfer.state = '{before}' "
        "AND transfer.generation = made.column2 AND transfer.tries = made.column3"
    )
    return statement, [*alike.values()], [*each.values()], counts_itself


def _columns(fields: Iterable[str]) -> Mapping[str, Callable[[Transfer], Any]]:
    return {name: value for field in fields for name, value in _COLUMNS[field].items()}


def _follow(connection: Connection, rows: Sequence[Transfer], move: Move, now: datetime) -> None:
    """What else is true from then on."""
    before = rows[0].state
    if before is State.COPYING:
        spending.settle(connection, rows, move, now)
    if before in _WITH_TEMPORARY and move.event not in _LEAVES_NONE and not move.swept:
        debris.write(connection, rows)
    match move.event:
        case Event.WRITE:
            ledger.write(connection, rows, move.strength or "", now)
        case Event.CONFIRM:
            ledger.confirm(connection, rows, move.strength or "")
        case Event.LOSE | Event.GIVE_UP if before is State.WRITTEN:
            if move.event is Event.LOSE:
                ledger.lose(connection, rows)
            debris.write_again(connection, rows)


def is_bound(after: State, reason: Reason | None) -> bool:
    """Whether scans pass this version over. A removed task's transfers do not bind one that is added later."""
    removed = reason is not None and reason.code == Code.CANCELLED_TASK_REMOVED
    return after in (State.FAILED, State.CANCELLED) and not removed
