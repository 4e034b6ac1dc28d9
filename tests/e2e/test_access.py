"""Who may ask a real daemon what: real users and groups on its socket, and a client that is not ours."""

import asyncio
import grp
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgpack
import pytest

from e2e.running import Running
from fakes.control import ask_as
from waiting import eventually_sync

_GRANTS = {"users": "view", "audio": "operate", "video": "admin"}
_NOBODY = 65534
_STRANGER = 64_000  # a user and primary group that nothing is granted to

# One request for each level, none of which changes anything.
_ASKED = {"none": "daemon.ping", "view": "daemon.status", "operate": "queue.resume", "admin": "task.text"}
_PARAMS: dict[str, dict[str, Any]] = {"task.text": {"name": "film"}}


def _missing() -> list[str]:
    known = {group.gr_name for group in grp.getgrall()}
    return [name for name in _GRANTS if name not in known]


needs_users = pytest.mark.skipif(
    os.geteuid() != 0 or bool(_missing()), reason="needs root, and the groups users, audio and video"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may look into, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="cloudgather-access-", dir="/tmp"))
    made.chmod(0o755)
    (made / "target").mkdir()
    yield made
    shutil.rmtree(made)


def a_daemon(folder: Path, *, granted: bool = True) -> Running:
    """With the grants above."""
    groups = "".join(f'[groups.{name}]\naccess = "{access}"\n' for name, access in _GRANTS.items())
    return Running(folder, root=folder / "target", kind="directory", target=groups if granted else "")


def may(running: Running, *, uid: int, gid: int = _STRANGER, groups: Sequence[int] = ()) -> set[str]:
    """The levels that a process with these ids has: those whose request was answered and not refused."""
    frames = b"".join(
        msgpack.packb([0, number, method, [_PARAMS.get(method, {})]]) for number, method in enumerate(_ASKED.values())
    )
    answers = asyncio.run(ask_as(os.fsdecode(running.socket), uid=uid, gid=gid, groups=groups, frames=frames))
    by_number = {answer[1]: answer for answer in answers if answer[0] == 1}
    refused = {number: answer[2] for number, answer in by_number.items() if answer[2] is not None}
    assert all(error["code"] == "error.denied" for error in refused.values()), refused
    return {level for number, level in enumerate(_ASKED) if number in by_number and number not in refused}


def gid(name: str) -> int:
    """Of a group."""
    return grp.getgrnam(name).gr_gid


@needs_users
def test_a_process_has_what_its_groups_grant_and_no_more(folder: Path) -> None:
    everything, operate, view = {"none", "view", "operate", "admin"}, {"none", "view", "operate"}, {"none", "view"}
    with a_daemon(folder) as running:
        assert may(running, uid=0, gid=0) == everything
        assert may(running, uid=_STRANGER) == {"none"}
        assert may(running, uid=_STRANGER, groups=[gid("users")]) == view
        assert may(running, uid=_STRANGER, groups=[gid("audio")]) == operate
        assert may(running, uid=_STRANGER, groups=[gid("video")]) == everything
        assert may(running, uid=_STRANGER, gid=gid("audio")) == operate  # the primary group counts, too
        assert may(running, uid=_STRANGER, groups=[12345, gid("users"), gid("audio")]) == operate  # the most counts
        assert may(running, uid=_NOBODY, groups=[gid("video")]) == {"none"}  # whoever that is in another namespace


@needs_users
def test_a_refusal_names_the_group_to_join(folder: Path) -> None:
    with a_daemon(folder) as running:
        frames = msgpack.packb([0, 1, "task.text", [{"name": "film"}]])
        asked = ask_as(os.fsdecode(running.socket), uid=_STRANGER, gid=_STRANGER, groups=[gid("users")], frames=frames)
        ((_, _, error, result),) = asyncio.run(asked)

        assert result is None
        assert error["code"] == "error.denied"
        assert (error["needed"], error["access"], error["group"]) == ("admin", "view", "video")


