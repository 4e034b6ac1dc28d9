"""What a move changes: rows, their history, the ledger and debris; what transfers have in common is written once."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.transfer import LIVE, Event, ImpossibleMove, State, Transfer, moved
from cloudgather.ports.queue import Move, Overtaken
from cloudgather.store import counting, debris, history, ledger, many, spending
from cloudgather.store.rows import from_instant, from_number, from_optional_instant, from_reason, from_sent, of_columns

_WITH_TEMPORARY: Final = frozenset({State.COPYING, State.PUBLISHING})
_LEAVES_NONE: Final = frozenset({Event.PUBLISH, Event.WRITE})  # the try goes on, or it was renamed
_MAY_BIND: Final = frozenset({State.FAILED, State.CANCELLED})
_MAY_BE_CLEARED: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.VANISHED})
# Moves after which it may be about another version, or go elsewhere.
_ANEW: Final = frozenset({Event.CHANGE, Event.REQUEUE})

# How a field is stored that is not stored as it is, and where, if not in a column of its name.
_STORED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "state": str,
    "sent": from_sent,
    "reason": from_reason,
    "plan_reason": from_reason,
    "replace": int,
    "guessed": int,
    "due": from_optional_instant,
    "updated": from_instant,
}
_RENAMED: Final = {"replace": "replaces"}
# What a move demands of each row besides its state.
_DEMANDED: Final = ("generation", "tries")

_Columns = Mapping[str, Sequence[Any]]  # by field, of each transfer


def make(connection: Connection, rows: Sequence[Transfer], move: Move, now: datetime, **fields: Any) -> list[Transfer]:
    """Make one move of `rows`, which are as the database has them; these `fields` of all are set, whatever it sets.

    Raises Overtaken where the table has no such move, a row is not as it was taken for, or another transfer of its path
    is live already; the caller's transaction undoes what was written.
    """
    before = rows[0].state
    columns: _Columns = dict(zip(Transfer._fields, zip(*rows, strict=True), strict=True))
    ids = [*columns["id"]]
    try:
        lines = _lines(before, move)
    except ImpossibleMove as error:
        raise Overtaken(f"transfers {ids}: {error}") from error
    _, _, after, _ = lines[-1]
    each = _each(connection, columns, move)
    alike = {**_of_alike(each, len(rows)), **_alike(after, move), "updated": now, **fields}
    each = {name: values for name, values in each.items() if name not in alike}
    history.tell(connection, [*zip(ids, columns["task"], columns["attempts"], strict=True)], lines, now)
    shared = _stored(alike)
    if (before in LIVE) is not (after in LIVE):
        shared["live"] = int(after in LIVE)
    if before in _MAY_BIND or after in _MAY_BIND:
        shared["binds"] = int(is_bound(after, alike.get("reason")))
    if move.event in _ANEW:
        shared["cleared"] = 0
    demanded = _of_alike({name: columns[name] for name in _DEMANDED}, len(rows))
    statement, counts_itself = update(before, tuple(shared), tuple(each), tuple(demanded))
    own = [[*map(_STORED[name], values)] if name in _STORED else values for name, values in each.items()]
    own += [columns[name] for name in _DEMANDED if name not in demanded]
    marked = [*zip(ids, *own, strict=True)] if own else many.runs(ids)
    try:
        changed = many.execute(connection, statement, marked, tuple(shared.values()), tuple(demanded.values()))
    except sqlite3.IntegrityError as error:
        raise Overtaken(f"transfers {ids}: another one of the path of one of them is live") from error
    if changed != len(rows):
        raise Overtaken(f"transfers {ids}: one is in another state, generation or try by now")
    if not counts_itself:
        counting.moved(connection, columns, before, after, now)
    _follow(connection, rows, move, now)
    return of_columns({**columns, **each}, alike)


def _lines(before: State, move: Move) -> Sequence[history.Line]:
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
        case Event.CLAIM | Event.REQUEUE:
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


def _each(connection: Connection, columns: _Columns, move: Move) -> _Columns:
    """The other fields that it sets."""
    version = move.version
    match move.event:
        case Event.CLAIM:
            tries = [tried + 1 for tried in columns["tries"]]
            return {"tries": tries, "temporary": debris.temporaries(connection, columns["id"], tries)}
        case Event.PUBLISH:
            return {"sent": move.sent}
        case Event.CHANGE:
            return {"generation": [generation + 1 for generation in columns["generation"]]}
        case Event.REQUEUE:
            anew = [version is not None and not version.same_content_as(had) for had in columns["version"]]
            return {
                "generation": [generation + new for generation, new in zip(columns["generation"], anew, strict=True)],
                "reason": [move.reason or planned for planned in columns["plan_reason"]],
            }
        case _:
            return {"attempts": [attempts + 1 for attempts in columns["attempts"]]} if move.spend else {}


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """By column."""
    stored: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "version":
            stored |= {column: from_number(number) for column, number in value._asdict().items()}
        else:
            stored[_RENAMED.get(name, name)] = _STORED[name](value) if name in _STORED else value
    return stored


def _of_alike(columns: _Columns, rows: int) -> dict[str, Any]:
    """The value of each of these columns that is the same in all of so many rows."""
    return {
        name: first
        for name, values in columns.items()
        if (first := values[0]) == values[-1] and values.count(first) == rows
    }


@lru_cache(maxsize=64)
def update(before: State, shared: tuple[str, ...], own: tuple[str, ...], demanded: tuple[str, ...]) -> tuple[str, bool]:
    """The statement that writes these columns and nothing else: to name a column costs an update of its indexes.

    The values that all share come first, then what each row has: its id, its own values, and the generation and try
    that it must have, unless they are `demanded` of all alike and come last. Rows with nothing of their own are told by
    the runs of their ids. The other answer: whether the database counts what it changes.
    """
    each = [name for name in _DEMANDED if name not in demanded]
    settings = [f"{name} = ?" for name in shared]
    settings += [f"{name} = made.column{number}" for number, name in enumerate(own, 2)]
    terms = ["transfer.id = made.column1" if own or each else "transfer.id BETWEEN made.column1 AND made.column2"]
    # With a + it is not looked for by: of a long batch SQLite would make an index for it, of the whole table.
    terms += [f"+transfer.state = '{before}'"]
    terms += [f"+transfer.{name} = made.column{number}" for number, name in enumerate(each, 2 + len(own))]
    terms += [f"+transfer.{name} = ?" for name in demanded]
    counts_itself = not counting.COUNTED.isdisjoint({*shared, *own})
    if before in _MAY_BE_CLEARED and not counts_itself:
        settings.append(counting.COUNT)
        counts_itself = True
    statement = f"UPDATE transfer SET {', '.join(settings)} FROM (VALUES {{rows}}) AS made WHERE {' AND '.join(terms)}"
    return statement, counts_itself


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
