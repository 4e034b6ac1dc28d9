"""A copy is of the very version that was ordered: a source that changes, goes or is another meanwhile gives none."""

import mmap
import os
from pathlib import Path

import pytest

from cloudgather.agent.job import CHUNK
from cloudgather.agent.places import closing
from unit.agent.orders import EventfulJob, Pair, expect_void, version_of


def test_another_version_than_ordered_is_not_copied(pair: Pair) -> None:
    path = pair.file()
    size, mtime, device, inode = version_of(pair.source / "film.mkv")

    for version in (
        [size + 1, mtime, device, inode],
        [size, mtime + 1, device, inode],
        [size, mtime, device, inode + 1],
    ):
        expect_void(pair, path, "changed", version=version)


@pytest.mark.parametrize("step", ["source_read", "write", "close", "reopen"])
def test_a_source_that_is_appended_to_meanwhile_voids_the_copy(pair: Pair, step: str) -> None:
    path = pair.file()

    def append() -> None:
        with open(pair.source / "film.mkv", "ab") as file:
            file.write(b"more")

    expect_void(pair, path, "changed", EventfulJob(**{step: append}))


def test_a_source_that_shrinks_meanwhile_voids_the_copy(pair: Pair) -> None:
    path = pair.file(data=b"x" * 3 * CHUNK)

    expect_void(pair, path, "changed", EventfulJob(write=lambda: os.truncate(pair.source / "film.mkv", CHUNK)))


def test_content_that_was_rewritten_with_its_mtime_put_back_voids_the_copy(pair: Pair) -> None:
    path = pair.file(data=b"old!" * 1000)

    expect_void(pair, path, "changed", EventfulJob(close=lambda: pair.file(data=b"new!" * 1000)))


def test_a_hard_link_made_meanwhile_is_no_change(pair: Pair) -> None:
    path = pair.file()
    job = EventfulJob(close=lambda: os.link(pair.source / "film.mkv", pair.source / "linked.mkv"))

    result = pair.copy(path, job=job)

    assert job.all_happened
    assert result.size == 4000
    assert job.steps.count(("read", "source")) > 1  # read again, since its ctime had changed


def test_a_source_that_is_replaced_meanwhile_voids_the_copy(pair: Pair) -> None:
    path = pair.file()

    def replace() -> None:
        pair.file("new", data=b"film" * 1000)
        os.rename(pair.source / "new", pair.source / "film.mkv")

    expect_void(pair, path, "changed", EventfulJob(close=replace))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_writer_that_stays_after_the_copy_voids_it(pair: Pair, chunks: int) -> None:
    path = pair.file(data=b"x" * chunks * CHUNK)
    held: list[int] = []
    job = EventfulJob(close=lambda: held.append(os.open(pair.source / "film.mkv", os.O_WRONLY)))

    expect_void(pair, path, "changed", job)

    os.close(held[0])


@pytest.mark.usefixtures("trusted")
def test_a_mapping_that_may_write_voids_the_copy(pair: Pair) -> None:
    path = pair.file()
    with open(pair.source / "film.mkv", "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)

    with mapping:
        expect_void(pair, path, "changed")


@pytest.mark.usefixtures("trusted")
def test_a_writer_that_is_known_to_mean_nothing_voids_nothing(pair: Pair) -> None:
    path = pair.file()

    with open(pair.source / "film.mkv", "r+b"):
        assert pair.copy(path, written=True).size == 4000


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_writer_that_comes_after_the_last_was_read_and_goes_neither_waits_nor_voids_the_copy(
    pair: Pair, chunks: int
) -> None:
    path = pair.file(data=b"x" * chunks * CHUNK)

    def come() -> None:
        # BlockingIOError where a lease is held
        with closing(os.open(pair.source / "film.mkv", os.O_WRONLY | os.O_NONBLOCK)):
            pass

    job = EventfulJob(close=come)

    assert pair.copy(path, job=job).size == chunks * CHUNK
    assert job.all_happened


def test_a_source_that_vanished_is_gone(pair: Pair) -> None:
    path = pair.file()
    version = version_of(pair.source / "film.mkv")
    os.unlink(pair.source / "film.mkv")

    expect_void(pair, path, "gone", version=version)


def test_a_source_that_vanishes_meanwhile_is_gone(pair: Pair) -> None:
    path = pair.file()

    expect_void(pair, path, "gone", EventfulJob(close=lambda: os.unlink(pair.source / "film.mkv")))


def test_a_source_swapped_for_a_symlink_is_gone(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"film" * 1000)
    path = pair.file()
    version = version_of(tmp_path / "secret")
    os.unlink(pair.source / "film.mkv")
    os.symlink(tmp_path / "secret", pair.source / "film.mkv")

    expect_void(pair, path, "gone", version=version)


@pytest.mark.parametrize("step", ["source_root", "close"])
def test_a_folder_swapped_for_a_symlink_is_gone(pair: Pair, tmp_path: Path, step: str) -> None:
    path = pair.file("season/film.mkv")
    version = version_of(pair.source / "season/film.mkv")

    def swap() -> None:
        os.rename(pair.source / "season", tmp_path / "outside")
        os.symlink(tmp_path / "outside", pair.source / "season")

    expect_void(pair, path, "gone", EventfulJob(**{step: swap}), version=version)


def test_a_fifo_in_its_place_does_not_block(pair: Pair) -> None:
    path = pair.file()
    version = version_of(pair.source / "film.mkv")
    os.unlink(pair.source / "film.mkv")
    os.mkfifo(pair.source / "film.mkv")

    expect_void(pair, path, "changed", version=version)


def test_a_folder_in_its_place_is_a_change(pair: Pair) -> None:
    (pair.source / "film.mkv").mkdir()

    expect_void(pair, b"film.mkv", "changed")


def test_a_source_root_that_is_gone_is_not_a_source_that_is_gone(pair: Pair) -> None:
    path = pair.file()
    version = version_of(pair.source / "film.mkv")
    os.rename(pair.source, pair.source.with_name("elsewhere"))
    job = EventfulJob()

    with pytest.raises(FileNotFoundError):
        pair.copy(path, version=version, job=job)

    assert job.at[:2] == ("root", "source")
