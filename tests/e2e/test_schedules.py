"""Tasks that run by the clock: when due and not before, once after a pause, and right when clocks are changed."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from e2e.running import Running
from waiting import eventually_sync

_LIBRARY = Path("/usr/lib") / f"{os.uname().machine}-linux-gnu" / "faketime" / "libfaketimeMT.so.1"

SOON = 60.0  # seconds by which a busy machine may be late: a daemon that starts after the moment catches up on it

needs_faketime = pytest.mark.skipif(not _LIBRARY.exists(), reason="libfaketime is not installed")


def at(instant: str, speed: float = 1.0) -> dict[str, str]:
    """The environment of a process whose wall clock starts at `instant` (UTC); spans are measured by the real clock.

    Files keep their real times: their ctimes then mean nothing to the daemon, as after any clock that was set.
    """
    return {
        "LD_PRELOAD": str(_LIBRARY),
        "FAKETIME": f"@{instant}" + (f" x{speed}" if speed != 1 else ""),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "FAKETIME_NO_CACHE": "1",
        "TZ": "UTC",
    }


def scheduled(tmp_path: Path, schedule: str, *, now: str | None = None) -> Running:
    """A daemon with one task that does not watch."""
    (tmp_path / "target").mkdir(exist_ok=True)
    return Running(
        tmp_path,
        root=tmp_path / "target",
        kind="directory",
        task=f"watch = false\n{schedule}",
        environ=at(now) if now else {},
    )


def until_remembered(running: Running) -> None:
    """Until the database has the task and its schedule: times that pass while the daemon is down are missed since."""

    def is_remembered() -> bool:
        with closing(sqlite3.connect(f"file:{running.state}/state.db?mode=ro", uri=True)) as database:
            (tasks,) = database.execute("SELECT count(*) FROM task_memory WHERE last_due IS NOT NULL").fetchone()
        return int(tasks) == 1

    eventually_sync(is_remembered, what="the schedule is remembered")


def runs(running: Running) -> Any:
    """Newest first."""
    return json.loads(running.cgctl("run", "list", "--json").stdout)["runs"]


def upcoming(running: Running, count: int) -> list[str]:
    """What `task next` prints: times in the task's zone."""
    lines = running.cgctl("task", "next", "film", "-n", str(count)).stdout.splitlines()
    return [line.partition("  (")[0].strip() for line in lines[1:]]


# ---- when due, and only then -----------------------------------------------------------------------------------------


