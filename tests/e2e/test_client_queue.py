"""The queue steered with cgctl, and what history and logs tell of it."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire import history as history_wire
from cgwire import queue as queue_wire
from e2e.running import Running
from waiting import eventually_sync

MIB = 1 << 20


def slow(tmp_path: Path, *, task: str = "") -> Running:
    """A daemon that copies one file at a time, slowly enough to be met half-way, until it is to hurry."""
    (tmp_path / "target").mkdir()
    target = 'bandwidth = "256KiB/s"\nprofile = "lan"\nparallel = 1'
    return Running(tmp_path, root=tmp_path / "target", kind="directory", target=target, task=task)


def queue(running: Running, *words: str) -> Any:
    """The transfers of queue list."""
    return json.loads(running.cgctl("queue", "list", "--json", *words).stdout)["transfers"]


def uploaded(running: Running) -> list[str]:
    """Names in the order in which history says that they were uploaded."""
    moves = running.ask(history_wire.List(task="film", limit=1000))["moves"]
    return [os.fsdecode(move["path"]) for move in reversed(moves) if move["event"] == "write"]


# ---- cancel, retry, first, pause, clear ------------------------------------------------------------------------------


def test_a_running_transfer_is_cancelled_and_stays_so_until_retried(tmp_path: Path) -> None:
    content = os.urandom(12 * MIB)
    with slow(tmp_path) as running:
        running.write("a.mkv", content)
        running.until("a.mkv", "copying")
        (moving,) = queue(running, "--state", "copying")

        assert "cancelled: 1" in running.cgctl("queue", "cancel", str(moving["id"])).stdout
        assert running.states() == {b"a.mkv": "cancelled"}  # what is acknowledged would survive a kill
        eventually_sync(lambda: running.sent() == {}, what="no temporary")
        assert "nothing to do" in running.cgctl("task", "run", "film", "--wait").stdout
        assert running.states() == {b"a.mkv": "cancelled"}
        why = running.cgctl("why", running.path("a.mkv")).stdout
        assert "The upload was cancelled" in why
        assert f"cgctl queue retry {moving['id']}" in why

        running.hurry()
        assert "queued again: 1" in running.cgctl("queue", "retry", str(moving["id"])).stdout
        running.until("a.mkv", "done")
        assert running.sent() == {b"a.mkv": content}


@pytest.mark.full
def test_a_batch_that_takes_long_to_stop_is_not_told_to_be_cancelled_yet(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    target = 'profile = "disk"\nbandwidth = "128KiB/s"'
    with Running(tmp_path, root=tmp_path / "target", kind="directory", target=target) as running:
        running.cgctl("queue", "pause")
        for number in range(12):
            running.write(f"{number}.mkv", bytes(MIB // 2))
            running.until(f"{number}.mkv", "queued")
        running.cgctl("queue", "resume")
        running.until("0.mkv", "copying")

        reply = running.ask(queue_wire.Cancel(all=True))

        assert reply == {"count": 0, "ending": 12}
        running.hurry()
        running.until_idle(12)
        assert set(running.states().values()) == {"cancelled"}
        eventually_sync(lambda: running.sent() == {}, what="no temporary")


def test_what_is_put_first_goes_first(tmp_path: Path) -> None:
    with slow(tmp_path) as running:
        running.cgctl("queue", "pause")
        for name in "abcd":
            running.write(f"{name}.mkv", name.encode())
            running.until(f"{name}.mkv", "queued")
        assert [item["path"] for item in queue(running)] == ["a.mkv", "b.mkv", "c.mkv", "d.mkv"]

        assert "goes first: 1" in running.cgctl("queue", "first", "d.*").stdout
        assert [item["path"] for item in queue(running)] == ["d.mkv", "a.mkv", "b.mkv", "c.mkv"]
        assert "3 transfers ahead of it" not in running.cgctl("why", running.path("d.mkv")).stdout
        running.cgctl("queue", "resume")
        running.until_idle(4)

        assert uploaded(running) == ["d.mkv", "a.mkv", "b.mkv", "c.mkv"]


def test_pausing_the_queue_interrupts_and_resuming_goes_on(tmp_path: Path) -> None:
    content = os.urandom(12 * MIB)
    with slow(tmp_path) as running:
        running.write("a.mkv", content)
        running.until("a.mkv", "copying")

        running.cgctl("queue", "pause")
        running.until("a.mkv", "queued")
        assert "held.queue-paused" in running.codes("a.mkv")
        assert "the queue is paused" in running.cgctl("status").stdout
        eventually_sync(lambda: running.sent() == {}, what="no temporary")
        running.hurry()
        running.cgctl("queue", "resume")
        running.until("a.mkv", "done")

        assert running.sent() == {b"a.mkv": content}
        assert running.transfers()[0]["attempts"] == 0  # it was no fault of its own


def test_pausing_a_task_or_a_target_interrupts_what_runs(tmp_path: Path) -> None:
    content = os.urandom(12 * MIB)
    with slow(tmp_path) as running:
        running.write("a.mkv", content)
        for noun, name, held in (("task", "film", "held.task-paused"), ("target", "cloud", "held.target-paused")):
            running.until("a.mkv", "copying")
            running.cgctl(noun, "pause", name)
            running.until("a.mkv", "queued")
            assert held in running.codes("a.mkv")
            assert f"cgctl {noun} resume {name}" in running.cgctl("status").stdout
            running.cgctl(noun, "resume", name)
        running.hurry()
        running.until("a.mkv", "done")

        assert running.sent() == {b"a.mkv": content}


def test_ended_transfers_leave_the_list_and_stay_on_record(tmp_path: Path) -> None:
    with slow(tmp_path) as running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")

        assert running.cgctl("queue", "clear", check=False).returncode == 1
        assert "cleared: 1" in running.cgctl("queue", "clear", "--all").stdout
        assert queue(running) == []
        assert running.why("a.mkv")["verdict"] == "uploaded"
        assert "nothing to do" in running.cgctl("task", "run", "film", "--wait").stdout


def test_an_order_about_nothing_fails(tmp_path: Path) -> None:
    with slow(tmp_path) as running:
        for words in (["retry", "99"], ["cancel", "nothing*"], ["first", "--task", "film"], ["cancel"]):
            assert running.cgctl("queue", *words, check=False).returncode == 1, words
        assert running.cgctl("queue", "show", "99", check=False).returncode == 5


# ---- held by the hour ------------------------------------------------------------------------------------------------


def test_outside_its_window_a_task_holds_and_tells_when_it_opens(tmp_path: Path) -> None:
    opens = (datetime.now() + timedelta(hours=2)).replace(second=0, microsecond=0)
    closes = opens + timedelta(hours=1)
    with slow(tmp_path, task=f'upload_window = "{opens:%H:%M}-{closes:%H:%M}"') as running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "queued")

        (held,) = running.why("a.mkv")["transfer"]["held"]
        assert held["code"] == "held.window"
        assert held["until"] == opens.timestamp()
        said = running.cgctl("why", running.path("a.mkv")).stdout
        assert f"utside the upload window {opens:%H:%M}-{closes:%H:%M} of the task; it opens at" in said
        running.cgctl("task", "edit", "film", "--unset", "upload_window")
        running.until("a.mkv", "done")


# ---- history and logs ------------------------------------------------------------------------------------------------


def test_history_and_logs_have_a_line_for_each_file_and_outcome(tmp_path: Path) -> None:
    with slow(tmp_path) as running:
        os.makedirs(running.base + b"/bad.mkv")
        running.write("good.mkv", b"good")
        running.write("bad.mkv", b"bad")
        running.until_idle(2)

        moves = json.loads(running.cgctl("history", "--json").stdout)["moves"]
        assert sorted((move["path"], move["after"]) for move in moves) == [("bad.mkv", "failed"), ("good.mkv", "done")]
        steps = json.loads(running.cgctl("history", "-v", "--json", running.path("good.mkv")).stdout)["moves"]
        assert [move["after"] for move in steps] == ["done", "written", "publishing", "copying"]
        lines = running.cgctl("logs", "--task", "film").stdout.splitlines()
        assert sum("good.mkv uploaded" in line for line in lines) == 1
        assert sum("bad.mkv failed" in line for line in lines) == 1
        assert "uploaded and stored, 4 B" in running.cgctl("logs").stdout
        assert "good.mkv" in running.cgctl("history", "--task", "film").stdout


def test_logs_of_a_run_and_its_transfers(tmp_path: Path) -> None:
    with slow(tmp_path, task="watch = false") as running:
        running.write("first.mkv", b"film")
        running.cgctl("task", "run", "film", "--wait")
        running.write("second.mkv", b"film")
        running.cgctl("task", "run", "film", "--wait")
        newest, oldest = json.loads(running.cgctl("run", "list", "--json").stdout)["runs"]

        assert (newest["uploaded"], oldest["uploaded"], oldest["trigger"]) == (1, 1, "manual")
        said = running.cgctl("logs", "--run", str(newest["id"])).stdout
        assert "second.mkv uploaded" in said
        assert "first.mkv" not in said
        assert "second.mkv" in running.cgctl("run", "show", str(newest["id"])).stdout
        assert running.cgctl("run", "show", "99", check=False).returncode == 5
        assert running.cgctl("logs", "--task", "nosuch", check=False).returncode == 5


def test_logs_are_followed(tmp_path: Path) -> None:
    with slow(tmp_path) as running:
        words = ["--socket", os.fsdecode(running.socket), "logs", "-f", "-n", "0", "--task", "film"]
        environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            [sys.executable, "-m", "cgctl", *words], stdout=subprocess.PIPE, text=True, env=environ
        ) as following:
            assert following.stdout is not None
            try:
                eventually_sync(lambda: connections(following.pid), what="it is connected")
                running.write("a.mkv", b"film")
                running.until("a.mkv", "done")

                # The watch may only just have begun when it connected, and its line is followed as well.
                told = next(line for line in following.stdout if "a.mkv" in line)
                assert "a.mkv uploaded and stored" in told
            finally:
                following.terminate()


def connections(pid: int) -> int:
    """Sockets that the process has open and whose answers it has come to wait for."""
    try:
        waits = Path(f"/proc/{pid}/wchan").read_text()
        links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return 0
    return sum(link.startswith("socket:") for link in links) if "poll" in waits or "unix" in waits else 0
