"""The control socket: answered, mute, left over, or in the way."""

import asyncio
import os
import socket
from pathlib import Path

from cgwire.version import VERSION
from cloudgather.doctor.checks import Health
from cloudgather.doctor.control_socket import examine_socket
from fakes.control import FakeOperations, serving
from unit.doctor.examined import as_root, nobody, roots_folder


def test_no_daemon_runs(tmp_path: Path) -> None:
    assert examine_socket(str(tmp_path / "sock")).reason.code == "doctor.socket-free"
    assert examine_socket(str(tmp_path / "new" / "sock")).reason.code == "doctor.socket-free"
    assert examine_socket(str(tmp_path / "a" / "b" / "sock")).reason.code == "doctor.socket-folder"


def test_what_a_daemon_left_behind_is_told_and_left_there(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)

    check = examine_socket(path)

    assert (check.reason.code, check.health) == ("doctor.socket-stale", Health.OK)
    assert os.path.exists(path)


def test_something_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "sock").touch()

    check = examine_socket(str(tmp_path / "sock"))

    assert (check.reason.code, check.health) == ("doctor.socket-occupied", Health.BAD)


def test_one_that_does_not_answer(tmp_path: Path) -> None:
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        bound.listen()

        check = examine_socket(path, patience=0.2)

    assert (check.reason.code, check.health) == ("doctor.socket-mute", Health.BAD)


def test_a_daemon_answers_with_its_version(tmp_path: Path) -> None:
    async def examined(version: str) -> tuple[str, object]:
        async with serving(tmp_path, FakeOperations(daemon_ping={"version": version, "pid": 4711})) as served:
            check = await asyncio.to_thread(examine_socket, served.path, patience=60.0)
        return check.reason.code, check.reason.facts["pid"]

    assert asyncio.run(examined(VERSION)) == ("doctor.socket", 4711)
    assert asyncio.run(examined("0.0.1")) == ("doctor.socket-version", 4711)


@as_root
def test_a_folder_that_another_user_must_not_write() -> None:
    with roots_folder() as folder, nobody():
        check = examine_socket(str(folder / "sock"))

    assert (check.reason.code, check.health) == ("doctor.folder-denied", Health.BAD)
    assert check.reason.facts["command"] == f"setfacl -R -m u:nobody:wX {folder}"
