"""The root of a watched source goes away, comes back, or becomes another one, without inotify saying a word."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.mounts import parse_mountinfo
from cloudgather.triggers import place, watching
from cloudgather.triggers.place import Place
from cloudgather.triggers.watching import Mode
from unit.triggers.following import as_nobody, following, run
from waiting import eventually

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def _mount(where: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "cloudgather-test", str(where)], check=True)


def _unmount(where: Path) -> None:
    subprocess.run(["umount", str(where)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder to mount on; what is left mounted there is unmounted."""
    where = tmp_path / "disk"
    where.mkdir()
    yield where
    while os.path.ismount(where):
        subprocess.run(["umount", "-l", str(where)], check=True)


def test_a_root_that_is_missing_at_start_is_watched_once_it_is_there(tmp_path: Path) -> None:
    root = tmp_path / "later"

    async def scenario() -> None:
        async with following(root) as notes:
            assert notes.watching.state.mode is Mode.OFF
            reason = notes.watching.state.reason
            assert reason is not None
            assert reason.code == Code.SOURCE_GONE
            root.mkdir()

            await notes.is_told("root-back")
            (root / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")

    run(scenario)


def test_a_root_that_is_a_file_is_not_a_folder_which_the_log_says_in_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")

    async def scenario() -> None:
        async with following(tmp_path / "file") as notes:
            reason = notes.watching.state.reason
            assert reason is not None
            assert reason.code == Code.SOURCE_NOT_A_FOLDER

    run(scenario)
    assert f"task films: not a folder: {tmp_path}/file" in caplog.messages


def test_a_root_removed_and_made_again_is_watched_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    async def scenario() -> None:
        async with following(root) as notes:
            root.rmdir()
            root.mkdir()

            # A new folder may have the number of the old one; then it may be the end of the watch that is seen first.
            await eventually(lambda: {"root-back", "broken"} & set(notes.rescans), what=lambda: f"{notes.rescans}")
            (root / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")

    run(scenario)


def test_a_root_removed_for_longer_is_shown_as_gone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()

    async def scenario() -> None:
        async with following(root) as notes:
            root.rmdir()
            await notes.is_in(Mode.OFF)
            root.mkdir()

            await notes.is_in(Mode.INOTIFY)
            assert notes.rescans == ["start", "root-back"]

    run(scenario)


def test_another_folder_put_in_the_roots_place_is_the_one_that_is_heard(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir()

    async def scenario() -> None:
        async with following(root) as notes:
            os.rename(root, tmp_path / "away")
            os.rename(other, root)

            await notes.is_told("root-back")
            (tmp_path / "away" / "elsewhere.mkv").write_bytes(b"x")
            (root / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")
            assert b"elsewhere.mkv" not in notes.sights

    run(scenario)


@needs_mount
def test_a_root_unmounted_and_mounted_again_is_watched_again(disk: Path) -> None:
    _mount(disk)

    async def scenario() -> None:
        async with following(disk) as notes:
            _unmount(disk)
            _mount(disk)

            await notes.is_told("mount")
            await notes.is_in(Mode.INOTIFY)
            (disk / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")

    run(scenario)


@needs_mount
def test_a_disk_mounted_over_the_root_is_the_one_that_is_heard(disk: Path) -> None:
    async def scenario() -> None:
        async with following(disk) as notes:
            _mount(disk)

            await notes.is_told("mount")
            (disk / "film.mkv").write_bytes(b"x")
            await notes.hears("film.mkv")

    run(scenario)


@needs_mount
def test_a_disk_mounted_below_the_root_is_heard_and_does_not_keep_it_from_being_unmounted(disk: Path) -> None:
    async def scenario() -> None:
        async with following(disk.parent) as notes:
            _mount(disk)
            await notes.is_told("mount")
            (disk / "film.mkv").write_bytes(b"x")
            await notes.hears("disk/film.mkv")

            _unmount(disk)

            await notes.is_told("mount", times=2)

    run(scenario)


@needs_mount
def test_a_watched_disk_can_be_unmounted_at_any_time(disk: Path) -> None:
    _mount(disk)
    (disk / "folder").mkdir()

    async def scenario() -> None:
        async with following(disk) as notes:
            for times in range(1, 4):
                _unmount(disk)
                await notes.is_told("mount", times=2 * times - 1)
                _mount(disk)
                await notes.is_told("mount", times=2 * times)

    run(scenario)


def test_a_mount_that_comes_while_the_root_is_looked_at_is_told_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
    mounts = list(parse_mountinfo(disk))

    def locate(root: bytes) -> Place:
        there = place.locate(root)
        if len(mounts) > 1:
            return there
        mounts.extend(parse_mountinfo(b"2 1 8:17 / %s rw - ext4 /dev/sdb1 rw\n" % root))
        return replace(there, inode=there.inode + 1)

    async def scenario() -> None:
        async with following(tmp_path, mounts=lambda: mounts) as notes:
            monkeypatch.setattr(watching, "locate", locate)
            notes.watching.check()

            await notes.is_told("mount")
            assert notes.rescans == ["start", "mount"]

    run(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_root_that_may_not_be_read_is_denied_not_watched() -> None:
    async def scenario(root: Path) -> None:
        root.chmod(0)
        async with following(root) as notes:
            assert notes.watching.state.mode is Mode.OFF
            reason = notes.watching.state.reason
            assert reason is not None
            assert reason.code == Code.SOURCE_DENIED
            assert (reason.facts["at"], reason.facts["mode"]) == (bytes(root), 0)
            assert str(reason.facts["command"]).startswith("setfacl -R -m u:nobody:rX ")
            root.chmod(0o755)

            await notes.is_in(Mode.INOTIFY)
            assert notes.rescans == ["start", "root-back"]

    with as_nobody() as root:
        run(lambda: scenario(root))
