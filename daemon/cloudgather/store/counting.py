"""Counts transfers by task, target and state, and by run: what a batch of moves changes of that is written once.

The database itself counts what a statement changes that names one of the columns COUNTED, and what is removed. Whoever
makes transfers, or changes their state by another statement, has it counted here in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cloudgather.core.transfer import LIVE, State
from cloudgather.store import many
from cloudgather.store.rows import from_instant

# As triggers of migrations/0005.sql have them.
COUNTED: Final = frozenset({"task", "target", "size", "cleared", "run"})
# For a statement that names none of them, and whose rows may be cleared: those count as nothing, and only they know.
COUNT: Final = "cleared = cleared"

_COUNTER: Final = (
    "INSERT INTO counter (target, state, task, transfers, bytes) VALUES {rows} ON CONFLICT (target, state, task) "
    "DO UPDATE SET transfers = transfers + excluded.transfers, bytes = bytes + excluded.bytes"
)
_TALLY: Final = (
    "INSERT INTO tally (run, state, transfers, bytes) VALUES {rows} ON CONFLICT (run, state) "
    "DO UPDATE SET transfers = transfers + excluded.transfers, bytes = bytes + excluded.bytes"
)
_ENDED: Final = "UPDATE run SET last_ended = ? WHERE id IN (VALUES {rows})"

_Alike = tuple[str, str, int | None]  # task, target, run
_Columns = Mapping[str, Sequence[Any]]  # task, target, run and version of each
_size: Final = attrgetter("size")


def made(connection: Connection, columns: _Columns) -> None:
    """These transfers were made, and are queued."""
    _write(connection, _sums(columns), [(State.QUEUED, 1)])


def moved(connection: Connection, columns: _Columns, before: State, after: State, now: datetime) -> None:
    """These, of which none is cleared, went from one state to the other."""
    sums = _sums(columns)
    _write(connection, sums, [(before, -1), (after, 1)])
    if before in LIVE and after not in LIVE:
        ended = sorted({run for _, _, run in sums if run is not None})
        many.execute(connection, _ENDED, [(run,) for run in ended], (from_instant(now),))


def _sums(columns: _Columns) -> dict[_Alike, tuple[int, int]]:
    """How many there are of each kind, and of how many bytes."""
    kinds = columns["task"], columns["target"], columns["run"]
    left = map(_size, columns["version"])
    if all(each.count(each[0]) == len(each) for each in kinds):  # as those of a batch are mostly
        task, target, run = (each[0] for each in kinds)
        return {(task, target, run): (len(columns["version"]), sum(left))}
    sums: dict[_Alike, tuple[int, int]] = {}
    for alike, those in groupby(zip(*kinds, strict=True)):
        sizes = [*islice(left, len([*those]))]
        count, total = sums.get(alike, (0, 0))
        sums[alike] = count + len(sizes), total + sum(sizes)
    return sums


def _write(connection: Connection, sums: dict[_Alike, tuple[int, int]], states: Sequence[tuple[State, int]]) -> None:
    """More of them are in these states (1), or fewer (-1)."""
    counter, tally = [], []
    for (task, target, run), (count, size) in sums.items():
        for state, sign in states:
            counter.append((target, str(state), task, sign * count, sign * size))
            if run is not None:
                tally.append((run, str(state), sign * count, sign * size))
    many.execute(connection, _COUNTER, counter)
    many.execute(connection, _TALLY, tally)
