"""Mounting for tests: what is missing for FUSE here, what is mounted, and taking it away by force."""

import ctypes
import errno
import functools
import importlib.util
import os
import shutil
import subprocess
from ctypes.util import find_library
from typing import Final

from cloudgather.core.mounts import Mount, parse_mountinfo

_MNT_DETACH: Final = 2


@functools.cache
def why_no_fuse() -> str | None:
    """What is missing for mounting FUSE file systems on this machine; None when nothing is known to be."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened: {error.strerror}"
    if os.geteuid() != 0 and shutil.which("fusermount3") is None:
        return "fusermount3 is not installed, and only root mounts without it"
    return None


@functools.cache
def why_no_sick() -> str | None:
    """What is missing for SickMount."""
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if find_library("fuse3") is None and find_library("fuse") is None:
        return "libfuse is not installed"
    return why_no_fuse()


@functools.cache
def why_no_rclone() -> str | None:
    """What is missing for RcloneMount."""
    if shutil.which("rclone") is None:
        return "rclone is not installed"
    return why_no_fuse()


def mounts_at(path: bytes) -> list[Mount]:
    """What is mounted exactly there, in the order of mounting."""
    with open("/proc/self/mountinfo", "rb") as file:
        return [mount for mount in parse_mountinfo(file.read()) if mount.mount_point == path]


def detach(path: bytes) -> None:
    """Lazily unmount the topmost file system there; nothing mounted is no error. Never touches its content."""
    if os.geteuid() != 0:
        subprocess.run(["fusermount3", "-u", "-z", "--", path], check=False, capture_output=True)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(path, _MNT_DETACH) != 0 and (number := ctypes.get_errno()) not in (errno.EINVAL, errno.ENOENT):
        raise OSError(number, os.strerror(number), path)


def detach_all(path: bytes) -> None:
    """Take away everything that is mounted there."""
    for _ in mounts_at(path):
        detach(path)
