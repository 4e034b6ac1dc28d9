"""What a file system says of a file when it is asked, with statx and without."""

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.places import closing, open_root
from cloudgather.agent.system import ask

MTIME_NS = 1_500_000_000_123_456_789


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "film").write_bytes(b"film" * 1000)
    os.utime(tmp_path / "film", ns=(1, MTIME_NS))
    os.symlink("film", tmp_path / "link")
    with closing(open_root(os.fsencode(tmp_path))) as opened:
        yield opened


def refusing(number: int) -> Any:
    """A statx that fails so."""

    def statx(*_: object) -> int:
        ctypes.set_errno(number)
        return -1

    return statx


def test_size_and_mtime_are_told(folder: int) -> None:
    assert ask(folder, b"film") == (4000, MTIME_NS)


def test_a_time_before_1970_is_told(folder: int) -> None:
    os.utime("film", ns=(1, -1_500_000_000), dir_fd=folder)

    assert ask(folder, b"film") == (4000, -1_500_000_000)


@pytest.mark.parametrize("statx", [None, refusing(errno.ENOSYS), refusing(errno.EINVAL), refusing(errno.EPERM)])
def test_without_statx_the_file_is_opened(folder: int, statx: Any) -> None:
    assert ask(folder, b"film", statx=statx) == (4000, MTIME_NS)
    with pytest.raises(OSError) as refused:
        ask(folder, b"link", statx=statx)
    assert refused.value.errno == errno.ELOOP


def test_a_symlink_is_not_followed(folder: int) -> None:
    assert ask(folder, b"link")[0] == len("film")


def test_an_error_is_passed_on(folder: int) -> None:
    with pytest.raises(FileNotFoundError):
        ask(folder, b"absent")
    with pytest.raises(OSError) as failed:
        ask(folder, b"film", statx=refusing(errno.EIO))
    assert failed.value.errno == errno.EIO
