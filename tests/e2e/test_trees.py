"""More files, and more folders, at once than inotify can tell of: all of them are uploaded or accounted for."""

import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from cgctl.connection import Refusal
from cgwire import run as run_wire
from cgwire import task as task_wire
from disks import small_disk
from e2e.running import ENDED, Running
from waiting import eventually_sync

QUEUE: Final = Path("/proc/sys/fs/inotify/max_queued_events")
SEED: Final = int(os.environ.get("CLOUDGATHER_SEED", "0"))

limits = pytest.mark.xdist_group("inotify-limits")


@contextmanager
def short_queue(events: int) -> Iterator[None]:
    """Inotify descriptors made meanwhile hold so many events; those that are there keep theirs."""
    try:
        before = QUEUE.read_text()
        QUEUE.write_text(str(events))
    except OSError as error:
        pytest.skip(f"cannot lower max_queued_events: {error}")
    try:
        yield
    finally:
        QUEUE.write_text(before)


def a_disk(tmp_path: Path, **options: Any) -> Running:
    """A daemon on a plain disk."""
    (tmp_path / "target").mkdir()
    return Running(tmp_path, root=tmp_path / "target", kind="directory", **options)


def triggers(running: Running) -> set[str]:
    """What made the task look where it found something."""
    return {run["trigger"] for run in running.ask(run_wire.List(limit=1000))["runs"]}


def watched(running: Running) -> dict[str, Any]:
    """How the task's source is followed."""
    watch: dict[str, Any] | None = running.status()["tasks"][0]["watch"]
    return watch or {"mode": "off", "reason": None}


def all_accounted_for(running: Running, count: int, *, within: float) -> None:
    """Until so many transfers are done; none is in any other state, and each file is at the target, whole."""
    resting = threading.Event()  # never set: a status asked for all the time would be what the daemon works at

    def all_done() -> bool:
        return bool(running.status()["totals"]["done"][0] >= count) or resting.wait(0.3)

    eventually_sync(all_done, within=within, what="all are done")
    totals = running.status()["totals"]
    assert {state: number for state, (number, _) in totals.items() if number} == {"done": count}
    found = {}
    for folder, _, names in os.walk(running.base):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, running.base)] = os.path.getsize(path)
    assert len(found) == count
    assert set(found.values()) == {5}


# ---- the kernel's queue of events is too short


