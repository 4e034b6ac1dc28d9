"""The mount goes away: nothing is written where it was, transfers hold and say why, all go when it is back."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.beneath import Beneath
from e2e.expecting import all_arrive, attempts, half_way, put_off, until_held
from e2e.running import Running
from fuse.mounting import mounts_at
from fuse.rclone import RcloneMount, needs_rclone

pytestmark = needs_rclone

MIB = 1 << 20
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a tmpfs")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RcloneMount]:
    """A mounted cloud; at the end nothing must ever have been made in the folder under it."""
    mount = RcloneMount(tmp_path, name="cloud")
    os.makedirs(mount.root)
    with Beneath(mount.root) as beneath:
        with mount:
            yield mount
        assert mounts_at(mount.root) == []
        assert beneath.made() == []
        assert os.listdir(mount.root) == []


def a_daemon(tmp_path: Path, cloud: RcloneMount) -> Running:
    """Slow enough to be met half-way, until it is to hurry; what is only a matter of waiting would take ten minutes."""
    target = 'bandwidth = "256KiB/s"\nprofile = "lan"\nparallel = 1'
    return Running(tmp_path, root=cloud.root, target=target, retry="10m")


def test_killed_in_the_middle_of_a_copy(tmp_path: Path, cloud: RcloneMount) -> None:
    first, second = os.urandom(5 * MIB), os.urandom(MIB)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", first)
        half_way(running)

        cloud.kill()
        until_held(running, "a.mkv", "held.mount-dead")
        running.write("b.mkv", second)
        until_held(running, "b.mkv", "held.mount-dead")
        cloud.detach()
        until_held(running, "a.mkv", "held.not-mounted")
        assert b"a.mkv" not in running.sent(cloud.backing)
        running.hurry()
        cloud.start()

        all_arrive(running, cloud.backing, {b"a.mkv": first, b"b.mkv": second})
        assert attempts(running) == {0}


def test_lazily_unmounted_in_the_middle_of_a_copy(tmp_path: Path, cloud: RcloneMount) -> None:
    content = os.urandom(5 * MIB)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", content)
        half_way(running)

        cloud.detach()
        until_held(running, "a.mkv", "held.not-mounted")
        assert running.sent(cloud.backing) == {}
        assert "not mounted" in running.cgctl("status").stdout
        running.hurry()
        cloud.start()

        all_arrive(running, cloud.backing, {b"a.mkv": content})
        assert put_off(running, "a.mkv") == ["held.not-mounted"]
        assert attempts(running) == {0}


def test_absent_at_start(tmp_path: Path, cloud: RcloneMount) -> None:
    first, second = os.urandom(1000), os.urandom(2000)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", first)
        running.until("a.mkv", "done")
        running.stop()
        cloud.detach()

        running.start()
        running.write("b.mkv", second)
        until_held(running, "b.mkv", "held.not-mounted")
        cloud.start()

        all_arrive(running, cloud.backing, {b"a.mkv": first, b"b.mkv": second})


def test_never_mounted_at_all(tmp_path: Path, cloud: RcloneMount) -> None:
    content = os.urandom(1000)
    cloud.detach()
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", content)
        until_held(running, "a.mkv", "held.never-mounted")
        assert running.sent(cloud.backing) == {}

        cloud.start()

        all_arrive(running, cloud.backing, {b"a.mkv": content})


@as_root
def test_a_plain_disk_mounted_over_it(tmp_path: Path, cloud: RcloneMount) -> None:
    first, second = os.urandom(5 * MIB), os.urandom(1000)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", first)
        half_way(running)

        subprocess.run(["mount", "-t", "tmpfs", "cover", cloud.root], check=True)
        until_held(running, "a.mkv", "held.not-mounted")
        running.write("b.mkv", second)
        until_held(running, "b.mkv", "held.not-mounted")
        assert os.listdir(cloud.root) == []
        assert running.sent(cloud.backing) == {}
        running.hurry()
        subprocess.run(["umount", "-l", cloud.root], check=True)  # the agent may just be looking at what is mounted

        all_arrive(running, cloud.backing, {b"a.mkv": first, b"b.mkv": second})


@as_root
def test_a_plain_disk_where_no_cloud_was_ever_seen(tmp_path: Path, cloud: RcloneMount) -> None:
    content = os.urandom(1000)
    cloud.detach()
    subprocess.run(["mount", "-t", "tmpfs", "cover", cloud.root], check=True)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", content)
        until_held(running, "a.mkv", "held.never-mounted")
        assert os.listdir(cloud.root) == []

        cloud.start()  # detaches the tmpfs

        all_arrive(running, cloud.backing, {b"a.mkv": content})


def test_another_cloud_mounted_there_waits_for_the_operator(tmp_path: Path, cloud: RcloneMount) -> None:
    first, second = os.urandom(1000), os.urandom(2000)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", first)
        running.until("a.mkv", "done")
        cloud.detach()
        cloud.kill()  # as it ends by itself it may unmount the other

        with RcloneMount(tmp_path, name="cloud", source="other:") as other:
            running.write("b.mkv", second)
            until_held(running, "b.mkv", "held.other-mount")
            assert set(running.sent(cloud.backing)) == {b"a.mkv"}
            other.detach()
        cloud.start()

        all_arrive(running, cloud.backing, {b"a.mkv": first, b"b.mkv": second})


def test_restarted_by_its_owner_while_the_daemon_is_idle(tmp_path: Path, cloud: RcloneMount) -> None:
    first, second = os.urandom(1000), os.urandom(2000)
    with a_daemon(tmp_path, cloud) as running:
        running.write("a.mkv", first)
        running.until("a.mkv", "done")
        agents = running.agents()
        assert agents  # they leave after a minute; until then they must not be in the way

        for pid in (running.pid, *agents):
            assert opened_below(pid, cloud.root) == []
        unmounting = subprocess.run(["fusermount3", "-u", cloud.root], capture_output=True, check=False)

        assert unmounting.stderr == b""
        assert unmounting.returncode == 0
        assert running.agents() == agents
        running.write("b.mkv", second)
        until_held(running, "b.mkv", "held.not-mounted")
        cloud.start()
        all_arrive(running, cloud.backing, {b"a.mkv": first, b"b.mkv": second})


def opened_below(pid: int, folder: bytes) -> list[bytes]:
    """What the process has open, or is in, below `folder`; touches the folder itself in no way."""
    process = b"/proc/%d" % pid
    links = [process + b"/cwd", process + b"/root"]
    links += [process + b"/fd/" + number for number in os.listdir(process + b"/fd")]
    found = []
    for link in links:
        try:
            found.append(os.readlink(link))
        except FileNotFoundError:  # closed meanwhile
            continue
    return [path for path in found if path == folder or path.startswith(folder + b"/")]
