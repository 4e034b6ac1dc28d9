"""What a downloader has not completed is not uploaded, whatever its files look like; what it has goes at once."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cloudgather.core.downloader import Kind
from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.programs import PROGRAMS
from downloaders.qbittorrent import QBittorrentNox
from downloaders.roots import NEWER
from downloaders.seeder import PIECE, Seeder, Torrent, made, noise
from downloaders.transmission import TransmissionDaemon
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.timeout(300)  # each of several steps may take WITHIN

WITHIN = 60.0
SETTLE = 2.0
SHARE = 0.6
PIECES = 10  # of which the share is whole ones
OTHER = "other.mkv"
NAMES = {Kind.QBITTORRENT: "qBittorrent", Kind.ARIA2: "aria2", Kind.TRANSMISSION: "Transmission"}


def is_there(kind: type[Program]) -> type[Program]:
    """Skip where it is not installed."""
    if not kind.is_there():
        pytest.skip(f"{kind.program} is not installed; script/bootstrap --test installs it")
    return kind


def daemon(
    folder: Path, program: Program, *, name: str = "dl", more: str = "", task: str = "", source: Path | None = None
) -> Running:
    """One that asks the program, and sends what lies in its folder to a plain disk."""
    (folder / "target").mkdir(exist_ok=True)
    text = f'source = "{source or program.downloads}"\ntarget = "cloud:films"\nsettle = "{SETTLE:.0f}s"\n{task}'
    running = Running(
        folder,
        root=folder / "target",
        kind="directory",
        target='profile = "disk"\n' + program.table(name, more),
        tasks={"film": text},
    )
    running.source = os.fsencode(source or program.downloads)
    return running


def until(seeder: Seeder, program: Program, torrent: Torrent, condition: Callable[[], object], what: str = "") -> None:
    """Wait for it while the seeder offers what it has."""

    def met() -> object:
        seeder.connect(torrent, program.peers)
        return condition()

    eventually_sync(met, within=WITHIN, what=what)


def word(running: Running, path: str) -> dict[str, Any]:
    """What the downloader says of a file, as `why` has it."""
    settle = running.why(path)["settle"]
    return settle["conditions"][0] if settle and len(settle["conditions"]) == 1 else {"code": "?"}


def stands_at(running: Running, path: str, progress: float) -> bool:
    """Whether the downloader says that so much of it is there, and not all."""
    said = word(running, path)
    return (
        said["code"] == "wait.downloader"
        and said["state"] in ("downloading", "stalled")
        and (progress <= float(said["progress"]) < 1)
    )


def stands_still(running: Running, seconds: float) -> None:
    """Nothing is queued for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert running.transfers() == []
        time.sleep(0.1)  # the span is what is tested


def waits_while_another_goes(running: Running, path: str) -> None:
    """For four times settle it is not queued, and a file that no downloader knows settles beside it."""
    running.write(OTHER, b"nobody claims it")
    end = time.monotonic() + 4 * SETTLE
    while time.monotonic() < end or running.states().get(OTHER.encode()) != "done":
        assert path.encode() not in running.states()
        assert time.monotonic() < end + WITHIN
        time.sleep(0.1)  # the span is what is tested
    assert [each["guessed"] for each in running.transfers() if each["path"] == OTHER.encode()] == [True]


def says_why(running: Running, path: str, text: str, *, lang: str = "") -> None:
    """Wait until `cgctl why` has this in its answer: a rate falls to nothing slowly."""

    def says() -> bool:
        assert path.encode() not in running.states()
        return text in running.cgctl("why", running.path(path), lang=lang).stdout

    eventually_sync(says, within=WITHIN, what=text)


