"""The container's entry point: who the daemon runs as, what it makes, and how it starts, is asked after and ends."""

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire import daemon as daemon_wire
from cgwire import task as task_wire
from e2e.contained import GROUP, HEALTH, USER, Container, why_no_container
from fuse.mounting import detach_all
from fuse.rclone import RcloneMount, needs_rclone
from waiting import eventually_sync

pytestmark = [
    pytest.mark.skipif(why_no_container() is not None, reason=f"no container here: {why_no_container()}"),
    pytest.mark.xdist_group("container"),
]

LEASE = 1 << 28  # capability.h
TARGET = '[targets.disk]\nroot = "/target"\nkind = "directory"\n'


def owner_and_mode(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def exists(path: Path) -> None:
    eventually_sync(path.exists, within=60, what=str(path))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """With what compose.yaml gives it, and a task whose file has arrived."""
    folder = tmp_path_factory.mktemp("container")
    environ = {"UMASK": "027", "TZ": "Asia/Tokyo", "LOG_LEVEL": "DEBUG", "CONSOLE_LEVEL": "WARNING"}
    with Container(folder, capabilities=["lease"], environ=environ) as container:
        container.until_it_answers()
        yield container


def test_a_file_arrives_with_the_owner_and_the_mode_that_were_asked_for(running: Container) -> None:
    with open(running.config / "cloudgather.toml", "a") as file:
        file.write(TARGET)
    reloaded = running.run("cgctl", "config", "reload")
    assert reloaded.returncode == 0, reloaded.stderr
    (running.downloads / "show").mkdir()
    (running.downloads / "show" / "film.mkv").write_bytes(b"film")  # root's: only CAP_LEASE tells that nobody writes it

    words = ["--from", "/downloads", "--to", "disk:films", "--settle", "1s", "--yes"]
    made = running.run("cgctl", "task", "add", "films", *words)

    assert made.returncode == 0, made.stderr
    film = running.target / "films" / "show" / "film.mkv"
    exists(film)
    assert owner_and_mode(film) == (USER, GROUP, 0o640)
    assert owner_and_mode(film.parent) == (USER, GROUP, 0o750)
    assert owner_and_mode(running.config / "tasks.d" / "films.toml")[:2] == (USER, GROUP)


def test_the_daemon_is_process_1_and_has_no_more_rights_than_it_needs(running: Container) -> None:
    status = running.status()

    assert status["NSpid"][-1] == "1"
    assert set(status["Uid"]) == {str(USER)}
    assert set(status["Gid"]) == {str(GROUP)}
    assert status["Groups"] == []
    assert int(status["CapEff"][0], 16) == int(status["CapAmb"][0], 16) == LEASE
    assert status["NoNewPrivs"] == ["1"]


def test_the_health_check_is_content(running: Container) -> None:
    checked = running.run(*HEALTH)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_variables_are_in_effect(running: Container) -> None:
    daemon = running.ask(daemon_wire.Config())["daemon"]

    assert (daemon["timezone"], daemon["log_level"], daemon["console_level"]) == ("Asia/Tokyo", "DEBUG", "WARNING")
    assert daemon["log_keep_days"] == 7


def test_what_it_keeps_lies_in_config_and_belongs_to_the_user(running: Container) -> None:
    kept = {path.name: owner_and_mode(path)[:2] for path in running.config.iterdir()}

    assert kept == dict.fromkeys(("cloudgather.toml", "log", "state", "tasks.d"), (USER, GROUP))
    assert {path.name for path in (running.config / "state").iterdir()} >= {"state.db"}


def test_sigterm_ends_it_cleanly_and_it_starts_again_with_what_it_had(tmp_path: Path) -> None:
    with Container(tmp_path) as container:
        container.until_it_answers()
        (container.config / "tasks.d" / "films.toml").write_text('source = "/downloads"\ntarget = "/target"\n')

        assert container.stop() == 0
        container.start()
        container.until_it_answers()

        assert [task["name"] for task in container.ask(task_wire.List())["tasks"]] == ["films"]
        assert container.stop() == 0


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PUID": "films"}, "PUID=films is not a number"),
        ({"PGID": "-1"}, "PGID=-1 is not a number"),
        ({"UMASK": "9"}, "UMASK=9 is not a mask"),
        ({"TZ": "Asia/Nowhere"}, "TZ: "),
        ({"LOG_SAVE_DAYS": "never"}, "LOG_SAVE_DAYS: "),
    ],
)
def test_a_variable_that_is_wrong_ends_it_with_what_would_be_right(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    with Container(tmp_path, environ=variables) as container:
        assert container.ended() == 78
        assert told in container.said()


def test_without_the_capability_it_says_what_that_means(tmp_path: Path) -> None:
    with Container(tmp_path) as container:
        container.until_it_answers()

        assert "cap_add: [LEASE]" in container.said()
        assert int(container.status()["CapEff"][0], 16) == 0


def test_groups_that_it_was_given_stay_but_not_roots(tmp_path: Path) -> None:
    with Container(tmp_path, groups=[0, 64_200, 64_201]) as container:
        container.until_it_answers()

        assert container.status()["Groups"] == ["64200", "64201"]
        pid = container.pid

    assert not Path(f"/proc/{pid}").exists()  # else it would go on without its test


def test_another_command_runs_as_it_is_and_the_health_check_of_no_daemon_fails(tmp_path: Path) -> None:
    with Container(tmp_path, HEALTH) as container:
        assert container.ended() == 3
        assert list(container.config.iterdir()) == []


@pytest.mark.full
def test_started_as_another_user_it_stays_that_one(tmp_path: Path) -> None:
    container = Container(tmp_path, as_user=USER + 7)
    os.chown(container.config, USER + 7, GROUP)
    run = tmp_path / "volumes" / "run"  # as with tmpfs: ["/run:mode=1777"]
    run.mkdir()
    run.chmod(0o1777)
    with container:
        container.until_it_answers()

        assert "PUID and PGID have no effect" in container.said()
        assert set(container.status()["Uid"]) == {str(USER + 7)}


@pytest.mark.full
def test_old_logs_go_by_log_save_days(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    days = {age: f"cloudgather.log.{today - timedelta(days=age)}" for age in (2, 3, 5, 9)}
    container = Container(tmp_path, environ={"LOG_SAVE_DAYS": "4", "TZ": "UTC"})
    (container.config / "log").mkdir()
    for name in days.values():
        (container.config / "log" / name).write_text("2026-01-01 00:00:00 INFO a line\n")
    with container:
        container.until_it_answers()

        gone = [container.config / "log" / days[age] for age in (5, 9)]
        eventually_sync(lambda: not any(path.exists() for path in gone), within=60, what="the end of old logs")
        assert all((container.config / "log" / days[age]).exists() for age in (2, 3))


# ---- cloud drives ---------------------------------------------------------------------------------------------------


@pytest.fixture
def drives(tmp_path: Path) -> Iterator[Path]:
    """The host's folder above its mount points; what is mounted there passes on, as it does under systemd."""
    folder = tmp_path / "drives"
    folder.mkdir()
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "--make-shared", folder], check=True)
        yield folder
    finally:
        detach_all(os.fsencode(folder))


