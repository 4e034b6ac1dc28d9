"""What a source's folder gives of the names in it, whatever comes to stand under them."""

import os
from pathlib import Path

import pytest

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
