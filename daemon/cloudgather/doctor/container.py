"""Whether this process runs in a container."""

import os
from collections.abc import Sequence

from cloudgather.core.mounts import Mount, mount_of


def in_container(mounts: Sequence[Mount]) -> bool:
    """Told by the marks of Docker and Podman, or by a root of layers."""
    if os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv"):
        return True
    root = mount_of(b"/", mounts)
    return root is not None and root.fs_type == "overlay"
