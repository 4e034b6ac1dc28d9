"""What a downloader has not completed is not uploaded, whatever its files look like; what it has goes at once."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downloaders.programs import PROGRAMS, Aria2c, Program, QBittorrentNox, TransmissionDaemon
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, Torrent, made, noise
from e2e.running import Running
from waiting import eventually_sync

WITHIN = 60.0
SETTLE = 1.0


def is_there(kind: type[Program]) -> type[Program]:
    """Skip where it is not installed."""
    if not kind.is_there():
        pytest.skip(f"{kind.program} is not installed; script/bootstrap --test installs it")
    return kind


def daemon(folder: Path, program: Program, *, more: str = "", task: str = "", source: Path | None = None) -> Running:
    """One that asks the program, and sends what lies in its folder to a plain disk."""
    (folder / "target").mkdir(exist_ok=True)
    text = f'source = "{source or program.downloads}"\ntarget = "cloud:films"\nsettle = "{SETTLE:.0f}s"\n{task}'
    running = Running(
        folder,
        root=folder / "target",
        kind="directory",
        target='profile = "disk"\n' + program.table(more=more),
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


def stalls_and_goes_on(tmp_path: Path, seeder: Seeder, program: Program, *, size: int = 1_000_000) -> None:
    """A download stalls at 60% for four times settle, and goes on."""
    torrent = made("film.mkv", {"film.mkv": noise(size, program.kind)})
    seeder.give(torrent, share=0.6)
    with daemon(tmp_path, program) as running:
        program.add(torrent)
        path = "film.mkv"
        name = path if program.kind != "transmission" else f"{path}.part"
        until(seeder, program, torrent, lambda: (program.downloads / name).exists())
        if name == path:
            until(seeder, program, torrent, lambda: stands_at(running, path, 0.5), "it stalls")
            stands_still(running, 4 * SETTLE)
            assert stands_at(running, path, 0.5)
            assert f"{program.kind}".lower() in running.cgctl("why", running.path(path)).stdout.lower()
        else:
            stands_still(running, 4 * SETTLE)
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: running.states().get(b"film.mkv") == "done", "it is uploaded")
        assert running.sent() == {b"film.mkv": torrent.files["film.mkv"]}
        assert running.times_written(path) == 1
        transfer = running.transfers()[0]
        assert not transfer["guessed"]


@pytest.mark.parametrize(
    "kind", [QBittorrentNox, pytest.param(Aria2c, marks=pytest.mark.full)], ids=["qbittorrent", "aria2"]
)
def test_a_download_that_stalls_is_not_uploaded(tmp_path: Path, seeder: Seeder, kind: type[Program]) -> None:
    with is_there(kind)(tmp_path / "program") as program:
        stalls_and_goes_on(tmp_path, seeder, program)


@pytest.mark.full
def test_a_download_of_transmission_that_stalls_is_not_uploaded(tmp_path: Path, seeder: Seeder) -> None:
    with is_there(TransmissionDaemon)(tmp_path / "program") as program:
        stalls_and_goes_on(tmp_path, seeder, program, size=12_000_000)  # it keeps 4 MiB in memory


@pytest.mark.full
@pytest.mark.parametrize("file_allocation", ["none", "trunc", "falloc"])
def test_a_download_of_aria2_that_stalls_however_it_makes_its_files(
    tmp_path: Path, seeder: Seeder, file_allocation: str
) -> None:
    is_there(Aria2c)
    with Aria2c(tmp_path / "program", file_allocation=file_allocation) as program:
        stalls_and_goes_on(tmp_path, seeder, program)


def some_are_wanted(tmp_path: Path, seeder: Seeder, program: Program, *, send: str) -> None:
    """Of 200 files 50: the seeder has a part of them at first."""
    torrent = made("season", {f"{number:03}.mkv": noise(20_000, number) for number in range(200)})
    wanted = list(range(0, 100, 2))
    expected = {f"season/{number:03}.mkv".encode(): torrent.files[f"season/{number:03}.mkv"] for number in wanted}
    seeder.give(torrent, share=0.25)
    with daemon(tmp_path, program, task=f'send = "{send}"\n') as running:
        program.add(torrent, wanted=wanted)
        first, last = "season/000.mkv", "season/098.mkv"
        if send == "file":
            until(seeder, program, torrent, lambda: len(running.states()) >= 20, "those that are complete go")
        else:
            until(seeder, program, torrent, lambda: stands_at(running, first, 0.1), "it stalls")
            stands_still(running, 4 * SETTLE)
        assert last.encode() not in running.states()
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: len(running.sent()) == 50, "all that are wanted go")
        running.until_idle(50)
        assert running.sent() == expected
        assert len(running.transfers()) == 50
        fragment = next(
            (name for name in torrent.files if (program.downloads / name).exists() and name.encode() not in expected),
            None,
        )
        if fragment is not None:
            assert running.codes(fragment) == {"skip.unwanted"}


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
        stands_still(running, 4 * SETTLE)
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: running.sent() != {}, "it is complete and sent")
        running.until("Film (2026).mkv", "done", within=WITHIN)
        assert running.sent() == {b"Film (2026).mkv": torrent.files["linked.mkv"]}


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
        stands_still(running, 4 * SETTLE)
        program.again()
        seeder.give(torrent)
        until(seeder, program, torrent, lambda: running.states().get(b"alone.mkv") == "done", "it is uploaded")
        assert running.sent() == {b"alone.mkv": torrent.files["alone.mkv"]}


@pytest.mark.full
@pytest.mark.parametrize("release", ["qbittorrent", *NEWER])
def test_no_truncated_copy_goes_while_it_moves_across_file_systems(
    tmp_path: Path, seeder: Seeder, program_of: Callable[..., Program], release: str
) -> None:
    temporary = Path("/dev/shm") / f"cloudgather-{os.getpid()}"
    if not Path("/dev/shm").is_dir() or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second file system at /dev/shm")
    torrent = made("moved.mkv", {"moved.mkv": noise(64_000_000, "moved")})
    seeder.give(torrent)
    session = {"TempPathEnabled": "true", "TempPath": str(temporary)}
    try:
        with (
            program_of(release, tmp_path / "program", session=session) as program,
            daemon(tmp_path, program) as running,
        ):
            program.add(torrent)
            elsewhere = False

            def goes() -> bool:
                nonlocal elsewhere
                elsewhere |= (temporary / "moved.mkv").exists()
                return running.states().get(b"moved.mkv") == "done"

            until(seeder, program, torrent, goes, "it is uploaded")
            assert running.times_written("moved.mkv") == 1
            assert running.sent() == {b"moved.mkv": torrent.files["moved.mkv"]}
            assert elsewhere
    finally:
        for left in [*temporary.glob("*"), temporary] if temporary.exists() else []:
            left.rmdir() if left.is_dir() else left.unlink()
