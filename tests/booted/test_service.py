"""Installed by script/install on a machine with a real systemd, with a cloud drive that only its owner may see."""

import json
import os
from collections.abc import Iterator

import pytest

from booted.machine import Machine, why_no_machine
from fuse.mounting import why_no_rclone

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("booted"),
]

DRIVE = """
[Service]
Type=notify
User=alice
ExecStart=rclone --config=/dev/null mount /srv/cloud /srv/drive --vfs-cache-mode off
# Without -z a mount that is in use, by whomever, refuses to go, and its dead remains refuse the next start.
ExecStop=fusermount3 -uz /srv/drive
"""
DAEMON = """
[Unit]
Wants=drive.service
After=drive.service
[Service]
LoadCredential=rclone:/root/rclone.password
WatchdogSec=10s
RestartSec=1s
"""
MIB = 1024 * 1024
LEFT_IN = ("/etc", "/opt", "/run", "/usr/local", "/var/lib", "/var/log")
SLOW = 'bandwidth = "1MiB/s"\n'


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    if (why := why_no_machine() or why_no_rclone()) is not None:
        assert "CLOUDGATHER_MUST_BOOT" not in os.environ, why
        pytest.skip(why)
    with Machine() as machine:
        machine.run("useradd", "--create-home", "alice")
        machine.run("mount", "-t", "tmpfs", "srv", "/srv")  # the kernel tells of writers there, not so on an overlay
        machine.run("install", "-d", "-o", "alice", "/srv/cloud", "/srv/drive", "/srv/downloads")
        machine.write("/etc/systemd/system/drive.service", DRIVE)
        machine.write("/etc/systemd/system/cloudgather.service.d/here.conf", DAEMON)
        machine.write("/root/rclone.password", "secret")
        machine.run("chmod", "600", "/root/rclone.password")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "drive")
        installed = machine.run(f"{Machine.checkout}/script/install", within=400)
        assert "the daemon runs" in installed.stdout
        yield machine


SETUP = ("cgctl", "setup", "--downloads", "/srv/downloads", "--drive", "/srv/drive", "--task", "films", "--to", "films")


def test_setup_finds_the_only_user_that_the_drive_lets_in_and_has_the_daemon_run_as_that_one(machine: Machine) -> None:
    assert machine.show("cloudgather", "User") == "cloudgather"
    plan = json.loads(machine.says(*SETUP, "--json"))
    assert (plan["user"], plan["why"], plan["applied"]) == ("alice", "mount", False)
    assert [change["what"] for change in plan["changes"]] == ["drop-in", "owner", "target"]

    said = machine.run(*SETUP, "--yes", within=120).stdout

    assert "runs as alice, group alice cloudgather" in said
    assert "the target drive was written to, read from and cleaned up" in said
    assert [machine.show("cloudgather", key) for key in ("User", "Group", "SupplementaryGroups")] == [
        "alice",
        "alice",
        "cloudgather",
    ]
    assert machine.says("stat", "-c", "%U", "/var/lib/cloudgather", "/var/lib/cloudgather/state.db") == "alice\nalice"
    machine.run("cgctl", "task", "edit", "films", "--set", "settle=1s")


def test_run_again_setup_changes_nothing(machine: Machine) -> None:
    pid = machine.show("cloudgather", "MainPID")

    said = machine.run(*SETUP, "--yes", within=120).stdout

    assert "nothing to change" in said
    assert machine.show("cloudgather", "MainPID") == pid


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            ("--user", "cloudgather"),
            "may not write to /srv/drive; it is mounted by alice without allow_other",
        ),
        (("--drive", "/srv/none"), "no cloud drive is mounted at /srv/none; nothing was changed"),
        (("--downloads", "/root"), "sudo setfacl -R -m u:alice:rX /root"),
    ],
)
def test_setup_refuses_what_cannot_work_and_changes_nothing(
    machine: Machine, given: tuple[str, str], says: str
) -> None:
    before = machine.says("sh", "-c", "cat /etc/cloudgather/*.toml /etc/systemd/system/cloudgather.service.d/*")

    refused = machine.run(*SETUP, *given, "--yes", check=False)

    assert refused.returncode == 1
    assert says in refused.stderr
    assert machine.says("sh", "-c", "cat /etc/cloudgather/*.toml /etc/systemd/system/cloudgather.service.d/*") == before