@pytest.mark.full
def test_an_interval_sends_when_it_is_due(tmp_path: Path) -> None:
    with scheduled(tmp_path, 'every = "10s"') as running:
        running.write("a.mkv", b"film")
        assert running.states() == {} or runs(running)  # it may become due as it is written
        running.until("a.mkv", "done")
        running.write("b.mkv", b"film")
        running.until("b.mkv", "done")

        found = runs(running)
        assert {run["trigger"] for run in found} == {"interval"}
        assert len(found) > 1
        due = datetime.fromisoformat(upcoming(running, 1)[0].replace(" UTC", "+00:00")).timestamp()
        spans = [(run["started"] - due) // 10 for run in found]  # a busy machine is late, but never early
        assert all(later > earlier for later, earlier in pairwise(spans))


@needs_faketime
def test_a_cron_task_sends_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    with scheduled(tmp_path, 'schedule = "0 3 * * *"', now="2026-03-10 02:30:00") as running:
        running.write("a.mkv", b"film")
        assert running.states() == {}
        assert runs(running) == []
        assert "next 03:00:00" in running.cgctl("status").stdout
        assert "wait.scan" in running.codes("a.mkv")
        why = running.cgctl("why", running.path("a.mkv")).stdout
        assert "o scan of its task has come to it yet; the next is due at 03:00:00" in why
        assert "cgctl task run film" in why
        until_remembered(running)
    with scheduled(tmp_path, 'schedule = "0 3 * * *"', now="2026-03-10 02:59:57") as running:
        running.until("a.mkv", "done")
        (run,) = runs(running)
        assert run["trigger"] == "schedule"
        assert 0 <= run["started"] - _epoch("2026-03-10T03:00:00") < SOON
        assert "next 03:00 tomorrow" in running.cgctl("status").stdout


@pytest.mark.full
@needs_faketime
def test_a_paused_task_is_not_due(tmp_path: Path) -> None:
    with scheduled(tmp_path, 'schedule = "0 3 * * *"', now="2026-03-10 02:30:00") as running:
        running.cgctl("task", "pause", "film")
        running.write("a.mkv", b"film")
        until_remembered(running)
    with scheduled(tmp_path, 'schedule = "0 3 * * *"', now="2026-03-10 02:59:57") as running:
        eventually_sync(lambda: running.status()["daemon"]["now"] > _epoch("2026-03-10T03:00:04"), what="it has passed")

        assert runs(running) == []
        assert running.states() == {}


def _epoch(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


# ---- missed ----------------------------------------------------------------------------------------------------------


@needs_faketime
@pytest.mark.parametrize(("catch_up", "caught"), [("true", 1), ("false", 0)])
def test_what_was_missed_while_the_daemon_was_down_is_caught_up_once(
    tmp_path: Path, catch_up: str, caught: int
) -> None:
    schedule = f'schedule = "0 3 * * *"\ncatch_up = {catch_up}'
    with scheduled(tmp_path, schedule, now="2026-03-10 12:00:00") as running:
        until_remembered(running)
        assert runs(running) == []
    running = scheduled(tmp_path, schedule, now="2026-03-14 12:00:00")
    running.write("a.mkv", b"film")
    with running:
        if caught:
            running.until("a.mkv", "done")
        assert [run["trigger"] for run in runs(running)] == ["schedule"] * caught
        assert running.sent() == ({b"a.mkv": b"film"} if caught else {})
        assert upcoming(running, 1) == ["2026-03-15 03:00:00 UTC"]
    with scheduled(tmp_path, schedule, now="2026-03-14 13:00:00") as running:  # not a second time
        assert len(runs(running)) == caught


# ---- changes of the clocks -------------------------------------------------------------------------------------------

BERLIN = 'timezone = "Europe/Berlin"\n'


@needs_faketime
@pytest.mark.parametrize(
    ("expression", "now", "told"),
    [
        # Clocks go forward on 2026-03-29, from 02:00 CET to 03:00 CEST: what is passed over runs at that moment.
        (
            "30 2 * * *",
            "2026-03-27 12:00:00",
            ["2026-03-28 02:30:00 CET", "2026-03-29 03:00:00 CEST", "2026-03-30 02:30:00 CEST"],
        ),
        (
            "0 * * * *",
            "2026-03-28 23:30:00",
            ["2026-03-29 01:00:00 CET", "2026-03-29 03:00:00 CEST", "2026-03-29 04:00:00 CEST"],
        ),
        # They go back on 2026-10-25, from 03:00 CEST to 02:00 CET: a time of day comes once, an hour twice.
        (
            "30 2 * * *",
            "2026-10-24 12:00:00",
            ["2026-10-25 02:30:00 CEST", "2026-10-26 02:30:00 CET", "2026-10-27 02:30:00 CET"],
        ),
        (
            "30 * * * *",
            "2026-10-25 00:00:00",
            ["2026-10-25 02:30:00 CEST", "2026-10-25 02:30:00 CET", "2026-10-25 03:30:00 CET"],
        ),
        # Sunday is 0 and 7; with both a day of the month and a day of the week, either will do.
        ("0 4 13 * 7", "2026-11-08 12:00:00", ["2026-11-13 04:00:00 CET", "2026-11-15 04:00:00 CET"]),
    ],
)
def test_the_next_times_are_right_through_a_change_of_the_clocks(
    tmp_path: Path, expression: str, now: str, told: list[str]
) -> None:
    with scheduled(tmp_path, f'{BERLIN}schedule = "{expression}"', now=now) as running:
        assert upcoming(running, len(told)) == told


@needs_faketime
def test_a_skipped_hour_runs_once(tmp_path: Path) -> None:
    with scheduled(tmp_path, f'{BERLIN}schedule = "30 2 * * *"', now="2026-03-28 12:00:00") as running:
        running.write("a.mkv", b"film")
        until_remembered(running)
    with scheduled(tmp_path, f'{BERLIN}schedule = "30 2 * * *"', now="2026-03-29 00:59:57") as running:
        running.until("a.mkv", "done")

        (run,) = runs(running)
        assert 0 <= run["started"] - _epoch("2026-03-29T01:00:00") < SOON
        assert upcoming(running, 1) == ["2026-03-30 02:30:00 CEST"]


@pytest.mark.full
@needs_faketime
def test_an_hour_that_comes_twice_runs_a_time_of_day_once(tmp_path: Path) -> None:
    with scheduled(tmp_path, f'{BERLIN}schedule = "30 2 * * *"', now="2026-10-24 12:00:00") as running:
        running.write("a.mkv", b"film")
        until_remembered(running)
    with scheduled(tmp_path, f'{BERLIN}schedule = "30 2 * * *"', now="2026-10-25 00:29:57") as running:
        running.until("a.mkv", "done")
    running = scheduled(tmp_path, f'{BERLIN}schedule = "30 2 * * *"', now="2026-10-25 01:29:55")
    with running:
        eventually_sync(lambda: running.status()["daemon"]["now"] > _epoch("2026-10-25T01:30:03"), what="it has passed")

        assert len(runs(running)) == 1
        assert upcoming(running, 1) == ["2026-10-26 02:30:00 CET"]
