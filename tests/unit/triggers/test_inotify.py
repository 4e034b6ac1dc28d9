"""What watchdog passes over in silence is broken here on purpose, so that another version cannot do so unseen."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.events import FileCreatedEvent

from cloudgather.triggers.inbox import Fault, Inbox
from cloudgather.triggers.inotify import TreeWatch, _Handler, _Reader
from cloudgather.triggers.opening import Watched
from unit.triggers.following import as_nobody, following, run
from waiting import eventually, eventually_sync

QUEUE = "/proc/sys/fs/inotify/max_queued_events"


@contextlib.contextmanager
def short_queue() -> Iterator[None]:
    """Inotify descriptors made meanwhile hold 50 events; those that are there keep theirs."""
    try:
        before = Path(QUEUE).read_text()
        Path(QUEUE).write_text("50")
    except OSError as error:
        pytest.skip(f"cannot lower max_queued_events: {error}")
    try:
        yield
    finally:
        Path(QUEUE).write_text(before)


def _late(watch: TreeWatch) -> threading.Lock:
    """While this is held, no event is read: the reader needs it for each."""
    assert watch._reader is not None
    return watch._reader._lock


@pytest.mark.xdist_group("inotify-limits")
def test_an_overflow_is_told_when_the_reader_is_late(tmp_path: Path) -> None:
    inbox = Inbox(lambda: None)
    watch = TreeWatch(inbox)
    watch.start(os.fsencode(tmp_path))
    try:
        with _late(watch):
            for number in range(int(Path(QUEUE).read_text()) + 4000):
                os.close(os.open(tmp_path / str(number % 2000), os.O_WRONLY | os.O_CREAT))

        eventually_sync(lambda: Fault.OVERFLOW in inbox.take_faults())
    finally:
        watch.stop()


@pytest.mark.xdist_group("inotify-limits")
def test_a_tree_larger_than_the_kernels_queue_recovers_from_an_overflow(tmp_path: Path) -> None:
    """watchdog alone goes on overflowing for ever here: its own removal of the watches overflows the queue."""
    for number in range(200):
        (tmp_path / f"d{number}").mkdir()

    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            with short_queue():
                notes = await stack.enter_async_context(following(tmp_path))
            watched = notes.watching._now
            assert isinstance(watched, Watched)

            with _late(watched.watch):
                for number in range(200):
                    (tmp_path / f"d{number}" / "film.mkv").write_bytes(b"x")

            await notes.is_told("overflow")
            (tmp_path / "d7" / "new").mkdir()
            await notes.hears("d7/new")
            (tmp_path / "d7" / "new" / "film.mkv").write_bytes(b"x")
            await notes.hears("d7/new/film.mkv")
            assert notes.rescans == ["start", "overflow"]

    run(scenario)


def test_a_handler_that_stumbles_says_so_and_lives(tmp_path: Path) -> None:
    faults: list[Fault] = []

    class Refusing(Inbox):
        def put(self, path: bytes) -> None:
            raise MemoryError

        def fault(self, fault: Fault) -> None:
            faults.append(fault)

    handler = _Handler(b"/root", Refusing(lambda: None))

    handler.dispatch(FileCreatedEvent(b"/root/film.mkv"))

    assert faults == [Fault.BROKEN]


def test_a_watch_with_a_dead_emitter_or_reader_is_not_whole(tmp_path: Path) -> None:
    for part in ("emitter", "reader"):
        watch = TreeWatch(Inbox(lambda: None))
        watch.start(os.fsencode(tmp_path))
        assert watch.is_whole
        assert watch._observer is not None
        assert watch._reader is not None
        threads = [watch._reader] if part == "reader" else list(watch._observer.emitters)

        for thread in threads:
            thread.stop()
            thread.join()

        assert not watch.is_whole
        watch.stop()


def test_nothing_is_added_to_a_closed_descriptor(tmp_path: Path) -> None:
    reader = _Reader(Inbox(lambda: None))
    reader.start()
    reader.stop()
    reader.join()

    with pytest.raises(OSError, match="Bad file descriptor"):
        reader.add_callback(os.fsencode(tmp_path), 0x100, None, 1)  # type: ignore[arg-type]  # never reached


def test_stopping_during_the_start_frees_the_watches(tmp_path: Path) -> None:
    watch = TreeWatch(Inbox(lambda: None))
    watch.stop()

    watch.start(os.fsencode(tmp_path))

    assert not watch.is_whole


def test_folders_that_are_always_passed_over_are_not_entered(tmp_path: Path) -> None:
    (tmp_path / "@eaDir" / "film.mkv").mkdir(parents=True)
    (tmp_path / "films" / "extras").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "films")
    watch = TreeWatch(Inbox(lambda: None))

    watch.start(os.fsencode(tmp_path))
    try:
        assert watch.directories == 3
    finally:
        watch.stop()


def _descriptors() -> set[tuple[str, str]]:
    """What this process has open of inotify and pipes. A thread of a former test may give back its own meanwhile."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add((fd, os.readlink(f"/proc/self/fd/{fd}")))
    return {(fd, to) for fd, to in found if to.startswith("pipe:") or to == "anon_inode:inotify"}


@pytest.mark.parametrize("reading", [True, False], ids=["while its reader reads", "when its reader is dead"])
def test_stopping_gives_back_every_descriptor(tmp_path: Path, reading: bool) -> None:
    before = _descriptors()
    watch = TreeWatch(Inbox(lambda: None))
    watch.start(os.fsencode(tmp_path))
    assert watch._reader is not None
    assert len(_descriptors() - before) == 3
    if not reading:
        watch._reader.stop()
        watch._reader.join()

    watch.stop()

    assert _descriptors() <= before


def test_a_reader_that_is_stopped_before_it_reads_gives_back_its_descriptors(tmp_path: Path) -> None:
    before = _descriptors()
    reader = _Reader(Inbox(lambda: None))

    reader.stop()
    reader.run()

    assert _descriptors() <= before


# ---- limits, in a user namespace of its own, so that nobody else on the machine feels them ---------------------------

_PROGRAM = Path(__file__).with_name("limited.py")


def _limited(scenario: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "--user", "--map-root-user", sys.executable, str(_PROGRAM), scenario, str(root)]
    probe = ["unshare", "--user", "--map-root-user", "test", "-w", "/proc/sys/user/max_inotify_watches"]
    try:
        usable = subprocess.run(probe, capture_output=True).returncode == 0
    except FileNotFoundError:
        usable = False
    if not usable:
        pytest.skip("no user namespaces here")
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment)


@pytest.mark.parametrize("scenario", ["watches-at-start", "watches-later", "root-refused", "instances"])
def test_where_the_kernel_allows_no_more_watches_the_source_is_polled(tmp_path: Path, scenario: str) -> None:
    for number in range(20):
        (tmp_path / f"d{number}").mkdir()

    done = _limited(scenario, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "as expected" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_folders_that_may_not_be_read_are_not_taken_for_watched() -> None:
    async def scenario(root: Path) -> None:
        for name, mode in (("one", 0), ("two", 0), ("open", 0o755)):
            (root / name).mkdir(mode=mode)
        async with following(root) as notes:
            await eventually(lambda: notes.watching.state.directories == 2)
            watched = notes.watching._now
            assert isinstance(watched, Watched)
            assert watched.watch.is_stale  # so that the next rescan tries again

    with as_nobody() as root:
        run(lambda: scenario(root))