@needs_users
def test_everybody_may_see_how_it_goes_and_nothing_that_has_a_name(folder: Path) -> None:
    with a_daemon(folder, granted=False) as running:
        frames = msgpack.packb([0, 1, "daemon.health", [{}]])
        asked = ask_as(os.fsdecode(running.socket), uid=_STRANGER, gid=_STRANGER, groups=(), frames=frames)
        ((_, _, error, health),) = asyncio.run(asked)

        assert error is None
        assert (health["tasks"], health["targets"], health["failed"], health["held"]) == (1, 1, 0, [])
        assert {type(value) for value in health.values()} == {str, int, float, list}
        told = repr(health)
        assert not any(name in told for name in ("/", "film", str(folder)))


@needs_users
def test_grants_follow_the_configuration_without_a_restart(folder: Path) -> None:
    with a_daemon(folder) as running:
        assert may(running, uid=_STRANGER, groups=[gid("users")]) == {"none", "view"}
        running.config.write_text(running.config.read_text().replace('"view"', '"operate"'))
        running.cgctl("config", "reload")

        assert may(running, uid=_STRANGER, groups=[gid("users")]) == {"none", "view", "operate"}


@needs_users
def test_without_grants_others_get_nothing(folder: Path) -> None:
    with a_daemon(folder, granted=False) as running:
        assert may(running, uid=_STRANGER, groups=[gid("users"), gid("video")]) == {"none"}


# ---- a client that is not ours ---------------------------------------------------------------------------------------


class ByHand:
    """MessagePack-RPC as its specification has it, with nothing of cgwire's."""

    def __init__(self, path: bytes) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._unpacker = msgpack.Unpacker()

    def __enter__(self) -> "ByHand":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: object) -> None:
        self._socket.sendall(msgpack.packb(message))

    def receive(self) -> Any:
        while True:
            for message in self._unpacker:
                return message
            data = self._socket.recv(4096)
            assert data, "the daemon closed the connection"
            self._unpacker.feed(data)


def test_a_client_of_another_make_gets_answers_and_events(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with Running(tmp_path, root=tmp_path / "target", kind="directory") as running, ByHand(running.socket) as client:
        client.send([0, 7, "daemon.ping", [{}]])
        kind, number, error, result = client.receive()
        assert (kind, number, error, result["pid"]) == (1, 7, None, running.pid)

        client.send([0, 8, "no.such", [{}]])
        assert client.receive()[1:3] == [8, {"code": "error.unknown-method", "method": "no.such"}]

        client.send([0, 9, "events.subscribe", [{"kinds": ["transfer", "run", "task", "log"]}]])
        assert client.receive() == [1, 9, None, {}]
        running.write("电影.mkv", b"film")
        seen: list[Any] = []

        def done() -> bool:
            kind, method, (event,) = client.receive()
            assert (kind, method) == (2, "event")
            seen.append(event)
            return bool(event["kind"] == "transfer" and event["state"] == "done")

        eventually_sync(done, what="the end of the transfer is told")
        states = [event["state"] for event in seen if event["kind"] == "transfer"]
        assert states == ["copying", "publishing", "written", "done"]
        assert {event["path"] for event in seen if event["kind"] == "transfer"} == {"电影.mkv".encode()}

        running.cgctl("task", "pause", "film")
        eventually_sync(lambda: client.receive()[2][0] == {"kind": "task", "name": "film", "change": "paused"})


def test_runs_are_told_from_beginning_to_end(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with (
        Running(tmp_path, root=tmp_path / "target", kind="directory", task="watch = false") as running,
        ByHand(running.socket) as client,
    ):
        client.send([0, 1, "events.subscribe", [{"kinds": ["run"]}]])
        assert client.receive() == [1, 1, None, {}]
        running.write("a.mkv", b"film")
        running.cgctl("task", "run", "film")
        runs = [client.receive()[2][0]]
        while runs[-1]["ended"] is None:
            runs.append(client.receive()[2][0])

        assert {run["id"] for run in runs} == {1}
        assert runs[0]["scanned"] is None
        assert (runs[-1]["trigger"], runs[-1]["uploaded"], runs[-1]["bytes"]) == ("manual", 1, 4)
