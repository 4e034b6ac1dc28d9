"""Runs: what one execution of a task saw, planned and has come to."""

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any, Final

from cgwire.reasons import Reason
from cloudgather.ports.queue import Run
from cloudgather.store.rows import from_instant, from_reason, reads, to_instant, to_optional_instant, to_reason

_RUN: Final = (
    "SELECT id, task, trigger, started, scanned, seen, planned, skipped, problem, last_ended, "
    "ifnull(sum(tally.transfers) FILTER (WHERE state IN ('queued', 'copying', 'publishing')), 0), "
    "ifnull(sum(tally.transfers) FILTER (WHERE state IN ('written', 'done')), 0), "
    "ifnull(sum(tally.transfers) FILTER (WHERE state = 'failed'), 0), "
    "ifnull(sum(tally.bytes) FILTER (WHERE state IN ('written', 'done')), 0) "
    "FROM (SELECT * FROM run {which}) LEFT JOIN tally ON tally.run = id GROUP BY id ORDER BY id DESC"
)


def start(connection: Connection, task: str, trigger: str, now: datetime) -> int:
    """ports.queue.QueueStore.start_run."""
    id = connection.execute(
        "INSERT INTO run (task, trigger, started) VALUES (?, ?, ?)", (task, trigger, from_instant(now))
    ).lastrowid
    assert id is not None
    return id


def note(
    connection: Connection, run: int, now: datetime, seen: int, planned: int, skipped: int, problem: Reason | None
) -> None:
    """ports.queue.QueueStore.note_run."""
    connection.execute(
        "UPDATE run SET scanned = ?, seen = ?, planned = ?, skipped = ?, problem = ? WHERE id = ?",
        (from_instant(now), seen, planned, skipped, from_reason(problem), run),
    )


def interrupt(connection: Connection, reason: Reason, now: datetime) -> int:
    """ports.queue.QueueStore.interrupt_runs."""
    return connection.execute(
        "UPDATE run SET scanned = ?, problem = ? WHERE scanned IS NULL", (from_instant(now), from_reason(reason))
    ).rowcount


def newest(connection: Connection, task: str | None, limit: int) -> Sequence[Run]:
    """ports.queue.QueueStore.runs."""
    which = "ORDER BY id DESC LIMIT ?" if task is None else "WHERE task = ? ORDER BY id DESC LIMIT ?"
    values = (limit,) if task is None else (task, limit)
    return [_run(row) for row in connection.execute(_RUN.format(which=which), values)]


def one(connection: Connection, id: int) -> Run | None:
    """ports.queue.QueueStore.run."""
    row = connection.execute(_RUN.format(which="WHERE id = ?"), (id,)).fetchone()
    return None if row is None else _run(row)


def prune(connection: Connection, before: datetime) -> None:
    """Remove runs that ended before, and tallies whose run is gone."""
    connection.execute(
        "DELETE FROM run WHERE scanned < :before AND ifnull(last_ended, 0) < :before AND NOT EXISTS (SELECT 1 "
        "FROM tally WHERE run = id AND state IN ('queued', 'copying', 'publishing') AND transfers > 0)",
        {"before": from_instant(before)},
    )
    connection.execute("DELETE FROM tally WHERE run NOT IN (SELECT id FROM run)")
    connection.execute("DELETE FROM counter WHERE transfers = 0")


@reads
def _run(row: tuple[Any, ...]) -> Run:
    id, task, trigger, started, scanned, seen, planned, skipped, problem, last_ended, live, uploaded, failed, size = row
    return Run(
        id=id,
        task=task,
        trigger=trigger,
        started=to_instant(started),
        scanned=to_optional_instant(scanned),
        ended=to_instant(max(scanned, last_ended or scanned)) if scanned is not None and not live else None,
        seen=seen,
        planned=planned,
        skipped=skipped,
        uploaded=uploaded,
        failed=failed,
        bytes=size,
        left=live,
        problem=to_reason(problem),
    )
