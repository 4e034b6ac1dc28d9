"""A rename to a name that must be free, in one step or, without renameat2, in two: what stands there stays."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudgather.agent.places import FOLDER, closing
from cloudgather.agent.system import rename_to_free


def refusing(number: int) -> Any:
    """A renameat2 that fails so."""

    def renameat2(*_: object) -> int:
        ctypes.set_errno(number)
        return -1

    return renameat2


WITHOUT = [None, refusing(errno.ENOSYS), refusing(errno.EINVAL), refusing(errno.EPERM)]
either = pytest.mark.parametrize("how", [{}, *({"renameat2": each} for each in WITHOUT)])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """Of one file, "film"."""
    (tmp_path / "film").write_bytes(b"film")
    with closing(os.open(tmp_path, FOLDER)) as fd:
        yield fd


def a_file(place: Path) -> None:
    place.write_bytes(b"film")


def a_folder(place: Path) -> None:
    place.mkdir()


def a_dangling_link(place: Path) -> None:
    place.symlink_to(place.parent / "nowhere")


@either
def test_a_free_name_is_taken(folder: int, tmp_path: Path, how: dict[str, Any]) -> None:
    rename_to_free(folder, b"film", b"\xff\n", **how)

    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff\n"]


@either
@pytest.mark.parametrize("standing", [a_file, a_folder, a_dangling_link])
def test_what_stands_there_stays(
    folder: int, tmp_path: Path, how: dict[str, Any], standing: Callable[[Path], None]
) -> None:
    standing(tmp_path / "taken")
    before = os.stat(tmp_path / "taken", follow_symlinks=False)

    with pytest.raises(FileExistsError):
        rename_to_free(folder, b"film", b"taken", **how)

    assert os.path.samestat(os.stat(tmp_path / "taken", follow_symlinks=False), before)
    assert (tmp_path / "film").read_bytes() == b"film"


@either
@pytest.mark.parametrize(("old", "number"), [(b"nothing", errno.ENOENT), (b"folder", errno.EINVAL)])
def test_another_refusal_stays_what_it_is(
    folder: int, tmp_path: Path, how: dict[str, Any], old: bytes, number: int
) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError) as refused:
        rename_to_free(folder, old, b"folder/inside", **how)  # a folder cannot be moved into itself

    assert refused.value.errno == number
    assert sorted(os.listdir(tmp_path)) == ["film", "folder"]


def test_an_error_is_passed_on(folder: int, tmp_path: Path) -> None:
    with pytest.raises(OSError) as failed:
        rename_to_free(folder, b"film", b"free", renameat2=refusing(errno.EIO))

    assert failed.value.errno == errno.EIO
    assert os.listdir(tmp_path) == ["film"]