def examined(container: Container) -> dict[str, Any]:
    """What the doctor says of the target."""
    checks = json.loads(container.run("cgctl", "doctor", "--json").stdout)["checks"]
    (target,) = [check for check in checks if check["name"] == "target"]
    return dict(target)


def task_to_the_drive(container: Container) -> None:
    words = ["--from", "/downloads", "--to", "/CloudDrive/rclone/films", "--settle", "1s", "--yes"]
    made = container.run("cgctl", "task", "add", "films", *words)
    assert made.returncode == 0, made.stderr


@pytest.mark.full
@needs_rclone
def test_below_a_folder_with_rslave_a_drive_is_seen_again(tmp_path: Path, drives: Path) -> None:
    given = [(drives, "/CloudDrive", "rslave")]
    with (
        RcloneMount(drives, options=("--allow-other",)) as drive,
        Container(tmp_path, capabilities=["lease"], given=given) as container,
    ):
        container.until_it_answers()
        task_to_the_drive(container)
        (container.downloads / "first.mkv").write_bytes(b"film")
        arrived = Path(os.fsdecode(drive.backing)) / "films"
        exists(arrived / "first.mkv")
        assert examined(container)["code"] == "doctor.target"

        drive.detach()
        eventually_sync(lambda: examined(container)["ok"] == "bad", within=60, what="the doctor sees that it is gone")
        (container.downloads / "second.mkv").write_bytes(b"film")
        drive.start()

        exists(arrived / "second.mkv")
        assert sorted(os.listdir(drives)) == ["rclone", "rclone.backing"]


@pytest.mark.full
@needs_rclone
@pytest.mark.parametrize(("below", "propagation"), [("rclone", "rprivate"), ("rclone", "rslave"), ("", "rprivate")])
def test_the_doctor_tells_a_drive_that_would_not_be_seen_again(
    tmp_path: Path, drives: Path, below: str, propagation: str
) -> None:
    with RcloneMount(drives, options=("--allow-other",)):
        given = [(drives / below, f"/CloudDrive/{below}", propagation)]
        with Container(tmp_path, given=given) as container:
            container.until_it_answers()
            task_to_the_drive(container)

            found = examined(container)

            assert (found["code"], found["ok"]) == ("doctor.target-pinned", "warn")
            assert ":rslave" in container.run("cgctl", "doctor").stdout


# ---- moving in -------------------------------------------------------------------------------------------------------


def with_the_originals_tasks(folder: Path, environ: dict[str, str]) -> Container:
    container = Container(folder, environ=environ)
    entry: dict[str, Any] = {"name": "电影", "source_path": "/downloads", "target_path": "/target/films"}
    (container.config / "tasks.json").write_text(json.dumps({"tasks": [{**entry, "rule_not_exists": True}]}))
    return container


@pytest.mark.full
def test_tasks_of_the_original_are_shown_and_nothing_is_made_of_them(tmp_path: Path) -> None:
    with with_the_originals_tasks(tmp_path, {}) as container:
        container.until_it_answers()
        eventually_sync(lambda: "CLOUDGATHER_IMPORT=yes" in container.said(), within=60, what="the offer")

        assert "电影.toml" in container.said()
        assert container.ask(task_wire.List())["tasks"] == []
        assert (container.config / "tasks.json").exists()


@pytest.mark.full
def test_tasks_of_the_original_are_made_once_where_that_was_said(tmp_path: Path) -> None:
    with with_the_originals_tasks(tmp_path, {"CLOUDGATHER_IMPORT": "yes"}) as container:
        container.until_it_answers()
        exists(container.config / "tasks.json.imported")
        assert [task["name"] for task in container.ask(task_wire.List())["tasks"]] == ["电影"]
        assert container.stop() == 0
        (container.config / "tasks.d" / "电影.toml").unlink()
        container.start()
        container.until_it_answers()

        assert container.ask(task_wire.List())["tasks"] == []
