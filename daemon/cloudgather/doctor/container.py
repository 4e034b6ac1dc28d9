"""Whether this process runs in a container, and how its mounts came there."""

import os
from collections.abc import Sequence

from cloudgather.core.mounts import Mount, mount_of


def in_container(mounts: Sequence[Mount]) -> bool:
    """Told by the marks of Docker and Podman, or by a root of layers."""
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    root = mount_of(b"/", mounts)
    return root is not None and root.fs_type == "overlay"


def makes_mounts() -> bool:
    """Whether FUSE is there, which a container is not given unless it is to mount drives itself."""
    return os.path.exists("/dev/fuse")


def is_pinned(path: bytes, mounts: Sequence[Mount]) -> bool:
    """Whether a container with these mounts keeps the drive that `path` is on as it was when the container started.

    What the host mounts there later arrives only if the container was given a folder above the mount point, and in a
    way (rslave, rshared) that mounts pass through.
    """
    mount = mount_of(path, mounts)
    if mount is None or not mount.is_remote:
        return False
    above = next((each for each in mounts if each.id == mount.parent), None)
    return above is not None and (above.mount_point == b"/" or not above.follows)
