"""The disk with the database is full: it says so, loses nothing, can be read, and goes on once there is space."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.transfer import Event, State
from cloudgather.ports import Chosen, QueueStore, StoreUnavailable
from cloudgather.store.errors import StateUnusable
from queueing import NOW, Do, a_plan, claimed, moved_on, running_store

THOUSAND = [a_plan(b"%d" % number) for number in range(1000)]


@contextmanager
def small_disk(mount_point: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    mount_point.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount_point)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this place does not let root mount a tmpfs")
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", str(mount_point)], check=True)


def filled(disk: Path) -> Path:
    """A file that takes all that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def add_until_refused(store: QueueStore, do: Do) -> tuple[int, StoreUnavailable]:
    for batch in range(10_000):
        try:
            do(store.add([a_plan(b"%d/%d" % (batch, number)) for number in range(10)], now=NOW))
        except StoreUnavailable as refused:
            return batch * 10, refused
    raise AssertionError("the disk never got full")


def test_a_full_disk_refuses_writes_loses_nothing_and_is_got_over(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, running_store(str(disk / "state")) as (store, do):
        do(store.add([a_plan(b"first", priority=1), *THOUSAND], now=NOW))
        transfer = do(claimed(store))
        ballast = filled(disk)

        added, refused = add_until_refused(store, do)
        added += len(THOUSAND)
        with pytest.raises(StoreUnavailable):
            for _ in range(10_000):
                do(store.set_flag("some", "x" * 4096))
                do(store.set_flag("some", None))
        seen = do(store.transfers(Chosen(), limit=100_000))
        counted = do(store.counts())
        ballast.unlink()
        written = do(moved_on(store, transfer, Event.PUBLISH, Event.WRITE))
        do(store.add([a_plan(b"afterwards")], now=NOW))

        assert refused.reason.code == Code.HELD_STATE_FULL
        assert refused.reason.facts["file"] == str(disk / "state" / "state.db")
        assert len(seen) == added + 1
        assert counted[("films", "cloud", State.QUEUED)] == (added, 100 * added)
        assert written.state is State.WRITTEN
        assert do(store.count(Chosen())) == added + 2


def test_a_disk_that_is_full_when_the_daemon_stops_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        with running_store(str(disk / "state")) as (store, do):
            do(store.add(THOUSAND, now=NOW))
            ballast = filled(disk)
            added, _ = add_until_refused(store, do)
        ballast.unlink()

        with running_store(str(disk / "state")) as (store, do):
            assert do(store.count(Chosen())) == len(THOUSAND) + added


def test_a_start_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        with running_store(str(disk / "state")) as (store, do):
            do(store.add(THOUSAND, now=NOW))
        ballast = filled(disk)

        with pytest.raises(StateUnusable, match="its disk is full"), running_store(str(disk / "state")):
            pass
        ballast.unlink()
        with running_store(str(disk / "state")) as (store, do):
            assert do(store.count(Chosen())) == len(THOUSAND)
