"""Makes transfers of plans, at most one live per task and path."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from sqlite3 import Connection
from typing import Any, Final

from cgwire.codes import Code
from cloudgather.core.transfer import LIVE, Event, Plan, State, Transfer
from cloudgather.ports.queue import Added, Move
from cloudgather.store import counting, many
from cloudgather.store.fresh import Fresh
from cloudgather.store.ledger import has_sent, pieces
from cloudgather.store.making import make
from cloudgather.store.rows import (
    TRANSFER,
    assignments,
    from_instant,
    from_number,
    from_numbers,
    from_reason,
    of_columns,
    to_reason,
    to_transfers,
)

# Sent whatever was before: these override a failure or a cancellation of the very same version.
_INSISTING: Final = frozenset({Code.GO_OVERWRITE, Code.GO_RESEND})
# In such an order that the last one of each path is the one that counts.
_OF_PATHS: Final = f"SELECT {TRANSFER}, binds FROM transfer WHERE task = ? AND path IN ({{marks}}) ORDER BY live, id"
# Asked first: of what is new nothing is known, nor of what lies beside it.
NEAR: Final = "SELECT 1 FROM transfer INDEXED BY transfer_path WHERE path BETWEEN ? AND ? LIMIT 1"
_INSERT: Final = (
    "INSERT INTO transfer (created, updated, generation, state, live, attempts, tries, binds, cleared, task, target, "
    "reason, plan_reason, replaces, guessed, priority, run, path, destination, size, mtime_ns, device, inode, id) "
    "SELECT ?, ?, 1, 'queued', 1, 0, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, made.* FROM (VALUES {rows}) AS made"
)
_ALIKE: Final = ("task", "target", "reason", "replace", "guessed", "priority", "run")
_alike: Final = attrgetter(*_ALIKE)
# The rest of what is the same in all of them, as _INSERT writes it.
_QUEUED: Final[Mapping[str, Any]] = {
    "generation": 1,
    "state": State.QUEUED,
    "attempts": 0,
    "tries": 0,
    "temporary": None,
    "sent": None,
    "due": None,
}
# A database that somebody repaired may have forgotten the first of them.
_LAST: Final = (
    "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'transfer'), 0), "
    "ifnull((SELECT max(id) FROM transfer), 0))"
)


def add_all(
    connection: Connection, plans: Sequence[Plan], now: datetime, *, fresh: Fresh
) -> Sequence[tuple[int, Added]]:
    """ports.queue.QueueStore.add."""
    newest, new = _newest(connection, plans), _New(connection, now, fresh)
    added = []
    for plan in plans:
        if (plan.task, plan.path) not in newest:  # a second plan of its path
            new.write()
            newest |= _newest(connection, [plan])
        added.append(_add(connection, plan, newest.pop((plan.task, plan.path)), new, now))
    new.write()
    return added


class _New:
    """Transfers that are to be made, written together."""

    def __init__(self, connection: Connection, now: datetime, fresh: Fresh) -> None:
        self._connection = connection
        self._fresh = fresh
        self._now = now
        self._plans: list[Plan] = []
        self._last = 0

    def make(self, plan: Plan) -> int:
        """Its id."""
        if not self._last:  # no id is given twice, not even one whose transfer is gone
            (self._last,) = self._connection.execute(_LAST).fetchone()
        self._plans.append(plan)
        self._last += 1
        return self._last

    def write(self) -> None:
        if not self._plans:
            return
        first = self._last + 1 - len(self._plans)
        for (task, target, reason, *others), those in groupby(self._plans, _alike):
            _, paths, _, destinations, versions, *_ = zip(*those, strict=True)
            numbers = map(from_numbers, zip(*versions, strict=True))
            ids = range(first, first := first + len(paths))
            why, at = from_reason(reason), from_instant(self._now)
            rows = [*zip(paths, destinations, *numbers, ids, strict=True)]
            many.execute(self._connection, _INSERT, rows, (at, at, task, target, why, why, *others))
            alike = dict(zip(_ALIKE, (task, target, to_reason(why), *others), strict=True))
            alike |= {"plan_reason": alike["reason"], "created": self._now, "updated": self._now, **_QUEUED}
            each = {"id": ids, "path": paths, "destination": destinations, "version": versions}
            self._fresh.add(of_columns(each, alike))
        columns = dict(zip(Plan._fields, zip(*self._plans, strict=True), strict=True))
        counting.made(self._connection, columns)
        self._plans.clear()


def _newest(connection: Connection, plans: Sequence[Plan]) -> dict[tuple[str, bytes], tuple[Transfer, bool] | None]:
    """The live transfer of each plan's path, else the newest, with whether it binds; None where there is none."""
    found: dict[tuple[str, bytes], tuple[Transfer, bool] | None] = {(plan.task, plan.path): None for plan in plans}
    for task in {plan.task for plan in plans}:
        for some in pieces([plan.path for plan in plans if plan.task == task]):
            if connection.execute(NEAR, (min(some), max(some))).fetchone() is None:
                continue
            marks = ", ".join("?" * len(some))
            rows = connection.execute(_OF_PATHS.format(marks=marks), (task, *some)).fetchall()
            for each, row in zip(to_transfers([row[:-1] for row in rows]), rows, strict=True):
                found[task, each.path] = each, bool(row[-1])
    return found


