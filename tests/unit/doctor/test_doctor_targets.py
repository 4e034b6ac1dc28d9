"""Targets: what is mounted at their roots, and whether it can be reached."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgather.core.target import Identity, Kind, TargetSpec
from cloudgather.doctor.checks import Health
from fuse.mounting import detach, mounts_at
from fuse.rclone import RcloneMount, needs_rclone
from fuse.sickmount import SickMount, needs_sick
from unit.doctor.examined import a_mount, as_nobody, as_root, roots_folder, target_of, tree


def a_spec(root: Path | bytes, kind: Kind = Kind.MOUNT) -> TargetSpec:
    return TargetSpec(name="cloud", root=os.fsencode(root), kind=kind)


def identity_of(root: bytes) -> Identity:
    mount = mounts_at(root)[-1]
    return Identity(mount_point=mount.mount_point, fs_type=mount.fs_type, source=mount.source)


@contextlib.contextmanager
def a_tmpfs(root: Path, options: str) -> Iterator[None]:
    root.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "cloudgather-test", str(root)], capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.decode()}")
    try:
        yield
    finally:
        detach(os.fsencode(root))


def test_a_plain_folder_that_is_meant_to_be_one(tmp_path: Path) -> None:
    before = tree(tmp_path)

    check = target_of(a_spec(tmp_path, Kind.DIRECTORY))

    assert (check.reason.code, check.health, check.subject) == ("doctor.target", Health.OK, "cloud")
    assert check.reason.facts["total"] > check.reason.facts["free"] > 0
    assert tree(tmp_path) == before


def test_a_plain_folder_that_is_gone(tmp_path: Path) -> None:
    assert target_of(a_spec(tmp_path / "no", Kind.DIRECTORY)).reason.code == "held.root-gone"


def test_no_cloud_drive_is_mounted(tmp_path: Path) -> None:
    identity = Identity(mount_point=os.fsencode(tmp_path), fs_type="fuse.rclone", source=b"115:")
    here = (a_mount("/"),)

    never, gone = target_of(a_spec(tmp_path), mounts=here), target_of(a_spec(tmp_path), identity, here)

    assert (never.reason.code, never.health) == ("held.never-mounted", Health.BAD)
    assert (gone.reason.code, gone.health) == ("held.not-mounted", Health.BAD)
    # That its empty folder is missing, too, is not what needs to be mended.
    assert target_of(a_spec(tmp_path / "no"), mounts=here).reason.code == "held.never-mounted"
    assert target_of(a_spec(tmp_path / "no"), identity, here).reason.code == "held.not-mounted"


def test_a_container_that_was_given_an_empty_mount_point(tmp_path: Path) -> None:
    check = target_of(a_spec(tmp_path), mounts=(a_mount("/", "overlay"), a_mount(tmp_path, "ext4")))

    assert (check.reason.code, check.health) == ("doctor.target-bound", Health.BAD)
    assert "rslave" in (check.hint or "")


@as_root
def test_a_read_only_disk(tmp_path: Path) -> None:
    with a_tmpfs(tmp_path / "disk", "ro"):
        check = target_of(a_spec(tmp_path / "disk", Kind.DIRECTORY))

    assert (check.reason.code, check.health) == ("held.read-only", Health.BAD)


@as_root
def test_a_disk_with_little_room(tmp_path: Path) -> None:
    with a_tmpfs(tmp_path / "disk", "size=64m"):
        check = target_of(a_spec(tmp_path / "disk", Kind.DIRECTORY))

    assert (check.reason.code, check.health) == ("doctor.target-full", Health.WARN)
    assert check.text == f"only 64.0 MiB free at {tmp_path}/disk of 64.0 MiB"


@as_root
def test_a_disk_that_this_user_must_not_write() -> None:
    with roots_folder() as folder:
        (denied,) = as_nobody("-m", "unit.doctor.apart", "directory", str(folder))
        folder.chmod(0o777)
        (allowed,) = as_nobody("-m", "unit.doctor.apart", "directory", str(folder))

    assert (denied["code"], denied["ok"]) == ("doctor.target-denied", "warn")
    assert denied["text"] == f"{folder} cannot be written by nobody: it belongs to root:root with mode 0755"
    assert allowed["code"] == "doctor.target"


@needs_rclone
def test_a_cloud_drive_seen_for_the_first_time_again_or_changed(tmp_path: Path) -> None:
    with RcloneMount(tmp_path) as mount:
        known = identity_of(mount.root)

        first, again = target_of(a_spec(mount.root)), target_of(a_spec(mount.root), known)
        other = target_of(a_spec(mount.root), Identity(mount_point=mount.root, fs_type=known.fs_type, source=b"other:"))

    assert (first.reason.code, again.reason.code) == ("doctor.target", "doctor.target")
    assert first.reason.facts["fs_type"] == "fuse.rclone"
    assert (other.reason.code, other.health) == ("held.other-mount", Health.BAD)
    assert "cgctl target accept cloud" in (other.hint or "")


@needs_sick
def test_a_mount_that_is_taken_for_a_plain_folder(tmp_path: Path) -> None:
    with SickMount(tmp_path) as mount:
        check = target_of(a_spec(mount.root, Kind.DIRECTORY))

    assert (check.reason.code, check.health) == ("doctor.target-unguarded", Health.WARN)


@needs_sick
def test_a_dead_one_and_one_that_hangs(tmp_path: Path) -> None:
    with SickMount(tmp_path) as mount:
        known = identity_of(mount.root)
        mount.hang("statfs")
        hangs = target_of(a_spec(mount.root), known, afterwards=mount.heal)
        mount.kill()
        dead = target_of(a_spec(mount.root), known)

    assert (hangs.reason.code, hangs.health) == ("held.stalled", Health.BAD)
    assert (dead.reason.code, dead.health) == ("held.mount-dead", Health.BAD)


@as_root
@needs_sick
def test_a_mount_of_another_user_without_allow_other() -> None:
    with roots_folder() as folder, SickMount(folder) as mount:
        (check,) = as_nobody("-m", "unit.doctor.apart", "mount", os.fsdecode(mount.root))

        assert (check["code"], check["ok"], check["owner"]) == ("held.mount-denied", "bad", "root")
