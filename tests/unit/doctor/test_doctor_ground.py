"""Configuration, the daemon's own folders, and how they are found wanting."""

import os
from pathlib import Path

import pytest

from cgwire.text import LANGUAGES, sentence
from cloudgather.doctor.checks import Health
from cloudgather.doctor.folders import own_folder, state_folder
from cloudgather.doctor.ground import read_ground
from unit.doctor.examined import NOBODY, a_mount, as_root, mounts_now, nobody, roots_folder, told, tree

HERE = (a_mount("/"),)


def a_configuration(folder: Path, *, daemon: str = "", **tasks: str) -> str:
    (folder / "tasks.d").mkdir()
    for name, text in tasks.items():
        (folder / "tasks.d" / f"{name}.toml").write_text(text)
    file = folder / "cloudgather.toml"
    file.write_text(
        f'[daemon]\nstate_dir = "{folder}/state"\ntasks_dir = "{folder}/tasks.d"\n{daemon}\n'
        f'[targets.cloud]\nroot = "{folder}/cloud"\n'
    )
    return str(file)


def test_all_is_well_before_the_first_start(tmp_path: Path) -> None:
    file = a_configuration(tmp_path, films=f'source = "{tmp_path}/a"\ntarget = "cloud:"')
    before = tree(tmp_path)

    ground = read_ground(file, HERE)

    assert told(ground.checks) == {
        "config": "doctor.config",
        "state-dir": "doctor.folder-none",
        "state-space": "doctor.space",
        "database": "doctor.database-none",
        "log-dir": "doctor.folder-none",
    }
    assert ground.configuration is not None and list(ground.configuration.tasks) == ["films"]
    assert tree(tmp_path) == before


def test_every_problem_of_every_file_is_told(tmp_path: Path) -> None:
    file = a_configuration(tmp_path, one="sauce = 1", two=f'source = "{tmp_path}/a"\ntarget = "cloud:"\nevery = "x"')

    found = [check for check in read_ground(file, HERE).checks if check.name == "config"]

    assert {check.health for check in found} == {Health.BAD}
    assert {os.path.basename(check.reason.facts["file"]) for check in found} == {"one.toml", "two.toml"}
    lines = [sentence(check.reason.to_wire(), language) for check in found for language in LANGUAGES]
    for words in (
        """two.toml:3: every: "x" is not a duration; write it as "10s", "5m", "1h30m" or "2d\"""",
        """two.toml:3: every: "x" 不是有效的时长；请写成 "10s"（秒）、"5m"（分钟）、"""
        """"1h30m"（小时和分钟）或 "2d"（天）""",
    ):
        assert f"{tmp_path}/tasks.d/{words}" in lines, lines


def test_a_main_file_with_errors_or_without_a_task(tmp_path: Path) -> None:
    file = a_configuration(tmp_path, daemon='log_level = "LOUD"\ncolour = 1')

    assert [check.reason.code for check in read_ground(file, HERE).checks] == ["doctor.problem"] * 2
    assert [check.reason.code for check in read_ground(str(tmp_path / "no.toml"), HERE).checks] == ["doctor.problem"]

    os.unlink(file)
    os.rmdir(tmp_path / "tasks.d")
    (none,) = (check for check in read_ground(a_configuration(tmp_path), HERE).checks if check.name == "config")
    assert (none.reason.code, none.health, none.hint) == ("doctor.no-tasks", Health.WARN, "cgctl task add")


def test_a_folder_that_is_there_or_can_be_made(tmp_path: Path) -> None:
    assert told(state_folder(str(tmp_path), HERE)) == {"state-dir": "doctor.folder", "state-space": "doctor.space"}
    assert own_folder("log-dir", str(tmp_path / "a/b/c"), HERE).reason.facts["at"] == os.fsencode(tmp_path)


def test_something_else_stands_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for place in ("file", "file/below"):
        (check,) = state_folder(str(tmp_path / place), HERE)
        assert (check.reason.code, check.health) == ("doctor.folder-occupied", Health.BAD)


@pytest.mark.parametrize("fs_type", ["fuse.rclone", "nfs4", "cifs"])
def test_a_database_on_a_network_is_bad_and_never_touched(tmp_path: Path, fs_type: str) -> None:
    (tmp_path / "state").symlink_to("/nowhere/that/could/be/looked/at")

    (check,) = state_folder(str(tmp_path / "state"), (*HERE, a_mount(tmp_path, fs_type)))

    assert (check.reason.code, check.health) == ("doctor.state-remote", Health.BAD)


def test_a_folder_that_does_not_last(tmp_path: Path) -> None:
    check, _ = state_folder(str(tmp_path), (*HERE, a_mount(tmp_path, "tmpfs")))

    assert (check.reason.code, check.health) == ("doctor.state-volatile", Health.WARN)


@as_root
def test_a_folder_of_another_user() -> None:
    with roots_folder() as folder:
        (folder / "state").mkdir(mode=0o700)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        with nobody():
            denied = own_folder("state-dir", str(folder / "state" / "deep"), mounts_now())
            inside = own_folder("state-dir", str(folder / "state"), mounts_now())
            above = own_folder("state-dir", str(folder / "new"), mounts_now())
            owned, _ = state_folder(str(folder / "open"), HERE)

    assert [check.reason.code for check in (denied, inside, above)] == ["doctor.folder-denied"] * 3
    facts = denied.reason.facts
    assert (facts["at"], facts["owner"], facts["mode"]) == (os.fsencode(folder / "state"), "root", 0o700)
    assert facts["command"] == f"setfacl -m u:nobody:x {folder}/state"
    assert inside.reason.facts["command"] == f"setfacl -R -m u:nobody:rwX {folder}/state"
    assert above.reason.facts["at"] == os.fsencode(folder)
    assert "runuser -u root" in (denied.hint or "")
    assert (owned.reason.code, owned.health) == ("doctor.state-owner", Health.WARN)


@as_root
def test_root_is_told_that_the_state_belongs_to_another(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    try:
        check, _ = state_folder(str(tmp_path), HERE)
    finally:
        os.chown(tmp_path, 0, 0)

    assert check.text == f"{tmp_path} belongs to nobody, and this examination runs as root"
