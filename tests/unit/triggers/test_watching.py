"""Watching hears what happens in a real folder, through inotify."""

import asyncio
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from watchdog.observers.api import EventDispatcher

from cgwire.codes import Code
from cloudgather.core.mounts import parse_mountinfo
from cloudgather.triggers.inbox import Inbox
from cloudgather.triggers.opening import Watched
from cloudgather.triggers.watching import Mode
from unit.triggers.following import clock_of_a_watching, following, run
from waiting import eventually, eventually_sync


def test_a_file_written_is_sighted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with following(tmp_path) as notes:
            (tmp_path / "film.mkv").write_bytes(b"x")

            await notes.hears("film.mkv")
            assert notes.watching.state.mode is Mode.INOTIFY
            assert notes.rescans == ["start"]

    run(scenario)


def test_what_was_there_before_the_watch_is_left_to_the_start_scan(tmp_path: Path) -> None:
    (tmp_path / "old.mkv").write_bytes(b"x")

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            (tmp_path / "new.mkv").write_bytes(b"x")

            await notes.hears("new.mkv")
            assert b"old.mkv" not in notes.sights

    run(scenario)


def test_reading_a_file_is_not_a_sighting(tmp_path: Path) -> None:
    (tmp_path / "old.mkv").write_bytes(b"x")

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            (tmp_path / "old.mkv").read_bytes()
            (tmp_path / "later.mkv").write_bytes(b"x")

            await notes.hears("later.mkv")
            assert b"old.mkv" not in notes.sights

    run(scenario)


def test_a_file_moved_in_is_sighted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "film.mkv").write_bytes(b"x")

    async def scenario() -> None:
        async with following(root) as notes:
            os.rename(tmp_path / "film.mkv", root / "film.mkv")

            await notes.hears("film.mkv")

    run(scenario)


def test_a_folder_moved_in_is_sighted_and_heard_from_afterwards(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "Series"
    root.mkdir()
    (outside / "S01" / "extras").mkdir(parents=True)
    (outside / "S01" / "e01.mkv").write_bytes(b"x")

    async def scenario() -> None:
        async with following(root) as notes:
            os.rename(outside, root / "Series")

            await notes.hears("Series")
            (root / "Series" / "S01" / "extras" / "late.mkv").write_bytes(b"x")
            await notes.hears("Series/S01/extras/late.mkv")

    run(scenario)


def test_a_folder_created_and_filled_at_once_gives_no_gap(tmp_path: Path) -> None:
    """Each file is sighted itself, or a folder above it is after the file was there."""

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            files = []
            for number in range(200):
                folder = tmp_path / f"d{number}" / "inner"
                folder.mkdir(parents=True)
                (folder / "film.mkv").write_bytes(b"x")
                files.append(b"d%d/inner/film.mkv" % number)

            await eventually(lambda: all(_covered(path, notes.sights) for path in files))

    run(scenario)


def _covered(path: bytes, sights: list[bytes]) -> bool:
    return path in sights or os.path.dirname(path) in sights or path.split(b"/")[0] in sights


def test_a_rename_inside_is_sighted_under_both_names(tmp_path: Path) -> None:
    (tmp_path / "film.mkv.part").write_bytes(b"x")

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            os.rename(tmp_path / "film.mkv.part", tmp_path / "film.mkv")

            await notes.hears("film.mkv", "film.mkv.part")

    run(scenario)


def test_a_folder_renamed_inside_is_heard_from_under_its_new_name(tmp_path: Path) -> None:
    (tmp_path / "old" / "deep").mkdir(parents=True)

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            os.rename(tmp_path / "old", tmp_path / "new")
            await notes.hears("new")
            (tmp_path / "new" / "deep" / "film.mkv").write_bytes(b"x")

            await notes.hears("new/deep/film.mkv")

    run(scenario)


def test_a_hard_link_which_never_gets_a_close_event_is_sighted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "seeding.mkv").write_bytes(b"x")

    async def scenario() -> None:
        async with following(root) as notes:
            os.link(tmp_path / "seeding.mkv", root / "linked.mkv")

            await notes.hears("linked.mkv")

    run(scenario)


@pytest.mark.parametrize("name", [b"\xff\xfe.mkv", b"two\nlines", b"-rf", "电影 🎬 .".encode(), b"n" * 255])
def test_names_of_every_kind_arrive_as_they_are(tmp_path: Path, name: bytes) -> None:
    folder = os.fsencode(tmp_path) + b"/\xc3\x28"
    os.mkdir(folder)

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            os.close(os.open(folder + b"/" + name, os.O_WRONLY | os.O_CREAT))

            await notes.hears(b"\xc3\x28/" + name)

    run(scenario)


def test_a_root_that_is_a_symlink_is_watched_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "downloads").symlink_to(tmp_path / "disk")

    async def scenario() -> None:
        async with following(tmp_path / "downloads") as notes:
            (tmp_path / "disk" / "film.mkv").write_bytes(b"x")

            await notes.hears("film.mkv")

    run(scenario)


