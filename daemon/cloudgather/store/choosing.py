"""Which transfers a listing or an operator's order is about, and carrying the order out on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason
from cloudgather.core.naming import destination
from cloudgather.core.transfer import LIVE, Event, State, Transfer
from cloudgather.ports.queue import Chosen
from cloudgather.store.moving import order
from cloudgather.store.rows import TRANSFER, from_instant, from_number, from_reason, names, to_transfers

IN_TURN: Final = "INDEXED BY transfer_order WHERE state = 'queued' AND due IS NULL"
READY: Final = "INDEXED BY transfer_ready WHERE state = 'queued' AND due IS NULL"
WAITING: Final = "INDEXED BY transfer_waiting WHERE state = 'queued' AND due IS NOT NULL"
QUEUED: Final = "INDEXED BY transfer_live WHERE live AND state = 'queued'"
UNDER_WAY: Final = "INDEXED BY transfer_under_way WHERE temporary IS NOT NULL"
NOT_LIVE: Final = "INDEXED BY transfer_not_live WHERE NOT live"

# What each order may be about. What is being brought may be back in the queue when it is cancelled.
TO_REQUEUE: Final = (State.QUEUED, State.FAILED, State.CANCELLED)
TO_CANCEL: Final = (*LIVE, State.FAILED)
TO_PUT_FIRST: Final = (State.QUEUED,)
TO_FORGET: Final = (State.DONE, State.FAILED, State.CANCELLED, State.VANISHED)
_QUEUED_ANEW: Final = (State.FAILED, State.CANCELLED)
_CANCELLED: Final = (State.QUEUED, State.FAILED)
_ELSEWHERE: Final = (
    "task = :task AND (target != :target "
    "OR length(destination) != :length + length(path) OR substr(destination, 1, :length) != :prefix)"
)
UNBIND: Final = (
    "UPDATE transfer INDEXED BY transfer_not_live SET binds = 0 WHERE NOT live AND state IN ('failed', 'cancelled') "
    f"AND binds AND {_ELSEWHERE} AND (state = 'failed' OR instr(reason, :standing))"
)
REDIRECT: Final = (
    "UPDATE transfer INDEXED BY transfer_live SET target = :target, destination = CAST(:prefix || path AS BLOB), "
    "replaces = 0, due = NULL, attempts = 0, generation = generation + 1 "
    f"WHERE live AND state = 'queued' AND {_ELSEWHERE}"
)
PUT_OFF: Final = (
    "UPDATE transfer INDEXED BY transfer_live SET due = :until, reason = :reason "
    "WHERE live AND state = 'queued' AND due IS NULL AND task = :task AND (:device IS NULL OR device = :device)"
)
HIGHEST: Final = (
    "SELECT target, max(highest) FROM ("
    f"SELECT target, max(priority) AS highest FROM transfer {READY} GROUP BY target UNION ALL "
    f"SELECT target, max(priority) FROM transfer {WAITING} GROUP BY target) GROUP BY target"
)
# What a newer one of its path is about, an older one would send again. An older one is live where the cloud lost it.
MAY_GO_AGAIN: Final = (
    "NOT EXISTS (SELECT 1 FROM transfer AS newer "
    "WHERE newer.path = transfer.path AND newer.task = transfer.task AND newer.id > transfer.id) "
    "AND NOT EXISTS (SELECT 1 FROM transfer AS other "
    "WHERE other.path = transfer.path AND other.task = transfer.task AND other.live)"
)


def listed(
    connection: Connection, chosen: Chosen, *, limit: int, offset: int, newest_first: bool
) -> Sequence[Transfer]:
    """ports.queue.QueueStore.transfers."""
    if chosen.states == {State.QUEUED} and not newest_first:
        return _in_turn(connection, chosen, limit, offset)
    those, values = among(chosen, TRANSFER)
    order = "id DESC" if newest_first else "id"
    return _select(connection, f"{those} ORDER BY {order}", values, limit, offset)


def ids(connection: Connection, chosen: Chosen, states: Collection[State]) -> Sequence[int]:
    """Of those chosen that are in one of these states."""
    both = chosen.states & frozenset(states) if chosen.states else frozenset(states)
    if not both:
        return []
    those, values = among(replace(chosen, states=both), "id")
    return [id for (id,) in connection.execute(f"{those} ORDER BY id", values)]


def count(connection: Connection, chosen: Chosen) -> int:
    """ports.queue.QueueStore.count."""
    if chosen.ids or chosen.run is not None or chosen.glob is not None:
        those, values = among(chosen, "id")
        (found,) = connection.execute(f"SELECT count(*) FROM ({those})", values).fetchone()
    else:
        terms, values = _terms(chosen)
        (found,) = connection.execute(f"SELECT total(transfers) FROM counter WHERE {terms}", values).fetchone()
    return int(found)


def put_off_there(connection: Connection, target: str, limit: int) -> Sequence[Transfer]:
    """ports.queue.QueueStore.put_off_there."""
    those = f"SELECT {TRANSFER} FROM transfer {WAITING} AND target = :target ORDER BY due"
    return _select(connection, those, {"target": target}, limit, 0)


def ahead(connection: Connection, transfer: Transfer) -> int:
    """ports.queue.QueueStore.ahead."""
    (found,) = connection.execute(
        f"SELECT count(*) FROM transfer {READY} AND target = ? AND (priority > ? OR priority = ? AND id < ?)",
        (transfer.target, transfer.priority, transfer.priority, transfer.id),
    ).fetchone()
    return int(found)


def requeue(connection: Connection, chosen: Chosen, reason: Reason | None, now: datetime) -> int:
    """ports.queue.QueueStore.requeue."""
    where, values = condition(chosen)
    waiting = connection.execute(
        f"UPDATE transfer SET due = NULL WHERE {where} AND state = 'queued' AND due IS NOT NULL", values
    ).rowcount
    where = f"{where} AND {MAY_GO_AGAIN}"
    return waiting + order(connection, where, values, event=Event.REQUEUE, states=_QUEUED_ANEW, reason=reason, now=now)


def cancel(connection: Connection, chosen: Chosen, reason: Reason, now: datetime) -> int:
    """ports.queue.QueueStore.cancel."""
    where, values = condition(chosen)
    return order(connection, where, values, event=Event.CANCEL, states=_CANCELLED, reason=reason, now=now)


def redirect(connection: Connection, task: str, target: str, base: bytes) -> int:
    """ports.queue.QueueStore.redirect: whose destination is the path below `base` are left as they are."""
    prefix = destination(base, b"x")[:-1]
    values = {"task": task, "target": target, "prefix": prefix, "length": len(prefix)}
    connection.execute(UNBIND, values | {"standing": Code.CANCELLED_STANDING.encode()})
    return connection.execute(REDIRECT, values).rowcount


def put_off(connection: Connection, task: str, until: datetime, reason: Reason, device: int | None) -> int:
    """ports.queue.QueueStore.put_off."""
    return connection.execute(
        PUT_OFF,
        {
            "task": task,
            "until": from_instant(until),
            "reason": from_reason(reason),
            "device": None if device is None else from_number(device),
        },
    ).rowcount


def highest(connection: Connection) -> Mapping[str, int]:
    """The highest priority of what is queued for each target."""
    return dict(connection.execute(HIGHEST).fetchall())


def put_first(connection: Connection, chosen: Chosen, above: Mapping[str, int]) -> int:
    """ports.queue.QueueStore.put_first, one above these priorities; among themselves they keep their order of age."""
    where, values = condition(chosen)
    return sum(
        connection.execute(
            f"UPDATE transfer SET priority = :first, due = NULL WHERE {where} AND state = 'queued' "
            "AND target = :of_target",
            values | {"first": priority + 1, "of_target": target},
        ).rowcount
        for target, priority in above.items()
    )


def forget(connection: Connection, chosen: Chosen) -> int:
    """ports.queue.QueueStore.forget: out of listings and counts; they bind on, and history shows them until pruned."""
    where, values = condition(chosen)
    return connection.execute(
        f"UPDATE transfer SET cleared = 1 WHERE {where} AND cleared = 0 AND state IN ({names(TO_FORGET)})", values
    ).rowcount


def among(chosen: Chosen, columns: str) -> tuple[str, dict[str, Any]]:
    """A SELECT of those chosen, with id among its columns: of each state by the index that has it."""
    if chosen.ids or chosen.run is not None or not chosen.states:
        where, values = condition(chosen)
        return f"SELECT {columns} FROM transfer WHERE {where}", values
    where, values = condition(replace(chosen, states=frozenset()))
    parts = chain.from_iterable(_in_state(state, chosen) for state in sorted(chosen.states))
    return " UNION ALL ".join(f"SELECT {columns} FROM transfer {part} AND {where}" for part in parts), values


def _in_state(state: State, chosen: Chosen) -> Sequence[str]:
    """Where those in a state are, however many there are in others; only what is queued is not in the order of ids."""
    if state is not State.QUEUED:
        return (f"{UNDER_WAY if state in LIVE else NOT_LIVE} AND state = '{state}'",)
    if chosen.task is not None:
        return (QUEUED,)
    return (IN_TURN if chosen.target is None else READY), WAITING


def condition(chosen: Chosen) -> tuple[str, dict[str, Any]]:
    """SQL that holds for those chosen. Cleared ones are chosen by id only."""
    those = f"id IN ({', '.join(str(int(id)) for id in chosen.ids)})" if chosen.ids else "cleared = 0"
    terms, values = _terms(chosen)
    return f"{those} AND {terms}", values


def _terms(chosen: Chosen) -> tuple[str, dict[str, Any]]:
    """All but the ids."""
    terms = [f"state IN ({names(chosen.states)})"] if chosen.states else ["1"]
    values: dict[str, Any] = {}
    for term, name, value in (
        ("task = :task", "task", chosen.task),
        ("target = :target", "target", chosen.target),
        ("run = :run", "run", chosen.run),
        ("matches(:glob, path)", "glob", chosen.glob),
    ):
        if value is not None:
            terms.append(term)
            values[name] = value
    return " AND ".join(terms), values


def _in_turn(connection: Connection, chosen: Chosen, limit: int, offset: int) -> Sequence[Transfer]:
    """In the order they will go: those due now by priority and age, then the others by when they are due."""
    where, values = condition(chosen)
    ready, waiting = f"transfer {IN_TURN} AND {where}", f"transfer {WAITING} AND {where}"
    found = _select(connection, f"SELECT {TRANSFER} FROM {ready} ORDER BY priority DESC, id", values, limit, offset)
    if len(found) == limit:
        return found
    (before,) = connection.execute(f"SELECT count(*) FROM {ready}", values).fetchone()
    later = f"SELECT {TRANSFER} FROM {waiting} ORDER BY due, priority DESC, id"
    return [*found, *_select(connection, later, values, limit - len(found), max(0, offset - before))]


def _select(connection: Connection, those: str, values: dict[str, Any], limit: int, offset: int) -> Sequence[Transfer]:
    rows = connection.execute(f"{those} LIMIT :limit OFFSET :offset", values | {"limit": limit, "offset": offset})
    return to_transfers(rows.fetchall())