def burst(running: Running, count: int) -> None:
    """So many files, as fast as they can be made."""
    for number in range(count):
        path = running.source + b"/%d/%d.mkv" % (number // 1000, number)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, b"whole")
        os.close(descriptor)


def for_a_burst(tmp_path: Path, count: int) -> Running:
    """The folders are there before: a new one would be looked through as a whole. So is one file."""
    running = a_disk(tmp_path)
    for number in range(count // 1000):
        os.mkdir(running.source + b"/%d" % number)
    running.write("before.mkv", b"whole")
    return running


def watches_only(running: Running) -> None:
    """Until the scan at the start, which alone finds the first file, is over: it would find the burst, too."""
    eventually_sync(lambda: watched(running)["mode"] == "inotify", what="the watch")
    all_accounted_for(running, 1, within=60)
    eventually_sync(lambda: not running.status()["tasks"][0]["scanning"], what="the end of the scan")


@limits
def test_a_burst_that_overflows_the_queue_of_events(tmp_path: Path) -> None:
    running = for_a_burst(tmp_path, 2000)
    with short_queue(1024), running:
        watches_only(running)
        os.kill(running.pid, signal.SIGSTOP)  # so that it overflows on any machine
        try:
            burst(running, 2000)
        finally:
            os.kill(running.pid, signal.SIGCONT)

        all_accounted_for(running, 2001, within=90)
        assert "overflow" in triggers(running)


@limits
@pytest.mark.full
@pytest.mark.timeout(1000)
def test_two_hundred_thousand_files_in_a_burst(tmp_path: Path) -> None:
    running = for_a_burst(tmp_path, 200_000)
    with ExitStack() as while_it_begins, stopped_at_the_end(running):
        while_it_begins.enter_context(short_queue(1024))
        running.start()
        watches_only(running)  # it answers before it watches
        while_it_begins.close()
        burst(running, 200_000)

        all_accounted_for(running, 200_001, within=900)
        assert "overflow" in triggers(running)


@contextmanager
def stopped_at_the_end(running: Running) -> Iterator[None]:
    """Whoever enters this starts it."""
    try:
        yield
    finally:
        code = running.stop(within=60)
    assert code == 0


# ---- more folders than may be watched


@pytest.mark.full
@pytest.mark.timeout(500)
def test_more_folders_than_watches(tmp_path: Path) -> None:
    limited = ["unshare", "--user", "--map-root-user"]
    probe = subprocess.run([*limited, "test", "-w", "/proc/sys/user/max_inotify_watches"], check=False)
    if probe.returncode != 0:
        pytest.skip("no user namespaces here")
    lower = 'echo 10 > /proc/sys/user/max_inotify_watches; exec "$@"'
    running = a_disk(tmp_path, wrapper=[*limited, "sh", "-c", lower, "-"])
    for number in range(30):
        running.write(f"{number}/before.mkv", b"whole")
    with running:
        all_accounted_for(running, 30, within=100)
        assert watched(running)["mode"] == "polling"
        assert watched(running)["reason"]["code"] == "watch.limit"
        assert "the kernel allows 10" in running.cgctl("status").stdout

        for number in range(30):
            running.write(f"{number}/after.mkv", b"whole")
        all_accounted_for(running, 60, within=300)


# ---- trees that come and go


@pytest.mark.timeout(400)
def test_a_thousand_folders_made_and_filled_at_once(tmp_path: Path) -> None:
    with a_disk(tmp_path) as running:
        eventually_sync(lambda: watched(running)["mode"] == "inotify", what="the watch")
        for number in range(1000):
            running.write(f"{number}/inner/a.mkv", b"whole")

        all_accounted_for(running, 1000, within=300)


@pytest.mark.timeout(300)
def test_a_tree_that_is_moved_in_and_out_while_it_is_scanned(tmp_path: Path) -> None:
    luck = random.Random(SEED)
    outside = tmp_path / "outside"
    for number in range(40):
        folder = outside / f"{number % 8}" / f"{number}"
        folder.mkdir(parents=True)
        for name in range(10):
            (folder / f"{name}.mkv").write_bytes(b"whole")
    with a_disk(tmp_path) as running:
        eventually_sync(lambda: watched(running)["mode"] == "inotify", what="the watch")
        stays = os.path.join(running.source, b"tree")
        scans = 0
        for _ in range(12):
            os.rename(outside, stays)
            with suppress(Refusal):  # the scan before has not ended
                running.ask(task_wire.Run(name="film"))
                scans += 1
            threading.Event().wait(luck.uniform(0.0, 0.3))  # the moment is the input of this test
            if luck.random() < 0.5:  # also a part of it, under another name
                os.rename(stays + b"/3", stays + b"/other")
                os.rename(stays + b"/other", stays + b"/3")
            os.rename(stays, outside)
        assert scans
        os.rename(outside, stays)

        wanted = {b"tree/%d/%d/%d.mkv" % (each % 8, each, name) for each in range(40) for name in range(10)}

        def settled() -> bool:
            totals = running.status()["totals"]
            if totals["done"][0] < 400 or any(totals[each][0] for each in totals if each not in ENDED):
                return False
            return wanted <= running.sent().keys()

        eventually_sync(settled, within=100, what="all are done")
        assert set(running.states().values()) <= {"done", "vanished"}
        # Under its other name a part stood for an instant, which is long enough where this process is not let run.
        assert all(name in wanted or name.startswith(b"tree/other/") for name in running.sent())
        assert set(running.sent().values()) == {b"whole"}
        assert all(running.times_written(name) == 1 for name in running.sent())


# ---- the watched root itself


def test_a_root_that_is_renamed_deleted_and_made_again(tmp_path: Path) -> None:
    with a_disk(tmp_path) as running:
        running.write("1.mkv", b"whole")
        running.until("1.mkv", "done")

        os.rename(running.source, tmp_path / "away")
        eventually_sync(lambda: "source.gone" in held_by(running), what="that it is told")
        os.mkdir(running.source)
        running.write("2.mkv", b"whole")
        running.until("2.mkv", "done")

        shutil.rmtree(running.source)
        eventually_sync(lambda: "source.gone" in held_by(running), what="that it is told")
        os.rename(tmp_path / "away", running.source)
        running.write("3.mkv", b"whole")
        running.until("3.mkv", "done")

        assert set(running.sent()) == {b"1.mkv", b"2.mkv", b"3.mkv"}
        assert running.times_written("1.mkv") == 1


@pytest.mark.full
@pytest.mark.timeout(400)
def test_a_root_that_is_unmounted_while_files_wait_and_mounted_again(tmp_path: Path) -> None:
    running = a_disk(tmp_path)
    with small_disk(tmp_path / "disk") as disk:

        def mount() -> None:
            subprocess.run(["mount", "--bind", str(disk), os.fsdecode(running.source)], check=True)

        mount()
        try:
            with running:
                running.write("1.mkv", b"whole")
                running.until("1.mkv", "done")
                running.cgctl("queue", "pause")
                running.write("2.mkv", b"whole")
                running.until("2.mkv", "queued")

                subprocess.run(["umount", "-l", os.fsdecode(running.source)], check=True)
                running.cgctl("queue", "resume")

                def is_missed() -> bool:
                    reason = running.why("2.mkv")["transfer"]["reason"]  # none before it was tried
                    return reason is not None and bool(reason["code"] == "held.source")

                eventually_sync(is_missed, what="that its disk is missed")
                (disk / "3.mkv").write_bytes(b"whole")
                mount()

                running.until("3.mkv", "done")
                running.until("2.mkv", "done", within=200)  # its disk is looked for once a minute
                assert running.times_written("1.mkv") == 1
                assert set(running.states().values()) == {"done"}
        finally:
            subprocess.run(["umount", "-l", os.fsdecode(running.source)], check=False, capture_output=True)


def held_by(running: Running) -> set[str]:
    """What holds the task, and why its source is not followed."""
    (task,) = running.status()["tasks"]
    reasons = [*task["held"], *(each["cause"] for each in task["held"] if each.get("cause"))]
    reasons += [reason] if (reason := watched(running)["reason"]) else []
    return {each["code"] for each in reasons}