def _add(
    connection: Connection, plan: Plan, newest: tuple[Transfer, bool] | None, new: _New, now: datetime
) -> tuple[int, Added]:
    if newest is None:
        return new.make(plan), Added.NEW
    row, binds = newest
    same = plan.version.same_content_as(row.version)
    insisting = plan.reason.code in _INSISTING
    if row.state is State.QUEUED:
        if same and (plan.target, plan.destination) == (row.target, row.destination):
            _take_over(connection, row, plan, insisting)
            return row.id, Added.KNOWN
        return _refresh(connection, row, plan, Event.CHANGE, now)
    if row.state in LIVE:  # its own check after the copy finds out whether the source is another version now
        return row.id, Added.KNOWN
    if not insisting and has_sent(connection, plan):
        return row.id, Added.SENT
    if row.state in (State.FAILED, State.CANCELLED):
        if same and binds and not insisting:
            return row.id, Added.BOUND
        return _refresh(connection, row, plan, Event.REQUEUE, now)
    return new.make(plan), Added.NEW


def _refresh(connection: Connection, row: Transfer, plan: Plan, event: Event, now: datetime) -> tuple[int, Added]:
    """Let the row be what the plan says from now on; what was put first in the queue stays there."""
    move = Move([row], event, reason=plan.reason, version=plan.version)
    make(
        connection,
        [row],
        move,
        now,
        target=plan.target,
        destination=plan.destination,
        priority=max(plan.priority, row.priority) if event is Event.CHANGE else plan.priority,
        plan_reason=plan.reason,
        replace=plan.replace,
        guessed=plan.guessed,
        run=plan.run if plan.run is not None else row.run,
    )
    return row.id, Added.REFRESHED


def _take_over(connection: Connection, row: Transfer, plan: Plan, insisting: bool) -> None:
    """What a plan for the same version may still change of a queued transfer: it is no move."""
    changes: dict[str, Any] = {}
    if plan.version != row.version:  # the disk was mounted anew
        changes |= {"device": from_number(plan.version.device), "inode": from_number(plan.version.inode)}
    if plan.priority > row.priority:
        changes["priority"] = plan.priority
    if insisting:
        changes |= {"replaces": int(plan.replace), "plan_reason": from_reason(plan.reason)}
        if plan.run is not None:
            changes["run"] = plan.run
    if changes:
        connection.execute(f"UPDATE transfer SET {assignments(changes)} WHERE id = :id", changes | {"id": row.id})