def test_who_is_in_no_group_sees_the_health_and_is_told_how_to_see_more(machine: Machine) -> None:
    machine.run("useradd", "bob")

    status = machine.run("cgctl", "status", user="bob")
    refused = machine.run("cgctl", "queue", "list", user="bob", check=False)

    assert "0 failed" in status.stdout
    assert "/srv" not in status.stdout
    assert "sudo usermod -aG cloudgather bob" in status.stderr
    assert refused.returncode == 4
    machine.run("usermod", "-aG", "cloudgather", "bob")
    assert "/srv/drive" in machine.run("cgctl", "status", user="bob").stdout


def test_a_secret_comes_as_a_credential_of_systemds(machine: Machine) -> None:
    configure(
        machine,
        'confirm = "rclone"\nrclone_rc = "unix:/run/none"\nrclone_rc_user = "a"\nrclone_rc_password_file = "rclone"\n',
    )
    machine.run("cgctl", "config", "reload")

    shown = machine.says("cgctl", "config", "show", "--json")
    (file,) = (target["remote_control"]["password_file"] for target in json.loads(shown)["targets"].values())
    assert machine.run("cat", file, user="alice").stdout == "secret"
    assert machine.run("cat", file, user="bob", check=False).returncode != 0
    configure(machine)
    machine.run("cgctl", "config", "reload")


def configure(machine: Machine, target: str = "") -> None:
    machine.write("/etc/cloudgather/cloudgather.toml", f'[targets.drive]\nroot = "/srv/drive"\n{target}')


def download(machine: Machine, name: str, content: bytes = b"film" * 1000) -> bytes:
    """A program of alice's finishes a download."""
    machine.write(f"/srv/downloads/{name}", content, user="alice")
    return content


