"""The wall clock is set while files wait for it: by hours both ways, and from 1970 to today."""

import errno
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from e2e.running import Running
from e2e.test_schedules import at, needs_faketime, runs
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

NOON = "2026-03-10 12:00:00"
LONG = 100.0  # seconds: the clock is looked at twice a minute


class SetClock:
    """A wall clock that begins at some instant (UTC) and can be set, for one daemon."""

    def __init__(self, folder: Path, begin: str) -> None:
        self._file = folder / "clock"
        self._begin = datetime.fromisoformat(begin)
        self.set(timedelta())

    def set(self, ahead: timedelta) -> None:
        """As if it had begun so much later (or earlier); it runs on from there."""
        new = self._file.with_suffix(".new")
        new.write_text(f"@{(self._begin + ahead).isoformat(' ', 'seconds')}\n")
        new.replace(self._file)

    def environ(self) -> dict[str, str]:
        """Of a daemon that goes by it."""
        others = {name: value for name, value in at(NOON).items() if name != "FAKETIME"}
        return {**others, "FAKETIME_TIMESTAMP_FILE": str(self._file)}


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[SickMount]:
    with SickMount(tmp_path) as mount:
        yield mount


def transfer(running: Running, name: str) -> dict[str, Any]:
    (found,) = [each for each in running.transfers() if each["path"] == os.fsencode(name)]
    return found


def now(running: Running) -> float:
    return float(running.status()["daemon"]["now"])


def held_until(running: Running, name: str, code: str) -> float:
    """Until when the file waits for this."""
    (reason,) = [each for each in transfer(running, name)["held"] if each["code"] == code]
    return float(reason["until"])


@pytest.mark.full
@needs_faketime
def test_a_daemon_that_boots_in_1970_serves_then_and_after_the_clock_was_set(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    clock = SetClock(tmp_path, "1970-01-01 00:05:00")
    scheduled = f'source = "{tmp_path}/other"\ntarget = "cloud:other"\nwatch = false\nschedule = "0 3 * * *"\n'
    (tmp_path / "other").mkdir()
    watched = f'source = "{tmp_path}/source"\ntarget = "cloud:films"\nsettle = "1s"\n'
    running = Running(
        tmp_path,
        root=tmp_path / "target",
        kind="directory",
        tasks={"film": watched, "other": scheduled},
        environ=clock.environ(),
    )
    with running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")
        assert 0 < now(running) < 3600
        sent = os.stat(running.base + b"/a.mkv")
        clock.set(timedelta(days=20_522))  # 2026-03-10 00:05
        running.write("b.mkv", b"film")
        running.until("b.mkv", "done")

        assert transfer(running, "b.mkv")["attempts"] == 0
        assert len([run for run in runs(running) if run["task"] == "other"]) <= 1
    running = Running(
        tmp_path,
        root=tmp_path / "target",
        kind="directory",
        tasks={"film": watched, "other": scheduled},
        environ=clock.environ(),
    )
    with running:
        running.write("c.mkv", b"film")
        running.until("c.mkv", "done")
        # What was sent in 1970 has left the history by now, and is still known to be there.
        assert "skip.sent" in running.codes("a.mkv")
        assert os.stat(running.base + b"/a.mkv") == sent


@pytest.mark.full
@pytest.mark.timeout(600)
@needs_faketime
@needs_sick
def test_a_clock_that_is_set_by_hours_keeps_nothing_waiting_and_lets_nothing_go_early(
    tmp_path: Path, sick: SickMount
) -> None:
    (tmp_path / "nightly").mkdir()
    clock = SetClock(tmp_path, NOON)
    film = f'source = "{tmp_path}/source"\ntarget = "cloud:films"\nsettle = "1s"\n'
    night = (
        f'source = "{tmp_path}/source/night"\ntarget = "nightly:films"\nsettle = "1s"\nupload_window = "20:00-22:00"\n'
    )
    nightly = f'[targets.nightly]\nroot = "{tmp_path}/nightly"\nkind = "directory"\nretry_most = "30m"\n'
    running = Running(
        tmp_path,
        root=sick.root,
        target=f'parallel = 1\nprofile = "lan"\n{nightly}',
        retry="30m",
        tasks={"film": film + '[filter]\nexclude_dirs = ["night"]\n', "night": night},
        environ=clock.environ(),
    )
    running.write("night/n.mkv", b"film")
    with running:
        # A retry that waits, then a breaker that is open, and a window that is not.
        sick.fail("write", errno.EIO, times=1)
        running.write("a.mkv", b"film")
        eventually_sync(lambda: sick.struck("write") == 1, what="a failed attempt")
        running.until("a.mkv", "queued")
        sick.fail("write", errno.ENOSPC, times=1)
        running.write("b.mkv", b"film")
        running.until_code("b.mkv", "held.breaker")
        running.until_code("night/n.mkv", "held.window")
        due = transfer(running, "a.mkv")["due"]
        assert due > now(running) + 20 * 60

        clock.set(timedelta(hours=-5))
        eventually_sync(lambda: now(running) < due - 4 * 3600, what="the clock was set back")
        # Nothing waits for longer than it would have at most: the clock was put back, and not the time.
        eventually_sync(
            lambda: transfer(running, "a.mkv")["due"] <= now(running) + 38 * 60,
            within=LONG,
            what="the retry is clamped",
        )
        assert held_until(running, "b.mkv", "held.breaker") <= now(running) + 30 * 60
        assert running.sent(sick.backing) == {}
        assert transfer(running, "n.mkv")["state"] == "queued"

        clock.set(timedelta(hours=-4))  # 08:00
        for name in ("a.mkv", "b.mkv"):
            running.until(name, "done", within=LONG)
        assert running.sent(sick.backing) == {b"a.mkv": b"film", b"b.mkv": b"film"}
        assert transfer(running, "n.mkv")["state"] == "queued"

        clock.set(timedelta(hours=8, minutes=30))  # 20:30: in the window
        running.until("n.mkv", "done", within=LONG)

        clock.set(timedelta(hours=-1))  # 11:00: out of it
        eventually_sync(lambda: now(running) < due, what="the clock was set back")
        running.write("night/m.mkv", b"film")
        running.until_code("night/m.mkv", "held.window", within=LONG)
        running.until("m.mkv", "queued")
        assert {running.times_written(name) for name in ("a.mkv", "b.mkv")} == {1}
        assert "Traceback" not in running.said()
