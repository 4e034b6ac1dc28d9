"""A disk fills up: what cannot go on says why and waits, nothing is lost, and all goes on by itself once there is room.

The disk of the state is in test_promises.
"""

import os
from pathlib import Path

import pytest

from disks import filled, small_disk
from e2e.expecting import all_arrive, attempts, until_held
from e2e.running import Running
from waiting import eventually_sync

MIB = 1 << 20


def says(running: Running, text: str, *words: str | bytes) -> None:
    """Until the client's output has this text."""
    eventually_sync(lambda: text in running.cgctl(*words).stdout, what=text)


@pytest.mark.timeout(400)
def test_a_target_disk_that_is_full_is_used_again_once_it_has_room(tmp_path: Path) -> None:
    contents = {b"%d.mkv" % number: os.urandom(100_000) for number in range(5)}
    with (
        small_disk(tmp_path / "target") as disk,
        Running(tmp_path, root=disk, kind="directory", target="attempts = 1") as running,
    ):
        ballast = filled(disk)
        for name, content in contents.items():
            running.write(name, content)
        until_held(running, "0.mkv", "held.breaker", cause="fail.full")
        # Not while it is tried again, which it is ever less often.
        says(running, "he target is full", "--lang", "en", "status")
        says(running, "目标空间已满", "--lang", "zh-CN", "why", running.path("0.mkv"))
        assert not {"done", "failed"} & set(running.states().values())
        assert not any(name in running.sent() for name in contents)

        ballast.unlink()

        all_arrive(running, os.fsencode(disk), contents, within=100)
        assert attempts(running) == {0}


@pytest.mark.full
@pytest.mark.timeout(400)
def test_a_target_disk_that_fills_up_in_the_middle_of_a_copy_keeps_nothing_of_it(tmp_path: Path) -> None:
    content = os.urandom(2 * MIB)
    with (
        small_disk(tmp_path / "target") as disk,
        Running(tmp_path, root=disk, kind="directory") as running,
    ):
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(2 * MIB))
        running.write("a.mkv", content)
        until_held(running, "a.mkv", "held.breaker", cause="fail.full")
        eventually_sync(lambda: running.sent() == {}, what="nothing of it is left")

        ballast.unlink()

        all_arrive(running, os.fsencode(disk), {b"a.mkv": content}, within=100)


def test_a_log_disk_that_is_full_stops_nothing_and_says_afterwards_what_it_lost(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    running = Running(tmp_path, root=tmp_path / "target", kind="directory")
    logs = tmp_path / "logs"
    running.config.write_text(running.config.read_text().replace("[daemon]\n", f'[daemon]\nlog_dir = "{logs}"\n'))
    with small_disk(logs, size="64k"), running:
        log = logs / "cloudgather.log"
        eventually_sync(log.exists, what="the log")
        ballast = filled(logs)
        names = [b"%d.mkv" % number for number in range(200)]
        for name in names:
            running.write(name, b"content")
        running.until_idle(len(names))
        assert set(running.states().values()) == {"done"}
        eventually_sync(lambda: running.status()["daemon"]["problems"], what="the log's trouble is known")
        told = running.cgctl("--lang", "en", "status").stdout
        assert "the log cannot be written, its lines are lost" in told
        assert "No space left on device" in told
        assert "无法写入日志" in running.cgctl("--lang", "zh-CN", "status").stdout
        assert not log.read_text().endswith("199.mkv uploaded and stored, 7 B\n")

        ballast.unlink()
        running.write("after.mkv", b"content")

        eventually_sync(lambda: "after.mkv uploaded" in log.read_text(), what="lines again")
        eventually_sync(lambda: "lines were dropped" in log.read_text(), what="what was lost is told")
        assert running.status()["daemon"]["problems"] == []
