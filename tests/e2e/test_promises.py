"""Promises that were found broken with a real daemon."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cgwire import daemon as daemon_wire
from cgwire import queue as queue_wire
from disks import filled, small_disk
from e2e.running import Running
from waiting import eventually_sync

pytestmark = pytest.mark.timeout(400)


def a_disk(tmp_path: Path, **options: object) -> Running:
    (tmp_path / "target").mkdir()
    return Running(tmp_path, root=tmp_path / "target", kind="directory", **options)  # type: ignore[arg-type]


def held(running: Running) -> set[str]:
    return {reason["code"] for reason in running.status()["daemon"]["held"]}


def test_a_state_disk_that_was_full_is_used_again_once_it_has_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state"), a_disk(tmp_path) as running:
        ballast = filled(tmp_path / "state")
        for number in range(300):
            running.write(f"{number}.mkv", b"x")
        eventually_sync(lambda: "held.state-full" in held(running), within=60, what="that it says so")
        ballast.unlink()
        running.until_idle(300, within=120)

        assert set(running.states().values()) == {"done"}
        assert len(running.sent()) == 300
        assert held(running) == set()


def test_a_daemon_that_finds_its_state_disk_full_says_so_and_can_be_stopped(tmp_path: Path) -> None:
    with small_disk(tmp_path / "state"):
        running = a_disk(tmp_path, target='profile = "lan"\nbandwidth = "100KiB/s"')
        running.start()
        running.write("a.mkv", bytes(1 << 20))
        running.until("a.mkv", "copying")
        running.kill()
        # What the write-ahead log takes would be room enough; while it is open, its files stay.
        with closing(sqlite3.connect(tmp_path / "state" / "state.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            ballast = filled(tmp_path / "state")
            running.start(wait=False)
            eventually_sync(lambda: "held.state-full" in held_or_nothing(running), within=60, what="that it says so")
        assert running.stop() == 0
        ballast.unlink()
        with running:
            running.until("a.mkv", "done", within=60)


def held_or_nothing(running: Running) -> set[str]:
    try:
        return held(running)
    except OSError:
        return set()
    except Exception as error:
        assert type(error).__name__ in ("Unreachable", "Refusal"), error
        return set()


def test_a_task_that_is_given_another_folder_sends_there(tmp_path: Path) -> None:
    with a_disk(tmp_path) as running:
        running.write("a.mkv", b"a")
        running.until("a.mkv", "done")
        running.ask(queue_wire.Pause())
        running.write("b.mkv", b"b")
        running.until("b.mkv", "queued")
        file = running.tasks_dir / "film.toml"
        file.write_text(file.read_text().replace("cloud:films", "cloud:cinema"))
        assert running.ask(daemon_wire.Reload())["problems"] == []
        running.ask(queue_wire.Resume())
        running.until("b.mkv", "done")

        assert (tmp_path / "target" / "cinema" / "b.mkv").read_bytes() == b"b"
        assert not (tmp_path / "target" / "films" / "b.mkv").exists()


def test_a_folder_of_tasks_that_is_away_cancels_nothing(tmp_path: Path) -> None:
    with a_disk(tmp_path) as running:
        running.ask(queue_wire.Pause())
        running.write("a.mkv", b"content")
        running.until("a.mkv", "queued")
        os.rename(running.tasks_dir, tmp_path / "away")
        refused = running.cgctl("config", "reload", check=False)
        assert refused.returncode != 0
        assert "tasks.d" in refused.stdout + refused.stderr
        assert running.states() == {b"a.mkv": "queued"}

        assert running.stop() == 0
        running.start(wait=False)
        assert running.ended() == 78
        os.rename(tmp_path / "away", running.tasks_dir)
        running.start()
        running.ask(queue_wire.Resume())
        running.until("a.mkv", "done")


def test_a_task_that_is_set_aside_keeps_no_other_from_being_changed(tmp_path: Path) -> None:
    running = a_disk(tmp_path)
    (running.tasks_dir / "broken.toml").write_text("source = 1\n")
    with running:
        source = tmp_path / "more"
        source.mkdir()
        (source / "b.mkv").write_bytes(b"content")
        running.cgctl("task", "add", "more", "--from", str(source), "--to", "cloud:more", "--settle", "1s", "--yes")
        eventually_sync(lambda: (tmp_path / "target" / "more" / "b.mkv").exists(), what="the other task's file")

        assert "broken" in running.cgctl("status").stdout
        (running.tasks_dir / "film.toml").write_text("source = 1\n")
        assert running.cgctl("config", "reload", check=False).returncode != 0
        assert [task["name"] for task in running.status()["tasks"]] == ["film", "more"]
