"""Where a source really is: which folder, on which mounts, and why it cannot be used."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.mounts import Mount, is_below, mount_of
from cloudgather.rights import denied_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which folder a root is; another value means that what was watched is not the root any more."""

    path: bytes  # without symlinks
    device: int
    inode: int


def locate(root: bytes) -> Place:
    """The folder that `root` leads to now, which this process may read; raises OSError. Blocks as the disk does.

    The folder is not opened: a descriptor, however short-lived, could make an unmount fail.
    """
    path = os.path.realpath(root, strict=True)
    found = os.stat(os.path.join(path, b"."))
    if not os.access(path, os.R_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return Place(path=path, device=found.st_dev, inode=found.st_ino)


def why_unusable(root: bytes) -> Reason | None:
    """Why `root` cannot be used now; None where it can. Blocks as the disk does."""
    try:
        locate(root)
    except OSError as error:
        return unusable(root, error)
    return None


def mounts_around(path: bytes, mounts: Sequence[Mount]) -> tuple[Mount, ...]:
    """The mounts that decide what is seen at and below `path`: the one it is on, and all below it."""
    on = mount_of(path, mounts)
    return tuple(mount for mount in mounts if mount is on or is_below(mount.mount_point, path))


def remote_of(around: Sequence[Mount]) -> Mount | None:
    """The first of these mounts that is remote: others' changes there give no events."""
    return next((mount for mount in around if mount.is_remote), None)


def unusable(root: bytes, error: OSError) -> Reason:
    """Why `root` cannot be used, from what locate() raised. Blocks as the disk does."""
    match error.errno:
        case errno.ENOENT:
            return because(Code.SOURCE_GONE, source=root)
        case errno.ENOTDIR:
            return because(Code.SOURCE_NOT_A_FOLDER, source=root)
        case errno.EACCES | errno.EPERM:
            return denied_source(root)
        case _:
            return because(Code.SOURCE_ERROR, source=root, message=error.strerror or str(error))