def in_target(seeder: Seeder, running: Running, program: Program, torrent: Torrent, path: str) -> float:
    """Wait until the target has it; the seconds from when the downloader had all of it."""
    complete: list[float] = []
    ended = threading.Event()

    def observe() -> None:
        while not ended.wait(0.02) and not complete:
            if program.has_all(torrent):
                complete.append(time.monotonic())

    observer = threading.Thread(target=observe)
    observer.start()
    try:
        until(seeder, program, torrent, lambda: os.path.exists(running.base + b"/" + path.encode()), "it is uploaded")
        arrived = time.monotonic()
        eventually_sync(lambda: complete, within=WITHIN, what="the downloader says that it has all")
    finally:
        ended.set()
        observer.join()
    return arrived - complete[0]


def stalls_and_goes_on(tmp_path: Path, seeder: Seeder, program: Program, *, piece: int = PIECE) -> None:
    """A download stalls at 60% for four times settle, and goes on: it is uploaded because it is complete."""
    torrent = made("film.mkv", {"film.mkv": noise(PIECES * piece, program.kind)}, piece=piece)
    seeder.give(torrent, share=SHARE)
    path = "film.mkv"
    with daemon(tmp_path, program, name="qb") as running:
        program.add(torrent)
        until(seeder, program, torrent, lambda: stands_at(running, path, SHARE), "60% of it")
        if program.kind is Kind.QBITTORRENT:
            assert os.stat(running.path(path)).st_size == len(torrent.files[path])  # nothing on the disk betrays it
        waits_while_another_goes(running, path)
        says_why(running, path, f"{NAMES[program.kind]} qb: 60%, stalled")
        says_why(running, path, f"{NAMES[program.kind]} qb：60%，停滞", lang="zh_CN.UTF-8")
        seeder.give(torrent)
        seconds = in_target(seeder, running, program, torrent, path)
        logger.warning("%s: in the target %.2f s after it was complete", program.kind, seconds)
        running.until(path, "done", within=WITHIN)
        assert running.sent() == {path.encode(): torrent.files[path], OTHER.encode(): b"nobody claims it"}
        assert running.times_written(path) == 1
        transfer = next(each for each in running.transfers() if each["path"] == path.encode())
        assert not transfer["guessed"]  # it was not settle; and no scan comes after the one at the start
        eventually_sync(lambda: f"the downloader qb has completed {path}" in running.said(), what="its word in the log")
        if isinstance(program, Aria2c):  # it keeps the file open for writing, with its control file beside it
            assert [each["seeder"] for each in program.ask("tellActive")] == ["true"]


def test_a_download_that_stalls_is_not_uploaded(tmp_path: Path, seeder: Seeder) -> None:
    with is_there(QBittorrentNox)(tmp_path / "program") as program:
        # The less has come, the sooner qBittorrent's rate is nothing: of a mebibyte after a minute.
        stalls_and_goes_on(tmp_path, seeder, program, piece=16)


@pytest.mark.full
def test_a_download_of_transmission_that_stalls_under_its_final_name_is_not_uploaded(
    tmp_path: Path, seeder: Seeder
) -> None:
    is_there(TransmissionDaemon)
    settings = {"rename-partial-files": False, "cache-size-mb": 0}
    with TransmissionDaemon(tmp_path / "program", settings=settings) as program:
        stalls_and_goes_on(tmp_path, seeder, program)


@pytest.mark.full
def test_a_download_of_transmission_that_stalls_is_not_uploaded(tmp_path: Path, seeder: Seeder) -> None:
    torrent = made("film.mkv", {"film.mkv": noise(PIECES * PIECE, "partial")})
    seeder.give(torrent, share=SHARE)
    is_there(TransmissionDaemon)
    with (
        TransmissionDaemon(tmp_path / "program", settings={"cache-size-mb": 0}) as program,
        daemon(tmp_path, program) as running,
    ):
        program.add(torrent)
        until(seeder, program, torrent, lambda: stands_at(running, "film.mkv.part", SHARE), "60% of it")
        waits_while_another_goes(running, "film.mkv.part")
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: running.states().get(b"film.mkv") == "done", "it is uploaded")
        assert running.sent() == {b"film.mkv": torrent.files["film.mkv"], OTHER.encode(): b"nobody claims it"}
        assert running.times_written("film.mkv") == 1


