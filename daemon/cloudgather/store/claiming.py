"""Hands out what is due: priority first, then age, at a cost that does not grow with the queue."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Final

from cloudgather.core.transfer import Transfer
from cloudgather.ports.queue import DailyLimitSpent
from cloudgather.store import spending
from cloudgather.store.errors import RowDamaged
from cloudgather.store.fresh import Fresh
from cloudgather.store.moving import by_id, claim_all
from cloudgather.store.rows import from_instant, reads, to_instant

# INDEXED BY: SQLite knows nothing of how many rows are in which state.
PROMOTE: Final = (
    "UPDATE transfer INDEXED BY transfer_waiting SET due = NULL "
    "WHERE state = 'queued' AND due IS NOT NULL AND target = ? AND due <= ?"
)
TASKS: Final = "SELECT task FROM counter WHERE target = ? AND state = 'queued' AND transfers > 0"
FIRST: Final = (
    "SELECT -priority AS turn, id FROM transfer INDEXED BY transfer_ready "
    "WHERE state = 'queued' AND due IS NULL AND target = ? AND task = ? ORDER BY priority DESC, id LIMIT ?"
)
# In one row: sqlite3 lets go of the interpreter's lock at each column of each that it fetches.
_FIRST_AT_ONCE: Final = f"SELECT group_concat(turn), group_concat(id) FROM ({FIRST})"
PLACES: Final = "SELECT id, size, destination FROM transfer WHERE id IN (%s)"
ANY_READY: Final = (
    "SELECT 1 FROM transfer INDEXED BY transfer_ready "
    "WHERE state = 'queued' AND due IS NULL AND target = ? AND task = ? LIMIT 1"
)
WAITING: Final = (
    "SELECT due, task FROM transfer INDEXED BY transfer_waiting "
    "WHERE state = 'queued' AND due IS NOT NULL AND target = ? ORDER BY due"
)
CLAMP: Final = (
    "UPDATE transfer INDEXED BY transfer_waiting SET due = :latest "
    "WHERE state = 'queued' AND due IS NOT NULL AND due > :latest"
)
# So far behind the first is another folder looked for, and so often.
_BEHIND: Final = 512
_STRIDE: Final = 32


def claim(
    connection: Connection,
    target: str,
    now: datetime,
    count: int,
    most_bytes: int | None,
    except_tasks: frozenset[str],
    daily_limit: int | None = None,
    busy: Mapping[bytes, int] | None = None,
    *,
    fresh: Fresh,
) -> Sequence[Transfer]:
    """ports.queue.QueueStore.claim."""
    connection.execute(PROMOTE, (target, from_instant(now)))
    spent = None if daily_limit is None else spending.of_target(connection, target, now)
    picked: list[Transfer] = []
    total = 0
    for transfer in _first(connection, target, except_tasks, count, most_bytes, busy, fresh):
        size = transfer.version.size
        total += size
        if picked and most_bytes is not None and total > most_bytes:
            break
        if daily_limit is not None and spent is not None:
            if not spent.fits(size, daily_limit):
                if not picked:
                    raise DailyLimitSpent(size=size, spending=spent)
                break
            spent = spent.reserving(size)
        picked.append(transfer)
    claimed = claim_all(connection, picked, now) if picked else []
    fresh.forget(claimed)
    if spent is not None:
        for transfer in claimed:
            spending.reserve(connection, transfer, now)
    return claimed


def next_due(connection: Connection, target: str, except_tasks: frozenset[str]) -> datetime | None:
    """ports.queue.QueueStore.next_due."""
    for task in _tasks(connection, target, except_tasks):
        if connection.execute(ANY_READY, (target, task)).fetchone():
            return to_instant(0)
    for due, task in connection.execute(WAITING, (target,)):
        if task not in except_tasks:
            return to_instant(due)
    return None


def clamp_due(connection: Connection, now: datetime, most: timedelta) -> int:
    """ports.queue.QueueStore.clamp_due."""
    latest = from_instant(now + most)
    return connection.execute(CLAMP, {"latest": latest}).rowcount


def _first(
    connection: Connection,
    target: str,
    except_tasks: frozenset[str],
    count: int,
    most_bytes: int | None,
    busy: Mapping[bytes, int] | None,
    fresh: Fresh,
) -> Sequence[Transfer]:
    """So many of what is due, in their turn, from where the folders are least busy."""
    due: list[tuple[int, int]] = []
    most = count + _BEHIND if busy else count
    for task in _tasks(connection, target, except_tasks):
        due += _turns(*connection.execute(_FIRST_AT_ONCE, (target, task, most)).fetchone())
    due.sort()
    first = 0
    if busy and most_bytes is not None and len(due) > count:
        as_urgent = [id for turn, id in due if turn == due[0][0]]
        first = _least_busy(connection, as_urgent, most_bytes // count, busy)
    ids = [id for _, id in due[first : first + count]]
    found = dict(fresh.known(ids))
    found |= by_id(connection, [id for id in ids if id not in found])
    if len(found) != len(ids):
        raise RowDamaged(f"transfers {sorted({*ids} - found.keys())} are in an index only")
    return [found[id] for id in ids]


def _least_busy(connection: Connection, ids: Sequence[int], small: int, busy: Mapping[bytes, int]) -> int:
    """The place of the first whose folder the fewest others work in; 0 if the first of all is no `small` file."""
    places = range(0, len(ids), _STRIDE)
    rows = connection.execute(PLACES % ", ".join(str(ids[place]) for place in places)).fetchall()
    folders = _folders(rows, small)
    if ids[0] not in folders:
        return 0
    return min((place for place in places if ids[place] in folders), key=lambda place: busy.get(folders[ids[place]], 0))


@reads
def _folders(rows: Sequence[tuple[int, int, bytes]], small: int) -> Mapping[int, bytes]:
    """By id, that of each `small` file's destination."""
    return {id: destination.rpartition(b"/")[0] for id, size, destination in rows if size <= small}


@reads
def _turns(turns: str | None, ids: str | None) -> Iterable[tuple[int, int]]:
    return (
        ()
        if turns is None or ids is None
        else [*zip(map(int, turns.split(",")), map(int, ids.split(",")), strict=True)]
    )


def _tasks(connection: Connection, target: str, except_tasks: frozenset[str]) -> Sequence[str]:
    """Those that have something queued for the target."""
    return [task for (task,) in connection.execute(TASKS, (target,)) if task not in except_tasks]
