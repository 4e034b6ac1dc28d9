"""The Debian package: built here, and installed, upgraded, removed and purged on a freshly made Debian."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from booted.machine import Machine, why_no_machine

pytestmark = [pytest.mark.full, pytest.mark.timeout(900), pytest.mark.xdist_group("booted")]

CHECKOUT: Final = Path(__file__).parents[2]
LEFT_IN: Final = ("/etc", "/opt", "/run", "/usr", "/var/lib")
SETUP = (
    *("cgctl", "setup", "--downloads", "/srv/downloads", "--drive", "/srv/disk", "--kind", "directory"),
    *("--task", "films", "--to", "films", "--yes"),
)


@pytest.fixture(scope="module")
def packages() -> Iterator[Path]:
    """A folder with revision 1, and the same packed again as revision 2."""
    missing = [name for name in ("debootstrap", "dh", "lintian") if shutil.which(name) is None]
    if why := f"{missing} not installed" if missing else why_no_machine():
        assert "CLOUDGATHER_MUST_BOOT" not in os.environ, why
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="cloudgather-deb-", dir="/var/tmp"))
    try:
        subprocess.run([CHECKOUT / "script" / "build-deb", folder], check=True)
        (first,) = folder.glob("*.deb")
        subprocess.run(["dpkg-deb", "--raw-extract", first, folder / "second"], check=True)
        control = folder / "second" / "DEBIAN" / "control"
        control.write_text(control.read_text().replace("-1~", "-2~", 1))
        second = folder / first.name.replace("-1~", "-2~", 1)
        subprocess.run(["dpkg-deb", "--build", "-Znone", folder / "second", second], check=True)
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def machine(packages: Path) -> Iterator[Machine]:
    debian = Path(tempfile.mkdtemp(prefix="cloudgather-debian-", dir="/var/tmp"))
    release = subprocess.run(
        ["sh", "-c", '. /etc/os-release; echo "$VERSION_CODENAME"'], check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv", release, str(debian)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # It reaches the archive as this machine does.
    for file in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copyfile(file, f"{debian}{file}")
    try:
        with Machine(debian) as machine:
            for package in packages.glob("*.deb"):
                machine.write(f"/root/{package.name}", package.read_bytes())
            machine.run("apt-get", "update", within=120)
            yield machine
    finally:
        shutil.rmtree(debian)


def revision(machine: Machine) -> str:
    return machine.says("dpkg-query", "-W", "-f", "${Version}", "cloudgather").partition("-")[2].partition("~")[0]


def install(machine: Machine, revision: str) -> None:
    machine.run(
        *("env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c"),
        f"apt-get install -q -y --no-install-recommends /root/cloudgather_*-{revision}~*.deb",
        within=300,
    )


def test_lintian_finds_no_errors(packages: Path) -> None:
    (package, *_) = packages.glob("*.deb")
    found = subprocess.run(
        ["lintian", "--fail-on=error", "--allow-root", package], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


def test_it_installs_and_runs_on_a_fresh_debian(machine: Machine) -> None:
    install(machine, "1")

    assert revision(machine) == "1"
    assert machine.show("cloudgather", "ActiveState") == "active"
    assert machine.show("cloudgather", "UnitFileState") == "enabled"
    machine.run("test", "-s", "/etc/cloudgather/cloudgather.toml")
    assert "cgctl" in machine.says("cgctl", "version")


def test_setup_makes_it_run_as_whoever_owns_the_folders_and_a_download_arrives(machine: Machine) -> None:
    machine.run("mount", "-t", "tmpfs", "srv", "/srv")
    machine.run("useradd", "alice")
    machine.run("install", "-d", "-o", "alice", "-m", "700", "/srv/disk", "/srv/downloads")
    machine.run(*SETUP, within=120)
    assert machine.show("cloudgather", "User") == "alice"
    machine.run("cgctl", "task", "edit", "films", "--set", "settle=1s")

    machine.write("/srv/downloads/a.mkv", b"film" * 1000)

    machine.until("cgctl", "why", "/srv/downloads/a.mkv", says="Uploaded")
    machine.run("cmp", "/srv/downloads/a.mkv", "/srv/disk/films/a.mkv")


def test_an_upgrade_restarts_the_daemon_and_keeps_what_is_the_users(machine: Machine) -> None:
    pid = machine.show("cloudgather", "MainPID")
    configuration = machine.says("cat", "/etc/cloudgather/cloudgather.toml")

    install(machine, "2")

    assert revision(machine) == "2"
    assert machine.show("cloudgather", "MainPID") not in (pid, "0")
    assert machine.says("cat", "/etc/cloudgather/cloudgather.toml") == configuration
    assert machine.show("cloudgather", "User") == "alice"
    machine.until("cgctl", "why", "/srv/downloads/a.mkv", says="Uploaded")


def test_removed_it_keeps_configuration_and_queue_and_installed_again_takes_them_up(machine: Machine) -> None:
    machine.run("apt-get", "remove", "-q", "-y", "cloudgather", within=120)

    assert machine.run("test", "-e", "/opt/cloudgather", check=False).returncode != 0
    machine.run("test", "-s", "/var/lib/cloudgather/state.db")
    assert machine.show("cloudgather", "ActiveState") == "inactive"

    install(machine, "2")
    machine.until("cgctl", "why", "/srv/downloads/a.mkv", says="Uploaded")


def test_purged_it_leaves_nothing_but_its_user(machine: Machine) -> None:
    machine.run("apt-get", "purge", "-q", "-y", "cloudgather", within=120)

    names = ("(", "-name", "*cloudgather*", "-o", "-name", "*cgctl*", ")")
    left = machine.run("find", *LEFT_IN, "-xdev", *names, check=False).stdout  # /opt itself may be gone as well
    assert left == ""
    machine.run("test", "-s", "/srv/disk/films/a.mkv")


def test_it_does_not_install_over_what_script_install_left(machine: Machine) -> None:
    machine.run("mkdir", "-p", "/opt/cloudgather/releases/1/bin")
    machine.run("ln", "-s", "/opt/cloudgather/releases/1/bin", "/opt/cloudgather/bin")

    refused = machine.run("sh", "-c", "dpkg -i /root/cloudgather_*-2~*.deb", check=False)

    assert refused.returncode != 0
    assert "script/uninstall" in refused.stderr