def slow_download(machine: Machine, name: str, seconds: int = 8) -> bytes:
    """One whose upload takes about that long, and has begun."""
    configure(machine, SLOW)
    machine.run("cgctl", "config", "reload")
    content = download(machine, name, bytes(range(256)) * (seconds * MIB // 256))
    machine.until("cgctl", "queue", "list", "--state", "copying", says=name)
    return content


def arrived(machine: Machine, name: str, content: bytes, *, within: float = 60) -> None:
    machine.until("cgctl", "why", f"/srv/downloads/{name}", says="Uploaded", within=within)
    machine.write(f"/root/expected/{name}", content)
    machine.run("cmp", f"/root/expected/{name}", f"/srv/cloud/films/{name}")


def test_a_download_arrives_on_a_drive_that_root_itself_may_not_see(machine: Machine) -> None:
    assert machine.run("ls", "/srv/drive", check=False).returncode != 0

    arrived(machine, "first.mkv", download(machine, "first.mkv"))

    # It tells systemd so every few seconds.
    machine.until("systemctl", "show", "-P", "StatusText", "cloudgather", says="0 moving, 0 settling, 1 task")
    machine.until("journalctl", "--no-pager", "TASK=films", says="first.mkv")


def test_it_brings_man_pages_and_completion(machine: Machine) -> None:
    for page in ("man1/cgctl.1", "man8/cloudgatherd.8", "man5/cloudgather.toml.5"):
        machine.run("test", "-s", f"/usr/local/share/man/{page}")
    assert "cgctl" in machine.says(
        "bash", "-c", ". /usr/local/share/bash-completion/completions/cgctl; complete -p cgctl"
    )


def test_systemd_finds_the_units_right_and_the_sandbox_tight(machine: Machine) -> None:
    verify = machine.run("systemd-analyze", "verify", "--man=no", "cloudgather.service")
    assert verify.stderr == ""
    machine.run("systemd-analyze", "security", "--threshold=20", "cloudgather.service")


def test_the_sandbox_lets_it_make_itself_a_batch_process(machine: Machine) -> None:
    assert "SCHED_BATCH" in machine.says("chrt", "-p", machine.show("cloudgather", "MainPID"))


def test_the_drive_can_be_restarted_while_the_daemon_is_idle(machine: Machine) -> None:
    machine.run("systemctl", "restart", "drive")

    arrived(machine, "after restart.mkv", download(machine, "after restart.mkv"))


def test_the_drive_can_be_restarted_in_the_middle_of_an_upload(machine: Machine) -> None:
    content = slow_download(machine, "interrupted.mkv", seconds=60)

    machine.run("systemctl", "restart", "drive")

    assert machine.show("drive", "ActiveState") == "active"
    assert machine.run("test", "-e", "/srv/cloud/films/interrupted.mkv", check=False).returncode != 0
    configure(machine)
    machine.run("cgctl", "config", "reload")
    arrived(machine, "interrupted.mkv", content)


def test_a_killed_daemon_is_started_again_and_finishes_the_upload(machine: Machine) -> None:
    content = slow_download(machine, "killed.mkv")
    pid = machine.show("cloudgather", "MainPID")

    machine.run("kill", "-9", pid)

    arrived(machine, "killed.mkv", content)
    assert machine.show("cloudgather", "MainPID") not in (pid, "0")


def test_a_daemon_that_stands_still_is_restarted_by_the_watchdog(machine: Machine) -> None:
    content = slow_download(machine, "stopped.mkv")
    pid = machine.show("cloudgather", "MainPID")

    machine.run("kill", "-STOP", pid)

    machine.until("journalctl", "--no-pager", "-u", "cloudgather", says="Watchdog timeout", within=40)
    arrived(machine, "stopped.mkv", content)
    assert machine.show("cloudgather", "MainPID") not in (pid, "0")


def test_a_reload_with_an_invalid_file_keeps_the_old_configuration_and_says_so(machine: Machine) -> None:
    configure(machine, 'bandwidth = "very fast"\n')

    machine.run("systemctl", "reload", "cloudgather", check=False)

    machine.until("journalctl", "--no-pager", "-u", "cloudgather", says="bandwidth")
    arrived(machine, "after reload.mkv", download(machine, "after reload.mkv"))
    configure(machine)
    machine.run("systemctl", "reload", "cloudgather")


def test_an_invalid_configuration_at_the_start_is_not_tried_again_and_again(machine: Machine) -> None:
    configure(machine, 'bandwidth = "very fast"\n')

    assert machine.run("systemctl", "restart", "cloudgather", check=False).returncode != 0

    assert machine.show("cloudgather", "ActiveState") == "failed"
    assert machine.show("cloudgather", "ExecMainStatus") == "78"
    machine.until("journalctl", "--no-pager", "-u", "cloudgather", "-n", "20", says="bandwidth")
    configure(machine)
    machine.run("systemctl", "start", "cloudgather")


def test_it_stops_in_time_while_the_drive_hangs_and_starts_again(machine: Machine) -> None:
    content = slow_download(machine, "hung.mkv")
    rclone = machine.show("drive", "MainPID")
    machine.run("kill", "-STOP", rclone)
    try:
        # The agent cannot be killed while rclone has its request. systemd waits for it, gives up, and calls that a
        # failure; what counts is that it comes back, and that the daemon does not need that agent to be gone.
        machine.run("systemctl", "stop", "cloudgather", within=75)
        assert machine.show("cloudgather", "ActiveState") in ("inactive", "failed")
        assert machine.show("cloudgather", "ExecMainStatus") == "0"
        machine.run("systemctl", "start", "cloudgather", within=40)
        assert machine.show("cloudgather", "ActiveState") == "active"
    finally:
        machine.run("kill", "-CONT", rclone)

    arrived(machine, "hung.mkv", content)


def test_an_upgrade_in_the_middle_of_an_upload_loses_nothing(machine: Machine) -> None:
    content = slow_download(machine, "upgraded.mkv", seconds=120)
    before = machine.says("readlink", "/opt/cloudgather/bin")
    pid = machine.show("cloudgather", "MainPID")

    machine.run(f"{Machine.checkout}/script/install", within=400)

    assert machine.says("readlink", "/opt/cloudgather/bin") != before
    assert machine.show("cloudgather", "MainPID") != pid
    assert machine.run("test", "-e", before, check=False).returncode != 0
    assert "upgraded.mkv" in machine.says("cgctl", "queue", "list")
    configure(machine)
    machine.run("cgctl", "config", "reload")
    arrived(machine, "upgraded.mkv", content)


def test_uninstalled_it_leaves_configuration_and_queue_and_purged_nothing(machine: Machine) -> None:
    machine.run(f"{Machine.checkout}/script/uninstall")

    assert machine.run("systemctl", "cat", "cloudgather", check=False).returncode != 0
    machine.run("test", "-s", "/var/lib/cloudgather/state.db")
    machine.run("test", "-s", "/etc/cloudgather/tasks.d/films.toml")

    machine.run(f"{Machine.checkout}/script/uninstall", "--purge")

    names = ("(", "-name", "*cloudgather*", "-o", "-name", "*cgctl*", ")")
    left = machine.run("find", *LEFT_IN, "-xdev", *names, check=False).stdout  # in /run others' files may go meanwhile
    assert left == ""
    assert machine.run("getent", "passwd", "cloudgather", check=False).returncode == 2
    machine.run("test", "-e", "/srv/cloud/films/first.mkv")
