"""A target: a place files go to, with its limits and its identity, as values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cloudgather.core.bandwidth import Bandwidth
from cloudgather.core.mounts import Mount, is_remote_type
from cloudgather.core.task import Window, WindowEnd


class Kind(StrEnum):
    """What is expected under a target's root."""

    MOUNT = "mount"  # a FUSE or network file system; its identity is recorded and checked
    DIRECTORY = "directory"  # a plain disk; no mount is expected


class Profile(StrEnum):
    """What a target is like; sets the limits that the operator leaves open."""

    CLOUD = "cloud"
    LAN = "lan"
    DISK = "disk"


class Verify(StrEnum):
    """How a copy is checked before it is published."""

    SIZE = "size"
    CHECKSUM = "checksum"  # read back and compared by digest


class Confirm(StrEnum):
    """The strength of the proof that the cloud has a file."""

    NONE = "none"
    SEEN = "seen"  # a stat through the mount: proves the mount's cache only
    STORED = "stored"  # a plain disk after its barrier
    RCLONE = "rclone"  # the mount's rclone has uploaded it, and the cloud lists it: as strong as stored


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteControl:
    """Where the rclone behind a mount listens for commands (`--rc`)."""

    address: str  # http://HOST:PORT, https://…, or unix:/PATH
    user: str | None = None
    password_file: bytes | None = None
    fs: str | None = None  # rclone's own name for what is mounted; None: the mount's source


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which file system a target was first seen on."""

    mount_point: bytes
    fs_type: str
    source: bytes  # mountinfo's mount source, e.g. b"115:" or b"nas:/export"

    @property
    def is_remote(self) -> bool:
        """Whether it is a FUSE or network file system."""
        return is_remote_type(self.fs_type)

    def matches(self, mount: Mount) -> bool:
        """Whether `mount` is the file system that was recorded."""
        return (self.mount_point, self.fs_type, self.source) == (mount.mount_point, mount.fs_type, mount.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """A target as configured, with every default filled in from its profile."""

    name: str
    root: bytes  # absolute, normalised
    kind: Kind = Kind.MOUNT
    profile: Profile = Profile.CLOUD
    implicit: bool = False  # made for a task that names a plain path
    parallel: int = 1
    bandwidth: Bandwidth = None  # over all its transfers
    daily_limit: int | None = None  # bytes within 24 hours
    max_unconfirmed: int | None = None  # bytes that are written and not confirmed
    cache_dir: bytes | None = None  # where the program behind the mount keeps what it has yet to upload
    min_free: int | None = None  # bytes that are to stay free there
    upload_window: Window | None = None
    window_end: WindowEnd = WindowEnd.FINISH
    verify: Verify = Verify.SIZE
    confirm: Confirm = Confirm.SEEN
    confirm_within: timedelta = timedelta(days=1)  # what rclone fails to upload for so long is failed
    remote_control: RemoteControl | None = None  # with confirm RCLONE only
    attempts: int = 8  # of one version of a file before it fails
    retry_first: timedelta = timedelta(seconds=30)
    retry_most: timedelta = timedelta(hours=1)
    metadata_per_second: float | None = 1.0  # listings, looks, files: whatever makes the cloud look something up
    deadline_factor: float = 1.0  # stretches every operation's deadline
    file_mode: int | None = None
    dir_mode: int | None = None
