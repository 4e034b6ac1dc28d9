"""A copy is whole, or there is none."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.job import CHUNK, Trouble
from unit.agent.orders import TEMPORARY, Copied, EventfulJob, Pair, digest, entries, expect_void, version_of
from unit.agent.overmounts import Mounts


def test_content_digest_and_mtime_arrive(pair: Pair) -> None:
    data = os.urandom(3 * CHUNK + 12345)
    path = pair.file(data=data)
    job = EventfulJob()

    result = pair.copy(path, job=job, verify="checksum")

    assert result == Copied(len(data), 10**18, digest(data), None)
    assert (pair.target / os.fsdecode(TEMPORARY)).read_bytes() == data
    assert pair.at_target() == [TEMPORARY]
    assert job.done == len(data)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1])
def test_any_length_arrives(pair: Pair, size: int) -> None:
    path = pair.file(data=b"x" * size)

    result = pair.copy(path)

    assert result.size == size
    assert (pair.target / os.fsdecode(TEMPORARY)).stat().st_size == size


def test_a_file_of_several_write_behind_windows_arrives(pair: Pair) -> None:
    path = pair.file(data=b"")
    with open(pair.source / "film.mkv", "r+b") as file:
        for place in (0, 33 << 20, 69 << 20):
            file.seek(place)
            file.write(b"here")
    content = (pair.source / "film.mkv").read_bytes()

    result = pair.copy(path, verify="checksum")

    assert result.digest == digest(content)
    assert (pair.target / os.fsdecode(TEMPORARY)).read_bytes() == content


@pytest.mark.parametrize(
    "name",
    [
        b"n" * 255,
        b"\xff\xfe not UTF-8",
        b"new\nline",
        b"-rf",
        "电影 🎬.mkv".encode(),
        b"dot.",
        b"space ",
        b"\\040",
        b"deep/er/folder/file",
    ],
)
def test_any_name_arrives(pair: Pair, name: bytes) -> None:
    path = pair.file(name)

    result = pair.copy(path)
    pair.publish(path, result.size)

    assert name in pair.at_target()
    assert TEMPORARY not in pair.at_target()


def test_a_name_that_the_target_cannot_take_fails_before_a_byte_is_read(pair: Pair) -> None:
    path = pair.file()
    job = EventfulJob()

    with pytest.raises(OSError) as failed:
        pair.copy(path, destination=b"n" * 256, job=job)

    assert failed.value.errno == errno.ENAMETOOLONG
    assert job.at[1] == "target"
    assert ("read", "source") not in job.steps
    assert pair.at_target() == []


def test_a_file_that_stands_ends_the_copy_before_a_byte_is_read(pair: Pair) -> None:
    path = pair.file()
    (pair.target / "film.mkv").write_bytes(b"standing")
    os.utime(pair.target / "film.mkv", ns=(5, 5))
    job = EventfulJob()

    with pytest.raises(Trouble) as trouble:
        pair.copy(path, job=job)

    assert trouble.value.to_wire() == {
        "kind": "standing",
        "message": "a file stands under the final name",
        "size": 8,
        "mtime_ns": 5,
        "is_file": True,
    }
    assert ("read", "source") not in job.steps
    assert pair.at_target() == [b"film.mkv"]


def test_what_stands_is_reported_where_it_may_be_replaced(pair: Pair) -> None:
    path = pair.file()
    (pair.target / "film.mkv").write_bytes(b"standing")
    os.utime(pair.target / "film.mkv", ns=(5, 5))

    result = pair.copy(path, replace=True)

    assert result.standing == (8, 5)
    assert (pair.target / "film.mkv").read_bytes() == b"standing"


def test_a_folder_or_symlink_under_the_final_name_is_occupied(pair: Pair, tmp_path: Path) -> None:
    path = pair.file()
    (pair.target / "film.mkv").mkdir()

    expect_void(pair, path, "occupied", replace=True)
    os.rmdir(pair.target / "film.mkv")
    os.symlink(tmp_path / "nothing", pair.target / "film.mkv")
    expect_void(pair, path, "occupied", replace=True)


def test_a_file_or_symlink_where_a_folder_should_be_is_occupied(pair: Pair, tmp_path: Path) -> None:
    path = pair.file("season/film.mkv")
    (pair.target / "season").write_bytes(b"")

    expect_void(pair, path, "occupied")
    os.unlink(pair.target / "season")
    (tmp_path / "outside").mkdir()
    os.symlink(tmp_path / "outside", pair.target / "season")
    expect_void(pair, path, "occupied")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_base_folder_that_is_gone_holds_and_is_not_made(pair: Pair) -> None:
    path = pair.file()

    with pytest.raises(Trouble) as trouble:
        pair.copy(path, base=b"library/films", destination=b"library/films/film.mkv")

    assert (trouble.value.kind, trouble.value.facts["what"]) == ("identity", "base-gone")
    assert pair.at_target() == []


def test_folders_are_made_with_their_mode_and_the_file_with_its(pair: Pair) -> None:
    path = pair.file()

    pair.copy(
        path, base=b"library", make_base=True, destination=b"library/a/film.mkv", dir_mode=0o2770, file_mode=0o664
    )

    assert pair.at_target() == [b"library", b"library/a", b"library/a/" + TEMPORARY]
    assert stat.S_IMODE(os.stat(pair.target / "library/a").st_mode) == 0o2770
    assert stat.S_IMODE(os.stat(pair.target / "library/a" / os.fsdecode(TEMPORARY)).st_mode) == 0o664


def test_folders_below_a_standing_base_are_made(pair: Pair) -> None:
    path = pair.file("season/film.mkv")
    (pair.target / "library").mkdir()

    pair.copy(path, base=b"library", destination=b"library/season/film.mkv")

    assert b"library/season/" + TEMPORARY in pair.at_target()


def test_a_temporary_that_is_not_ours_is_neither_used_nor_removed(pair: Pair) -> None:
    path = pair.file()
    (pair.target / os.fsdecode(TEMPORARY)).write_bytes(b"somebody's")

    with pytest.raises(FileExistsError):
        pair.copy(path)

    assert (pair.target / os.fsdecode(TEMPORARY)).read_bytes() == b"somebody's"


def test_a_target_that_stores_another_length_is_found_out(pair: Pair) -> None:
    path = pair.file()
    job = EventfulJob(reopen=lambda: os.truncate(pair.target / os.fsdecode(TEMPORARY), 3999))

    with pytest.raises(Trouble) as trouble:
        pair.copy(path, job=job)

    assert (trouble.value.kind, trouble.value.facts["expected"], trouble.value.facts["found"]) == ("length", 4000, 3999)
    assert pair.at_target() == []


def test_a_target_that_gives_back_other_bytes_is_found_out_by_checksum(pair: Pair) -> None:
    path = pair.file()

    def damage() -> None:
        with open(pair.target / os.fsdecode(TEMPORARY), "r+b") as file:
            file.write(b"F")

    job = EventfulJob(reopen=damage)
    expect_void(pair, path, "digest", job, verify="checksum")


def test_an_error_of_close_fails_the_copy(pair: Pair) -> None:
    path = pair.file()

    def close_it_first() -> None:
        fd = next(fd for fd in os.listdir("/proc/self/fd") if is_temporary(fd))
        os.close(int(fd))

    job = EventfulJob(close=close_it_first)

    with pytest.raises(OSError) as failed:
        pair.copy(path, job=job)

    assert (failed.value.errno, job.at[:2]) == (errno.EBADF, ("close", "target"))
    assert pair.at_target() == []


def is_temporary(fd: str) -> bool:
    try:
        return os.fsencode(os.readlink(f"/proc/self/fd/{fd}")).endswith(TEMPORARY)
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("step", ["source_read", "write"])
def test_a_cancelled_copy_leaves_nothing(pair: Pair, step: str) -> None:
    path = pair.file(data=b"x" * 5 * CHUNK)
    job: EventfulJob = EventfulJob(**{step: lambda: job.cancel()})

    expect_void(pair, path, "cancelled", job)


def test_a_full_target_fails_the_copy_at_write_and_is_left_empty(pair: Pair, mounts: Mounts) -> None:
    identity = mounts.tmpfs(pair.target, options=b"size=2m")
    path = pair.file(data=os.urandom(4 * CHUNK))
    job = EventfulJob()

    with pytest.raises(OSError) as failed:
        pair.copy(path, identity=identity, job=job)

    assert (failed.value.errno, job.at[:2]) == (errno.ENOSPC, ("write", "target"))
    assert pair.at_target() == []
    assert os.statvfs(pair.target).f_bfree == os.statvfs(pair.target).f_blocks


@pytest.mark.parametrize("step", ["mkdir", "write", "close"])
def test_a_mount_that_is_taken_away_meanwhile_voids_the_copy(pair: Pair, mounts: Mounts, step: str) -> None:
    identity = mounts.tmpfs(pair.target)
    path = pair.file("season/film.mkv")

    expect_void(pair, path, "identity", EventfulJob(**{step: lambda: mounts.detach(pair.target)}), identity=identity)

    assert pair.at_target() == []


@pytest.mark.parametrize(
    "names",
    [
        {"path": b"../secret"},
        {"path": b"/etc/passwd"},
        {"path": b"a/../../secret"},
        {"path": b""},
        {"destination": b"../film"},
        {"destination": b"a//b"},
        {"destination": b"./film"},
        {"destination": b""},
        {"destination": b"a/\0"},
        {"temporary": b"../x"},
        {"temporary": b"a/b"},
        {"temporary": b""},
        {"base": b"..", "make_base": True},
        {"base": b"elsewhere", "make_base": True},
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(pair: Pair, tmp_path: Path, names: dict[str, Any]) -> None:
    pair.file()
    (tmp_path / "secret").write_bytes(b"secret")
    before = entries(os.fsencode(tmp_path))

    with pytest.raises(Trouble) as trouble:
        version = version_of(tmp_path / "secret" if "path" in names else pair.source / "film.mkv")
        pair.copy(**{"path": b"film.mkv", "version": version, **names})

    assert trouble.value.kind == "bad"
    assert entries(os.fsencode(tmp_path)) == before
