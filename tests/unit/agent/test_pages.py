"""What was read or written once does not stay in the page cache; what others had there does."""

import os
from pathlib import Path

import pytest

from cloudgather.agent.pages import WINDOW, ReadPages, WrittenPages, drop
from cloudgather.agent.places import closing
from cloudgather.agent.system import resident, syncfs
from cloudgather.mounted import mount_under
from waiting import eventually_sync

SIZE = 2 * WINDOW
# Advice leaves what is on its way to another processor's list of pages: seen were 31 folios, on ext4 of a MiB each.
HARDLY = 0.6


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A file of two windows on a disk, written out, nothing of it cached."""
    path = tmp_path / "film"
    with open(path, "wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        mount, _ = mount_under(file.fileno())
    if mount is None or mount.fs_type not in ("ext4", "xfs", "btrfs"):
        pytest.skip("needs a disk whose pages can be dropped")
    with closing(os.open(path, os.O_RDONLY)) as fd:
        eventually_sync(lambda: left_by_drop(fd) < 0.1, what="nothing of it is cached")
    return path


def left_by_drop(fd: int) -> float:
    drop(fd)
    return resident(fd, 0, SIZE)


def read_all(fd: int) -> None:
    pages = ReadPages(fd, SIZE)
    done = 0
    while True:
        pages.will_read(done)
        data = os.read(fd, 1 << 20)
        if not data:
            break
        done += len(data)
    pages.finish()


def test_reading_leaves_no_pages_of_an_uncached_file(film: Path) -> None:
    with closing(os.open(film, os.O_RDONLY)) as fd:
        read_all(fd)

        assert resident(fd, 0, SIZE) < HARDLY


def test_reading_leaves_the_pages_of_a_cached_file(film: Path) -> None:
    film.read_bytes()

    with closing(os.open(film, os.O_RDONLY)) as fd:
        read_all(fd)

        assert resident(fd, 0, SIZE) > 0.9


def test_written_windows_leave_the_cache_one_behind(film: Path, tmp_path: Path) -> None:
    with closing(os.open(tmp_path / "copy", os.O_RDWR | os.O_CREAT)) as fd:
        pages = WrittenPages(fd)
        for done in range(0, 4 * WINDOW, 1 << 20):
            os.write(fd, bytes(1 << 20))
            pages.wrote(done + (1 << 20))

        assert resident(fd, 0, 3 * WINDOW) < HARDLY
        assert resident(fd, 3 * WINDOW, WINDOW) > 0.9


def test_advice_on_what_has_no_pages_is_let_be() -> None:
    reading, writing = os.pipe()
    with closing(reading), closing(writing):
        drop(reading)
        pages = WrittenPages(writing)
        pages.wrote(2 * WINDOW)


def test_syncfs_of_nothing_is_an_error() -> None:
    with pytest.raises(OSError):
        syncfs(-1)
