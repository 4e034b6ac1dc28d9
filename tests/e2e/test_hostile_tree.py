"""Somebody rearranges source and target while files are sent: nothing outside of them is read or written, ever."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgctl.connection import Refusal
from cgwire import history as history_wire
from cgwire import path as path_wire
from cgwire import queue as queue_wire
from cgwire import task as task_wire
from e2e.notices import TOUCHED, Notices
from e2e.running import Running
from waiting import eventually_sync

SIZE = 3000
HONEST, CANARY = b"h" * SIZE, b"c" * SIZE
MTIME_NS = 1_700_000_000_000_000_000
# Each is a folder or file of the source, which somebody exchanges for a symlink.
FILES = ("d/a.mkv", "d/b.mkv", "d/sub/c.mkv", "top/mid/e.mkv", "single.mkv")


def fill(folder: Path, content: bytes) -> None:
    """The same tree everywhere: only inode and content tell its files apart."""
    for name in FILES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, ns=(MTIME_NS, MTIME_NS))


def linked(name: Path, to: Path) -> list[str]:
    """A pair of names to exchange: `name`, and a symlink beside it that leads to `to`."""
    link = name.with_name(f"link-{name.name}")
    link.symlink_to(to)
    return [str(name), str(link)]


@contextmanager
def swapping(pairs: list[str]) -> Iterator[list[int]]:
    """While it lasts; then the list holds how often each pair was exchanged."""
    counts: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-m", "e2e.swapper", *pairs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as attacker:
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        try:
            yield counts
        finally:
            attacker.stdin.close()
            counts.append(int(attacker.stdout.read() or b"0"))


def asked_everything(running: Running) -> None:
    """All that makes the daemon look at the source, read it and write to the target."""
    orders = (
        task_wire.Run(name="film", overwrite=True),
        task_wire.Run(name="film", dry_run=True),
        task_wire.Verify(name="film"),
        path_wire.Upload(paths=tuple(running.path(name) for name in (*FILES, "d")), skip_settle=True),
        *(path_wire.Why(path=running.path(name)) for name in FILES),
    )
    for order in orders:
        try:
            running.ask(order)
        except Refusal as refused:
            assert refused.reason["code"] != "error.internal"


def outcomes(running: Running) -> Counter[str]:
    """How often each event, and each reason, stands in the history."""
    moves = running.ask(history_wire.List(limit=10_000))["moves"]
    return Counter([move["event"] for move in moves] + [move["reason"]["code"] for move in moves if move["reason"]])


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seconds", [4, pytest.param(40, marks=pytest.mark.full)])
def test_symlinks_swapped_in_lead_nowhere(tmp_path: Path, seconds: int) -> None:
    outside, elsewhere, target = tmp_path / "outside", tmp_path / "elsewhere", tmp_path / "target"
    source, films = tmp_path / "source", target / "films"
    fill(outside, CANARY)
    fill(source, HONEST)
    fill(elsewhere, CANARY)
    for made in ("d/sub", "top/mid"):
        (films / made).mkdir(parents=True)
    pairs = [
        *linked(source / "d", outside / "d"),
        *linked(source / "top", outside / "top"),
        *linked(source / "single.mkv", outside / "single.mkv"),
        *linked(films / "d", elsewhere / "d"),
    ]
    tasks = {
        "film": f'source = "{source}"\ntarget = "cloud:films"\nsettle = "1s"\nwatch = false\n',
        "watched": f'source = "{source}"\ntarget = "cloud:watched"\nsettle = "1s"\n',
    }
    running = Running(tmp_path, root=target, kind="directory", tasks=tasks)
    with running, Notices() as touched:
        for folder in (outside, elsewhere):
            for below in ("", "d", "d/sub", "top", "top/mid"):
                touched.watch(os.fsencode(folder / below), TOUCHED)
        with swapping(pairs) as swaps:
            least = time.monotonic() + seconds

            def has_raced() -> bool:
                """For long enough, and both won and lost by the daemon, at the source and at the target."""
                asked_everything(running)
                met = outcomes(running)
                lost = met["vanish"] + met["change"] > 0 and met["fail.occupied"] > 0
                return time.monotonic() > least and met["write"] > 0 and lost

            eventually_sync(has_raced, within=seconds + 60, what="a race that is won and lost")

        assert touched.wait(0) == []
        assert b"c" * 100 not in b"".join(running.sent().values())
        assert swaps[0] > 1000
        assert "Traceback" not in running.said()
        arrives_at_last(running)


def arrives_at_last(running: Running) -> None:
    """Once nobody interferes any more, and what was under way meanwhile is over, all is sent as it is."""

    def scanned() -> bool:
        try:
            running.ask(task_wire.Run(name="film", overwrite=True))
        except Refusal as refused:
            assert refused.reason["code"] == "error.running"  # a scan of the race goes on
            return False
        return True

    eventually_sync(scanned, what="a scan of its own")
    moving = {"copying", "publishing", "written"}
    eventually_sync(
        lambda: moving.isdisjoint(each["state"] for each in running.transfers()),
        what="the end of what met the attacker",
    )
    running.ask(queue_wire.Retry(states=("failed",)))
    whole = {os.fsencode(name): HONEST for name in FILES}

    def arrived() -> bool:
        sent = running.sent()
        return {name: sent.get(name) for name in whole} == whole

    eventually_sync(arrived, within=60, what="all files")
