"""The socket file: open to all, a stale one replaced, a live one left alone."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudgather.control.address import Address, AddressUnusable, listen


@contextmanager
def listening(path: Path) -> Iterator[Address]:
    address = listen(str(path))
    with address.socket:
        yield address


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_everybody_can_connect_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "run" / "control.sock"

    with umask(mask), listening(path):
        assert permissions(path) == 0o666
        assert permissions(path.parent) == 0o755


def test_the_mode_of_a_folder_that_was_there_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)

    with listening(tmp_path / "control.sock"):
        assert permissions(tmp_path) == 0o711


def test_what_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path):
        pass
    assert path.exists()

    with listening(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_living_daemon_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    with listening(path):
        with pytest.raises(AddressUnusable, match="another daemon listens there"):
            listen(str(path))

        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_living_daemon_whose_backlog_is_full_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path) as address:
        address.socket.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(path))

            with pytest.raises(AddressUnusable, match="another daemon listens there"):
                listen(str(path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")

    with pytest.raises(AddressUnusable, match="not a socket"):
        listen(str(path))

    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "why"),
    [("no/such/folder/control.sock", "No such file or directory"), ("x" * 120, "at most 107 bytes")],
)
def test_a_path_that_cannot_be_is_refused_with_the_cause(tmp_path: Path, path: str, why: str) -> None:
    with pytest.raises(AddressUnusable, match=why):
        listen(str(tmp_path / path))


def test_only_our_own_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path) as first:
        path.unlink()
        with listening(path) as second:
            first.remove()
            assert path.exists()

            second.remove()
            assert not path.exists()

            second.remove()  # once more is no error