def test_junk_is_neither_sighted_nor_watched(tmp_path: Path) -> None:
    (tmp_path / "@eaDir" / "deep").mkdir(parents=True)

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            (tmp_path / "@eaDir" / "thumb.jpg").write_bytes(b"x")
            (tmp_path / ".DS_Store").write_bytes(b"x")
            (tmp_path / "film.mkv").write_bytes(b"x")

            await notes.hears("film.mkv")
            assert set(notes.sights) == {b"film.mkv"}

    run(scenario)


def test_a_sighting_that_cannot_be_taken_does_not_end_the_watch(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def stumbling(path: bytes) -> None:
        heard.append(path)
        raise RuntimeError("bug")

    async def scenario() -> None:
        async with following(tmp_path, sight=stumbling):
            (tmp_path / "one.mkv").write_bytes(b"x")
            await eventually(lambda: b"one.mkv" in heard)
            (tmp_path / "two.mkv").write_bytes(b"x")

            await eventually(lambda: b"two.mkv" in heard)

    run(scenario)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_dispatcher_is_noticed_and_replaced(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with following(tmp_path) as notes:
            dispatchers = [thread for thread in threading.enumerate() if isinstance(thread, EventDispatcher)]
            for dispatcher in dispatchers:
                dispatcher.event_queue.put("what no dispatcher can take apart")
            await eventually(lambda: not any(thread.is_alive() for thread in dispatchers))

            await notes.is_told("broken")
            (tmp_path / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")

    run(scenario)


def test_nothing_is_left_behind_when_it_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))

    async def scenario() -> None:
        async with following(tmp_path) as notes:
            (tmp_path / "a" / "film.mkv").write_bytes(b"x")
            await notes.hears("a/film.mkv")
        await eventually(lambda: threading.active_count() <= threads)

    run(scenario)
    eventually_sync(lambda: len(os.listdir("/proc/self/fd")) <= files, what="descriptors given back")


def test_folders_that_were_moved_out_are_let_go_at_the_next_rescan(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "Series" / "S01").mkdir(parents=True)
    clock = clock_of_a_watching()

    async def scenario() -> None:
        async with following(root, clock=clock, rescan_every=timedelta(minutes=30)) as notes:
            assert notes.watching.state.directories == 3
            os.rename(root / "Series", tmp_path / "gone")
            await notes.hears("Series")

            await clock.advance(timedelta(minutes=30))

            await notes.is_told("rescan")
            assert notes.watching.state.directories == 1

    run(scenario)


def test_the_source_is_scanned_again_at_every_interval(tmp_path: Path) -> None:
    clock = clock_of_a_watching()

    async def scenario() -> None:
        async with following(tmp_path, clock=clock, rescan_every=timedelta(minutes=30)) as notes:
            for times in (1, 2):
                await clock.advance(timedelta(minutes=31))
                await notes.is_told("rescan", times)

    run(scenario)


def test_a_remote_source_is_polled_and_says_so(tmp_path: Path) -> None:
    line = b"36 25 0:52 / %s rw - fuse.rclone cloud: rw\n" % os.fsencode(tmp_path)
    clock = clock_of_a_watching()

    async def scenario() -> None:
        polling = following(
            tmp_path, clock=clock, mounts=lambda: parse_mountinfo(line), poll_every=timedelta(seconds=60)
        )
        async with polling as notes:
            assert notes.watching.state.mode is Mode.POLLING
            reason = notes.watching.state.reason
            assert reason is not None
            assert reason.to_wire() == {
                "code": Code.WATCH_REMOTE,
                "source": os.fsencode(tmp_path),
                "fs_type": "fuse.rclone",
            }

            await clock.advance(timedelta(minutes=2))

            assert notes.rescans == ["start", "rescan", "rescan"]

    run(scenario)


def test_a_full_inbox_drops_everything_and_says_so() -> None:
    woken: list[bool] = []
    inbox = Inbox(lambda: woken.append(True), most=100)

    for number in range(1000):
        inbox.put(b"%d" % number)

    assert len(inbox) <= 100
    assert "full" in inbox.take_faults()
    assert woken == [True]


def test_an_inbox_wakes_once_a_batch_and_repeats_nothing() -> None:
    woken: list[bool] = []
    inbox = Inbox(lambda: woken.append(True))

    for _ in range(3):
        inbox.put(b"same")
    assert inbox.take(10) == [b"same"]
    inbox.put(b"other")

    assert inbox.take(10) == [b"other"]
    assert woken == [True, True]


def test_a_reader_that_is_stuck_gives_no_sign_of_life_until_it_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with following(tmp_path) as notes:
            watching = notes.watching
            async with asyncio.timeout(30):
                await watching.answers()  # nothing waits for it
            assert isinstance(watching._now, Watched)
            watch = watching._now.watch
            assert watch._observer is not None
            (emitter,) = watch._observer.emitters
            with emitter._inotify._lock:  # type: ignore[attr-defined]  # an _Emitter
                (tmp_path / "first").touch()
                await eventually(lambda: watch.heard()[0] > 0)  # it is stuck with this one
                (tmp_path / "second").touch()
                await eventually(lambda: watch.heard()[1])  # and leaves that one to the kernel
                asked = asyncio.create_task(watching.answers())
                done, _ = await asyncio.wait({asked}, timeout=0.2)
                assert not done

            async with asyncio.timeout(30):
                await asked
            await notes.hears("first", "second")

    run(scenario)