@pytest.mark.full
@pytest.mark.parametrize("file_allocation", ["none", "prealloc", "trunc", "falloc"])
def test_a_download_of_aria2_that_stalls_is_not_uploaded(tmp_path: Path, seeder: Seeder, file_allocation: str) -> None:
    is_there(Aria2c)
    with Aria2c(tmp_path / "program", file_allocation=file_allocation) as program:
        stalls_and_goes_on(tmp_path, seeder, program)


def some_are_wanted(tmp_path: Path, seeder: Seeder, program: Program, *, send: str) -> None:
    """Of 200 files 50: the seeder has the first 25 of those at first."""
    torrent = made("season", {f"{number:03}.mkv": noise(20_000, number) for number in range(200)})
    wanted = list(range(0, 100, 2))
    expected = {f"season/{number:03}.mkv".encode(): torrent.files[f"season/{number:03}.mkv"] for number in wanted}
    first, last = f"season/{wanted[0]:03}.mkv", f"season/{wanted[-1]:03}.mkv"
    complete = list(expected)[:25] if send == "file" else []
    seeder.give(torrent, share=0.25)
    with daemon(tmp_path, program, task=f'send = "{send}"\n') as running:
        program.add(torrent, wanted=wanted)
        if send == "file":
            until(seeder, program, torrent, lambda: running.sent().keys() == set(complete), "what is complete goes")
        else:
            until(seeder, program, torrent, lambda: stands_at(running, first, 0.49), "half of it is there")
        waits_while_another_goes(running, last)
        assert running.states().keys() == {*complete, OTHER.encode()}
        seeder.give(torrent)
        seconds = in_target(seeder, running, program, torrent, last)
        logger.warning("%s: the last of 50 in the target %.2f s after it was complete", program.kind, seconds)
        running.until_idle(51, within=WITHIN)
        if send == "torrent":
            eventually_sync(lambda: first in running.said(), what="the first in the log")
            assert running.said().index("has completed season") < running.said().index(first)
        running.write("more.mkv", b"nor this")  # by the time that it has settled all else would have as well
        running.until("more.mkv", "done", within=WITHIN)
        assert running.sent() == {**expected, OTHER.encode(): b"nobody claims it", b"more.mkv": b"nor this"}
        assert {each["path"]: each["guessed"] for each in running.transfers()} == {
            **dict.fromkeys(expected, False),
            OTHER.encode(): True,
            b"more.mkv": True,
        }
        fragments = [
            name for name in torrent.files if name.encode() not in expected and os.path.exists(running.path(name))
        ]
        # The others keep them under partial names, or in a file of their own.
        assert fragments or program.kind is not Kind.ARIA2
        eventually_sync(  # while it says nothing for a moment, it may want them
            lambda: all(running.codes(fragment) == {"skip.unwanted"} for fragment in fragments),
            within=WITHIN,
            what=lambda: str({fragment: running.codes(fragment) for fragment in fragments}),
        )


@pytest.mark.full
def test_only_the_files_that_are_wanted_go_and_together(tmp_path: Path, seeder: Seeder) -> None:
    with is_there(QBittorrentNox)(tmp_path / "program") as program:
        some_are_wanted(tmp_path, seeder, program, send="torrent")


@pytest.mark.full
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_only_the_files_that_are_wanted_go_one_by_one(tmp_path: Path, seeder: Seeder, kind: str) -> None:
    with is_there(PROGRAMS[kind])(tmp_path / "program") as program:
        some_are_wanted(tmp_path, seeder, program, send="file")


