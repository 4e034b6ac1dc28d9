"""Hands out what is due: priority first, then age, at a cost that does not grow with the queue."""

from collections.abc import Iterable, Sequence
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


def claim(
    connection: Connection,
    target: str,
    now: datetime,
    count: int,
    most_bytes: int | None,
    except_tasks: frozenset[str],
    daily_limit: int | None = None,
    *,
    fresh: Fresh,
) -> Sequence[Transfer]:
    """ports.queue.QueueStore.claim."""
    connection.execute(PROMOTE, (target, from_instant(now)))
    spent = None if daily_limit is None else spending.of_target(connection, target, now)
    picked: list[Transfer] = []
    total = 0
    for transfer in _first(connection, target, except_tasks, count, fresh):
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
    connection: Connection, target: str, except_tasks: frozenset[str], count: int, fresh: Fresh
) -> Sequence[Transfer]:
    """So many of what is due, in their turn."""
    due: list[tuple[int, int]] = []
    for task in _tasks(connection, target, except_tasks):
        due += _turns(*connection.execute(_FIRST_AT_ONCE, (target, task, count)).fetchone())
    ids = [id for _, id in sorted(due)[:count]]
    found = dict(fresh.known(ids))
    found |= by_id(connection, [id for id in ids if id not in found])
    if len(found) != len(ids):
        raise RowDamaged(f"transfers {sorted({*ids} - found.keys())} are in an index only")
    return [found[id] for id in ids]


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
