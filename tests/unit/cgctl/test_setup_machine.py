"""What setup reads of the machine, and what it finds out by trying."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgctl.setup.machine import Account, Wish, account_of, may, mount_of, owner_of, parse_mounts

TABLE = rb"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /CloudDrive rw,nosuid,nodev shared:3 - fuse.CloudFS CloudFS rw,user_id=0,group_id=0,allow_other
31 22 0:31 / /home/alice/my\040drive rw - fuse.rclone cloud: rw,user_id=1000,group_id=1001
32 22 0:32 / /mnt/nas rw - nfs4 nas:/x rw
33 22 0:33 / /mnt/old ro - fuse.rclone old: rw,user_id=1000,group_id=1000,allow_other
34 22 8:2 / /mnt/usb rw - fuseblk /dev/sdb1 rw,user_id=0,group_id=0,allow_other
35 22 0:35 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw,user_id=0,group_id=0,allow_other
36 30 0:36 / /CloudDrive/115 rw - fuse.CloudFS 115 rw,user_id=0,group_id=0
not a line
"""


def test_drives_are_known_and_whom_they_let_in() -> None:
    mounts = parse_mounts(TABLE)

    assert [mount.mount_point for mount in mounts if mount.may_be_drive] == [
        b"/CloudDrive",
        b"/home/alice/my drive",
        b"/mnt/nas",
        b"/CloudDrive/115",
    ]
    private = {mount.mount_point: mount.private_to for mount in mounts if mount.private_to is not None}
    assert private == {b"/home/alice/my drive": (1000, 1001), b"/CloudDrive/115": (0, 0)}


@pytest.mark.parametrize(
    ("path", "mount_point"),
    [
        (b"/CloudDrive/115/films", b"/CloudDrive/115"),
        (b"/CloudDrive/1150", b"/CloudDrive"),
        (b"/CloudDrive", b"/CloudDrive"),
        (b"/srv", b"/"),
    ],
)
def test_the_mount_that_a_path_is_on(path: bytes, mount_point: bytes) -> None:
    mount = mount_of(path, parse_mounts(TABLE))

    assert mount is not None
    assert mount.mount_point == mount_point


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that other users can reach, which pytest's own are not."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root acts as another user, and by setpriv")
    made = Path(tempfile.mkdtemp(prefix="cloudgather-setup-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


NOBODY = account_of(65534, 65534)


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        (0o700, set()),
        (0o705, {Wish.READ, Wish.PASS}),
        (0o701, {Wish.PASS}),
        (0o707, {Wish.READ, Wish.PASS, Wish.WRITE}),
    ],
)
def test_what_an_account_may_is_tried(folder: Path, mode: int, allowed: set[Wish]) -> None:
    (folder / "it's").mkdir()
    (folder / "it's").chmod(mode)

    assert {wish for wish in Wish if may(NOBODY, bytes(folder / "it's"), wish)} == allowed


def test_its_further_groups_count(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in").chmod(0o750)
    os.chown(folder / "in", 0, 64_123)

    assert not may(NOBODY, bytes(folder / "in"), Wish.READ)
    member = Account(user=NOBODY.user, group=NOBODY.group, extra=frozenset({"64123"}))
    assert may(member, bytes(folder / "in"), Wish.READ)


def test_root_is_tried_with_the_rights_that_the_service_has(folder: Path) -> None:
    (folder / "in").mkdir()
    os.chown(folder / "in", 65534, 65534)
    (folder / "in").chmod(0o700)

    assert not may(account_of(0), bytes(folder / "in"), Wish.READ)  # no CAP_DAC_OVERRIDE


def test_a_file_or_nothing_is_no_folder(folder: Path) -> None:
    (folder / "file").touch(0o777)

    assert not may(NOBODY, bytes(folder / "file"), Wish.READ)
    assert not may(NOBODY, bytes(folder / "none"), Wish.WRITE)


def test_an_owner_is_told_and_nobody_is_of_what_is_not_there(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in").chmod(0o2750)
    os.chown(folder / "in", 64_001, 64_002)
    (folder / "in").chmod(0o2750)

    assert owner_of(bytes(folder / "in")) == (64_001, 64_002, 0o2750)
    assert owner_of(bytes(folder / "none")) is None


def test_an_account_without_names_is_numbers() -> None:
    account = account_of(64_001, 64_002)

    assert (account.user, account.group, account.uid, account.gid) == ("64001", "64002", 64_001, 64_002)