def test_a_hard_link_into_a_library_waits_for_the_torrent(tmp_path: Path, seeder: Seeder) -> None:
    torrent = made("linked.mkv", {"linked.mkv": noise(500_000, "linked")})
    seeder.give(torrent, share=0.6)
    library = tmp_path / "library"
    library.mkdir()
    with (
        is_there(QBittorrentNox)(tmp_path / "program") as program,
        daemon(tmp_path, program, source=library) as running,
    ):
        program.add(torrent)
        place = program.downloads / "linked.mkv"
        until(seeder, program, torrent, place.exists)
        os.link(place, library / "Film (2026).mkv")
        until(seeder, program, torrent, lambda: stands_at(running, "Film (2026).mkv", 0.5), "it stalls")
        waits_while_another_goes(running, "Film (2026).mkv")
        seeder.give(torrent)
        name = b"Film (2026).mkv"
        until(seeder, program, torrent, lambda: running.states().get(name) == "done", "it is complete and sent")
        assert running.sent() == {name: torrent.files["linked.mkv"], OTHER.encode(): b"nobody claims it"}


def test_what_it_has_not_completed_waits_while_it_cannot_be_asked(tmp_path: Path, seeder: Seeder) -> None:
    torrent = made("alone.mkv", {"alone.mkv": noise(500_000, "alone")})
    seeder.give(torrent, share=0.6)
    with is_there(QBittorrentNox)(tmp_path / "program") as program, daemon(tmp_path, program) as running:
        program.add(torrent)
        until(seeder, program, torrent, lambda: stands_at(running, "alone.mkv", 0.5), "it stalls")
        program.kill()
        running.until_code("alone.mkv", "wait.downloader-silent", within=WITHIN)
        running.kill()
        running.start()  # it knows where unfinished files lie, though nobody is there who could tell
        running.until_code("alone.mkv", "wait.downloader-silent", within=WITHIN)
        stands_still(running, 2 * SETTLE)
        program.again()
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: running.states().get(b"alone.mkv") == "done", "it is uploaded")
        assert running.sent() == {b"alone.mkv": torrent.files["alone.mkv"]}


@needs_sick
@pytest.mark.full
@pytest.mark.parametrize("release", ["qbittorrent", *NEWER])
def test_no_truncated_copy_goes_while_it_moves_across_file_systems(
    tmp_path: Path, seeder: Seeder, program_of: Callable[..., Program], release: str
) -> None:
    torrent = made("moved.mkv", {"moved.mkv": noise(4 << 20, "moved")})
    path = "moved.mkv"
    with ExitStack() as stack:
        temporary = stack.enter_context(SickMount(tmp_path))
        session = {"TempPathEnabled": "true", "TempPath": os.fsdecode(temporary.root)}
        program = stack.enter_context(program_of(release, tmp_path / "program", session=session))
        running = stack.enter_context(daemon(tmp_path, program))
        stack.callback(temporary.heal)  # whoever hangs could not be killed
        seeder.give(torrent, share=SHARE)
        program.add(torrent)
        until(seeder, program, torrent, lambda: temporary.counts().get("write", 0) > 0, "it is somewhere else first")
        assert not (program.downloads / path).exists()
        temporary.slow("read", 1.0)  # each of some thirty, of which two are on the way at a time
        seeder.give(torrent)
        copy = program.downloads / path
        until(seeder, program, torrent, lambda: copy.exists() and copy.stat().st_size, "it is being copied")
        temporary.hang("read", instead=True)
        until(seeder, program, torrent, lambda: temporary.hanging("read"), "its copy does not go on for long")

        eventually_sync(lambda: word(running, path)["code"] == "wait.downloader", within=WITHIN, what="its word")
        waits_while_another_goes(running, path)
        eventually_sync(lambda: word(running, path).get("state") == "moving", within=WITHIN, what="it moves still")
        assert time.time() - copy.stat().st_mtime > 2 * SETTLE  # nothing on the disk betrays it
        assert copy.read_bytes() != torrent.files[path]

        temporary.release("read")
        until(seeder, program, torrent, lambda: running.states().get(path.encode()) == "done", "it is uploaded")
        assert running.times_written(path) == 1
        assert running.sent() == {path.encode(): torrent.files[path], OTHER.encode(): b"nobody claims it"}
