"""Which way a container was given a cloud drive, told by its mounts."""

from cloudgather.core.mounts import Mount
from cloudgather.doctor.container import is_pinned

ROOT = Mount(
    id=1,
    parent=0,
    device="0:1",
    mount_point=b"/",
    fs_type="overlay",
    source=b"overlay",
    options=frozenset(),
    follows=True,
)


def a_folder(mount_point: bytes, *, follows: bool) -> Mount:
    """A folder of the host's disk, bound into the container."""
    return Mount(
        id=2, parent=1, device="8:1", mount_point=mount_point, fs_type="ext4", source=b"/dev/sda1",
        options=frozenset(), follows=follows,
    )  # fmt: skip


def a_drive(parent: int) -> Mount:
    return Mount(
        id=3, parent=parent, device="0:9", mount_point=b"/CloudDrive/115", fs_type="fuse.cd", source=b"115",
        options=frozenset(),
    )  # fmt: skip


def test_below_a_folder_that_mounts_pass_through_it_is_seen_again() -> None:
    assert not is_pinned(b"/CloudDrive/115/films", (ROOT, a_folder(b"/CloudDrive", follows=True), a_drive(2)))


def test_without_rslave_it_is_pinned() -> None:
    assert is_pinned(b"/CloudDrive/115/films", (ROOT, a_folder(b"/CloudDrive", follows=False), a_drive(2)))


def test_as_a_mount_point_of_its_own_it_is_pinned_whatever_the_containers_root_is() -> None:
    assert is_pinned(b"/CloudDrive/115/films", (ROOT, a_drive(1)))


def test_a_plain_disk_is_not_pinned() -> None:
    assert not is_pinned(b"/CloudDrive/films", (ROOT, a_folder(b"/CloudDrive", follows=False)))
