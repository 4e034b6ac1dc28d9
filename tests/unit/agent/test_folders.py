"""What a source's folder gives of the names in it, whatever comes to stand under them."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cloudgather.agent import control_files
from cloudgather.agent.folders import SourceFolder
from cloudgather.agent.places import FOLDER, closing


def test_a_file_is_opened_and_nothing_else_that_has_come_to_stand_there_followed_or_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "film").write_bytes(b"film")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "fifo")

    with closing(os.open(folder, FOLDER)) as fd:
        opened = SourceFolder(fd, b"", lambda: fd)
        with closing(opened.open(b"film")) as film:
            assert os.read(film, 9) == b"film"
        with closing(opened.open(b"fifo")) as fifo:
            assert not os.path.samestat(os.fstat(fifo), os.stat(folder / "film"))
        with pytest.raises(OSError):
            opened.open(b"link")
        states = [opened.state(name) for name in (b"film", b"link", b"fifo")]

    assert states == [os.lstat(folder / name) for name in ("film", "link", "fifo")]


def opened(fd: int, path: bytes = b"") -> SourceFolder:
    folder = SourceFolder(fd, path, lambda: fd)
    folder.__dict__["_mounted"] = os.fstat(fd).st_dev, (True, True)  # a local disk, wherever the tests run
    return folder


def test_the_control_file_of_any_of_many_files_is_found(tmp_path: Path) -> None:
    names = [b"film %d" % number for number in range(8)]
    for name in (*names, b"film 6.aria2"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")

    with closing(os.open(tmp_path, FOLDER)) as fd:
        folder = opened(fd)
        found = [folder.control_file(name) for name in names]

    assert found == [None] * 6 + [b"film 6.aria2", None]


def test_no_control_file_in_a_folder_is_known_of_all_its_files_for_as_long_as_it_is_kept(tmp_path: Path) -> None:
    names = [b"film %d" % number for number in range(8)]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"")

    with closing(os.open(tmp_path, FOLDER)) as fd:
        kept = opened(fd)
        assert [kept.control_file(name) for name in names] == [None] * 8
        (tmp_path / "film 1.aria2").write_bytes(b"")

        assert kept.control_file(b"film 1") is None
        assert opened(fd).control_file(b"film 1") == b"film 1.aria2"


@pytest.mark.parametrize(
    ("names", "may_be_in"),
    [
        ([], False),
        (["film.mkv", "aria2", "film.aria.mkv", "\udcff"], False),
        (["film.mkv", "film.mkv.aria2"], True),
        (["film.mkv.ARIA2"], True),
        (["film.mkv.aria2__temp"], True),
        ([f"film {number}" for number in range(512)], False),
        ([f"film {number}" for number in range(513)], True),
    ],
    ids=[
        "empty",
        "none",
        "one",
        "another case",
        "one that is being saved",
        "as many as are read",
        "more than are read",
    ],
)
def test_a_folder_that_is_not_too_long_to_be_read_tells_that_none_is_in_it(
    tmp_path: Path, names: list[str], may_be_in: bool
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")

    with closing(os.open(tmp_path, FOLDER)) as fd:
        assert control_files.may_be_in(fd) is may_be_in


def test_a_folder_that_may_be_entered_and_not_read_may_hold_one(
    tmp_path: Path, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    place.chmod(0o711)

    with closing(os.open(place, FOLDER)) as fd:
        assert not control_files.may_be_in(fd)
        with as_nobody():
            assert control_files.may_be_in(fd)
