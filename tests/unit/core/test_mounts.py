"""What mountinfo says, and which mount a path is on."""

import pytest

from cloudgather.core.mounts import Mount, is_below, is_remote_type, mount_of, parse_mountinfo

LINE = rb"36 35 98:0 /sub /mnt/a\040b rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue"


def a_mount(mount_point: bytes, id: int = 1, fs_type: str = "ext4") -> Mount:
    return Mount(
        id=id, parent=0, device="8:1", mount_point=mount_point, fs_type=fs_type, source=b"x", options=frozenset()
    )


def test_a_line_is_read_whatever_optional_fields_it_has() -> None:
    assert parse_mountinfo(LINE + b"\n") == (
        Mount(
            id=36,
            parent=35,
            device="98:0",
            mount_point=b"/mnt/a b",
            fs_type="ext3",
            source=b"/dev/root",
            options=frozenset({"rw", "noatime", "ro", "errors=continue"}),
            root=b"/sub",
            follows=True,
        ),
    )
    (without,) = parse_mountinfo(b"36 35 98:0 / /mnt rw - tmpfs tmpfs rw")
    assert without.mount_point == b"/mnt"
    assert not without.follows


@pytest.mark.parametrize(
    ("optional", "follows"),
    [(b"shared:7", True), (b"master:7", True), (b"unbindable", False), (b"propagate_from:3", False)],
)
def test_a_mount_that_others_pass_through_is_known(optional: bytes, follows: bool) -> None:
    (mount,) = parse_mountinfo(b"36 35 98:0 / /mnt rw %b - tmpfs tmpfs rw" % optional)

    assert mount.follows is follows


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (rb"/a\040b", b"/a b"),
        (rb"/a\011b\012c", b"/a\tb\nc"),
        (rb"/back\134slash", b"/back\\slash"),
        (rb"/back\134040", b"/back\\040"),  # a backslash, and digits after it
        (rb"/hash\043", b"/hash#"),
        (b"/carriage\rreturn", b"/carriage\rreturn"),
        ("/云盘/115".encode(), "/云盘/115".encode()),
        (b"/\xff\xfe", b"/\xff\xfe"),
    ],
)
def test_names_are_unescaped(field: bytes, expected: bytes) -> None:
    (mount,) = parse_mountinfo(b"1 0 0:1 / " + field + b" rw - fuse.rclone " + field + b" rw\n")

    assert (mount.mount_point, mount.source) == (expected, expected)


@pytest.mark.parametrize(
    "line",
    [b"", b"nonsense", b"1 0 0:1 / /mnt rw", b"x 0 0:1 / /mnt rw - ext4 x rw", b"1 0 0:1 / - ext4 x rw", b"1 - ext4"],
)
def test_a_line_that_cannot_be_read_is_left_out(line: bytes) -> None:
    assert [mount.id for mount in parse_mountinfo(line + b"\n" + LINE)] == [36]


@pytest.mark.parametrize(
    ("fs_type", "remote", "pseudo", "tells"),
    [
        ("ext4", False, False, True),
        ("btrfs", False, False, True),
        ("overlay", False, False, False),
        ("zfs", False, False, False),
        ("fuse", True, False, False),
        ("fuse.rclone", True, False, False),
        ("fuse.clouddrive", True, False, False),
        ("fuseblk", False, False, False),  # ntfs-3g on a local disk
        ("fusectl", False, True, False),
        ("nfs4", True, False, False),
        ("cifs", True, False, False),
        ("virtiofs", True, False, False),
        ("proc", False, True, False),
        ("autofs", False, True, False),
    ],
)
def test_what_a_file_system_is(fs_type: str, remote: bool, pseudo: bool, tells: bool) -> None:
    mount = a_mount(b"/mnt", fs_type=fs_type)

    assert (mount.is_remote, mount.is_pseudo, mount.tells_writers) == (remote, pseudo, tells)
    assert is_remote_type(fs_type) is remote


@pytest.mark.parametrize(
    ("fs_type", "shows"),
    [("ext4", True), ("xfs", True), ("tmpfs", True), ("vfat", False), ("exfat", False), ("fuse.rclone", False)],
)
def test_which_listings_tell_of_every_name(fs_type: str, shows: bool) -> None:
    assert a_mount(b"/mnt", fs_type=fs_type).shows_names is shows


def test_read_only_is_told_by_the_mount_or_its_file_system() -> None:
    lines = b"1 0 8:1 / /a ro - ext4 x rw\n2 0 8:1 / /b rw - ext4 x ro\n3 0 8:1 / /c rw,relatime - ext4 x rw"

    assert [mount.read_only for mount in parse_mountinfo(lines)] == [True, True, False]


@pytest.mark.parametrize(
    ("path", "id"),
    [
        (b"/", 1),
        (b"/mnt", 1),
        (b"/mnt/cloud", 4),  # mounted over 2
        (b"/mnt/cloud/films", 4),
        (b"/mnt/cloud/films/new", 3),
        (b"/mnt/cloudy", 1),
    ],
)
def test_a_path_is_on_the_deepest_and_last_mount_above_it(path: bytes, id: int) -> None:
    mounts = [
        a_mount(b"/", 1),
        a_mount(b"/mnt/cloud", 2),
        a_mount(b"/mnt/cloud/films/new", 3),
        a_mount(b"/mnt/cloud", 4),
    ]

    found = mount_of(path, mounts)

    assert found is not None
    assert found.id == id
    assert mount_of(b"/elsewhere", mounts[1:]) is None


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        (b"/a", b"/a", True),
        (b"/a/b", b"/a", True),
        (b"/ab", b"/a", False),
        (b"/a", b"/a/b", False),
        (b"/a", b"/", True),
        (b"/", b"/", True),
    ],
)
def test_below_is_a_matter_of_whole_names(path: bytes, folder: bytes, below: bool) -> None:
    assert is_below(path, folder) is below
