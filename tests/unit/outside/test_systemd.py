"""What systemd is told, and that nobody is told where it is not there."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudgather.outside.systemd import Systemd


@contextmanager
def a_supervisor(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd-python reads the process's own environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(path))
        supervisor.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield supervisor


def told(supervisor: socket.socket) -> list[str]:
    return supervisor.recv(4096).decode().splitlines()


def test_it_hears_of_start_reload_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_supervisor(tmp_path / "notify", monkeypatch) as supervisor:
        systemd = Systemd()
        systemd.ready("3 tasks")
        systemd.reloading()
        systemd.ready("4 tasks")
        systemd.watchdog()
        systemd.stopping()

        assert told(supervisor) == ["READY=1", "STATUS=3 tasks"]
        reloading, since = told(supervisor)
        assert reloading == "RELOADING=1"
        assert int(since.removeprefix("MONOTONIC_USEC=")) > 0
        assert told(supervisor) == ["READY=1", "STATUS=4 tasks"]
        assert told(supervisor) == ["WATCHDOG=1"]
        assert told(supervisor) == ["STOPPING=1", "STATUS=stopping"]


def test_the_same_status_is_said_once_and_on_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_supervisor(tmp_path / "notify", monkeypatch) as supervisor:
        systemd = Systemd()
        systemd.status("copying 电影\nREADY=1" + os.fsdecode(b"\xff"))
        systemd.status("copying 电影\nREADY=1" + os.fsdecode(b"\xff"))

        assert told(supervisor) == ["STATUS=copying 电影 READY=1\\udcff"]
        with pytest.raises(BlockingIOError):
            told(supervisor)


def test_nothing_happens_where_systemd_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    systemd = Systemd()

    systemd.ready("started")
    systemd.stopping()
    assert systemd.watchdog_every is None


@pytest.mark.parametrize(
    ("environ", "every"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], every: float | None) -> None:
    assert Systemd({"NOTIFY_SOCKET": "/run/systemd/notify", **environ}).watchdog_every == every
