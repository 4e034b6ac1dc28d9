"""Whether somebody writes to a file is asked of the kernel, and is unknown where its word is not to be believed."""

import fcntl
import mmap
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path

import pytest

from cloudgather.agent import leases
from cloudgather.agent.looking import Looking, look, writers
from cloudgather.agent.places import closing
from cloudgather.ports.source import Absent, Access, Look
from unit.agent.orders import looked
from unit.agent.overmounts import Mounts


@pytest.mark.usefixtures("trusted")
def test_the_lease_tells_writers(tmp_path: Path) -> None:
    place = tmp_path / "film"
    place.write_bytes(b"film")
    assert looked(tmp_path, b"film").access is Access.FREE

    with open(place, "rb"):
        assert looked(tmp_path, b"film").access is Access.FREE
    with open(place, "ab"):
        assert looked(tmp_path, b"film").access is Access.WRITTEN

    assert looked(tmp_path, b"film").access is Access.FREE


@pytest.mark.usefixtures("trusted")
def test_the_lease_tells_a_writable_mapping_whose_descriptor_is_closed(tmp_path: Path) -> None:
    place = tmp_path / "film"
    place.write_bytes(b"film" * 2000)

    with open(place, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    with mapping:
        assert looked(tmp_path, b"film").access is Access.WRITTEN
        assert writers(os.fsencode(tmp_path), b"film")[0][0] == os.getpid()

    assert looked(tmp_path, b"film").access is Access.FREE


@pytest.mark.usefixtures("trusted")
def test_a_lease_in_a_process_that_does_not_ignore_its_signal_chooses_one_that_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "film").write_bytes(b"film")
    held_with: list[int] = []
    real = fcntl.fcntl

    def watched(fd: int, command: int, *value: int) -> int:
        if (command, *value) == (fcntl.F_SETLEASE, fcntl.F_UNLCK):
            held_with.append(real(fd, fcntl.F_GETSIG))
        return real(fd, command, *value)

    monkeypatch.setattr(fcntl, "fcntl", watched)

    with closing(os.open(tmp_path / "film", os.O_RDONLY)) as fd:
        assert [leases.ask(fd).access for _ in range(2)] == [leases.FREE] * 2  # the kernel forgets with each

    assert held_with == [signal.SIGURG] * 2


_ASKED_WHILE_A_WRITER_COMES = """
import fcntl, os, signal, sys
from cloudgather.agent import leases

leases.ignore_writers_signals()
real = fcntl.fcntl
fd = os.open(sys.argv[1], os.O_RDONLY)

def refused() -> None:
    try:
        os.open(sys.argv[1], os.O_WRONLY | os.O_NONBLOCK)
    except BlockingIOError:
        print(real(fd, fcntl.F_GETSIG))

def with_a_writer(fd, command, *value):
    if (command, *value) == (fcntl.F_SETLEASE, fcntl.F_UNLCK):
        refused()
    return real(fd, command, *value)

fcntl.fcntl = with_a_writer
print(leases.ask(fd).access)
"""


@pytest.mark.usefixtures("trusted")
def test_a_writer_that_comes_while_a_lease_is_held_does_not_end_a_process_that_ignores_its_signal(
    tmp_path: Path,
) -> None:
    (tmp_path / "film").write_bytes(b"film")

    ended = subprocess.run(
        [sys.executable, "-c", _ASKED_WHILE_A_WRITER_COMES, tmp_path / "film"],
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    # The writer was made to wait, and 0 is the kernel's own choice of a signal: SIGIO.
    assert (ended.returncode, ended.stdout) == (0, b"0\nfree\n")


def test_the_lease_is_believed_on_tmpfs(tmp_path: Path, mounts: Mounts) -> None:
    mounts.tmpfs(tmp_path)
    (tmp_path / "film").write_bytes(b"")

    with open(tmp_path / "film", "ab"):
        assert looked(tmp_path, b"film").access is Access.WRITTEN
    assert looked(tmp_path, b"film").access is Access.FREE


def test_the_lease_on_another_users_file_is_unknown(
    tmp_path: Path, mounts: Mounts, as_nobody: Callable[[], AbstractContextManager[None]]
) -> None:
    mounts.tmpfs(tmp_path)
    (tmp_path / "film").write_bytes(b"")
    (tmp_path / "secret").write_bytes(b"")
    os.chmod(tmp_path / "film", 0o644)
    os.chmod(tmp_path / "secret", 0o600)
    os.chmod(tmp_path, 0o755)

    with closing(os.open(tmp_path, os.O_RDONLY)) as fd:
        root = b"/proc/self/fd/%d" % fd

        for path, scanned in product((b"film", b"secret"), (False, True)):
            with as_nobody(), Looking(root) as looks:
                found = looks.at(path, scanned=scanned)
            assert isinstance(found, Look)
            assert (found.access, found.unknown_why) == (Access.UNKNOWN, "permission")


def test_a_file_system_whose_leases_lie_is_unknown() -> None:
    found = look(b"/proc/self", b"status")

    assert isinstance(found, Look)
    assert (found.access, found.unknown_why) == (Access.UNKNOWN, "file-system")


def test_a_file_of_another_file_system_than_its_folder_is_asked_about_by_itself(tmp_path: Path, mounts: Mounts) -> None:
    mounts.tmpfs(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"")
    mounts.bind(b"/proc/version", tmp_path / "two")

    with Looking(os.fsencode(tmp_path), keep=60.0) as looks:
        found = [looks.at(name) for name in (b"one", b"two", b"one")]

    words = [(look.access, look.unknown_why) for look in found if isinstance(look, Look)]
    assert words == [(Access.FREE, None), (Access.UNKNOWN, "file-system"), (Access.FREE, None)]


def test_what_a_scan_has_shown_is_told_as_after_a_look_by_its_name_whatever_has_come_to_stand_there(
    tmp_path: Path, mounts: Mounts
) -> None:
    mounts.tmpfs(tmp_path)
    for name in ("free", "written", "mounted", "loading"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "loading.aria2").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "free")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    mounts.bind(b"/proc/version", tmp_path / "mounted")
    names = [
        *(b"free", b"written", b"mounted", b"loading"),
        *(b"link", b"folder", b"fifo", b"none", b"none/below", b"socket"),
    ]

    with open(tmp_path / "written", "ab"), Looking(os.fsencode(tmp_path)) as looks:
        shown = [looks.at(name, scanned=True) for name in names]
        by_name = [looks.at(name) for name in names]

    assert shown == by_name
    assert [look.access if isinstance(look, Look) else look for look in shown] == [
        *(Access.FREE, Access.WRITTEN, Access.UNKNOWN, Access.FREE),
        *(Absent.SYMLINK, Absent.DIRECTORY, Absent.SPECIAL, Absent.GONE, Absent.GONE, Absent.SPECIAL),
    ]


def test_writers_are_named(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"")
    (tmp_path / "other").write_bytes(b"")

    assert writers(os.fsencode(tmp_path), b"none") == []
    with open(tmp_path / "film", "rb"), open(tmp_path / "other", "ab"):
        assert writers(os.fsencode(tmp_path), b"film") == []
    with open(tmp_path / "film", "ab"), open("/proc/self/comm") as comm:
        assert writers(os.fsencode(tmp_path), b"film") == [(os.getpid(), comm.read().strip())]
