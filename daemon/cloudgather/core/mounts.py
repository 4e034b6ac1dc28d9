"""What /proc/self/mountinfo says: which file system a path is on, and what kind that is."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

# proc(5): space, tab, newline and backslash stand as octal escapes, in a source `#` as well.
_ESCAPE: Final = re.compile(rb"\\([0-3][0-7]{2})")

_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "glusterfs", "lustre", "ncpfs", "davfs", "virtiofs"}
)
_PSEUDO: Final = frozenset(
    {
        "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "mqueue",
        "hugetlbfs", "pstore", "bpf", "configfs", "efivarfs", "autofs", "fusectl", "binfmt_misc", "rpc_pipefs", "nsfs",
        "selinuxfs", "ramfs",
    }
)  # fmt: skip
# A read lease on these tells the truth about writers (tried on ext4 and tmpfs; granted on overlay in spite of one).
_LEASE_TRUSTED: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs"})
# These take every name of up to 255 bytes, and list it as it is; some folders of theirs overlook its case and form.
_NAMES_SHOWN: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs"})


class Mount(NamedTuple):
    """One line of mountinfo. A tuple, since `dataclasses` would be a seventh of what an agent takes to start."""

    id: int
    parent: int
    device: str  # "major:minor"
    mount_point: bytes
    fs_type: str
    source: bytes
    options: frozenset[str]  # per mount and per file system together
    root: bytes = b"/"  # which of the file system's folders is mounted (another than `/` for a bind mount)
    follows: bool = False  # what is mounted below it in another namespace is mounted here, too (shared, or slave)

    @property
    def is_remote(self) -> bool:
        """FUSE or network: may hang, gives no events for others' changes, and counts as a cloud mount."""
        return is_remote_type(self.fs_type)

    @property
    def syncs_whole(self) -> bool:
        """Whether syncfs makes everything on it durable: the kernel passes it on to no FUSE program and no server."""
        return not self.is_remote and not self.fs_type.startswith("fuse")  # fuseblk

    @property
    def is_pseudo(self) -> bool:
        """A kernel interface, never a place for files."""
        return self.fs_type in _PSEUDO

    @property
    def tells_writers(self) -> bool:
        """Whether a refused or granted lease can be believed here."""
        return self.fs_type in _LEASE_TRUSTED

    @property
    def shows_names(self) -> bool:
        """Whether what has a name is in its folder's listing, by that name or one of another case or Unicode form.

        vfat and others know names that they do not list.
        """
        return self.fs_type in _NAMES_SHOWN

    @property
    def read_only(self) -> bool:
        """Mounted `ro`."""
        return "ro" in self.options


def is_remote_type(fs_type: str) -> bool:
    """Mount.is_remote, where only the type is known."""
    # Not fuseblk: that is ntfs-3g on a local disk.
    return fs_type == "fuse" or fs_type.startswith("fuse.") or fs_type in _NETWORK


def parse_mountinfo(text: bytes) -> tuple[Mount, ...]:
    """Every line of mountinfo, in its order; a line that cannot be read is left out."""
    return tuple(mount for line in text.split(b"\n") if (mount := _parse_line(line)) is not None)


def _parse_line(line: bytes) -> Mount | None:
    head, separator, tail = line.partition(b" - ")
    before, after = head.split(b" "), tail.split(b" ")
    if not separator or len(before) < 6 or len(after) < 2:
        return None
    try:
        mount_id, parent = int(before[0]), int(before[1])
    except ValueError:
        return None
    options = before[5].split(b",") + (after[2].split(b",") if len(after) > 2 else [])
    return Mount(
        id=mount_id,
        parent=parent,
        device=before[2].decode("ascii", "replace"),
        mount_point=_unescape(before[4]),
        fs_type=after[0].decode("ascii", "replace"),
        source=_unescape(after[1]),
        options=frozenset(option.decode("utf-8", "replace") for option in options),
        root=_unescape(before[3]),
        follows=any(field.startswith((b"shared:", b"master:")) for field in before[6:]),
    )


def _unescape(field: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 8)]), field)


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether `path` is `folder` or lies in it; both absolute and normalised."""
    return path == folder or path.startswith(folder if folder.endswith(b"/") else folder + b"/")


def mount_of(path: bytes, mounts: Sequence[Mount]) -> Mount | None:
    """The mount that `path` is on: the deepest mount point above it, and of several there the last mounted."""
    best: Mount | None = None
    for mount in mounts:
        if is_below(path, mount.mount_point) and (best is None or len(mount.mount_point) >= len(best.mount_point)):
            best = mount
    return best
