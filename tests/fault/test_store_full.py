"""The disk with the database is full: it says so, loses nothing, can be read, and goes on once there is space."""

from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.transfer import Event, State
from cloudgather.ports.queue import Chosen, QueueStore, StoreUnavailable
from cloudgather.store.errors import StateUnusable
from disks import filled, small_disk
from queueing import NOW, Do, a_plan, claimed, moved_on, running_store

THOUSAND = [a_plan(b"%d" % number) for number in range(1000)]


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


def test_a_disk_that_only_the_log_of_the_database_fills_is_made_room_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="1536k") as disk, running_store(str(disk / "state")) as (store, do):
        largest = 0
        for number in range(600):  # each commit writes its pages anew
            do(store.set_flag("flag", str(number)))
            largest = max(largest, (disk / "state" / "state.db-wal").stat().st_size)

        assert largest > 1 << 20, "the log never came near to filling the disk"
        assert do(store.flags())["flag"] == "599"
