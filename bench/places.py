"""Where it is measured: scratch folders, a tmpfs for the run, FUSE mounts, limits of the kernel that are put back."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from measuring import MIB, Wrong, program

from cloudgather.core.mounts import mount_of, parse_mountinfo

_SPARE = 1024 * MIB  # of the memory that is free, left to the programs


@contextmanager
def scratch(below: str | None) -> Iterator[str]:
    """A folder that is removed at the end."""
    folder = tempfile.mkdtemp(prefix="cg-bench-", dir=below)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def memory_disk(size: int) -> Iterator[str]:
    """A tmpfs of that many bytes, mounted for us alone. Raises Wrong where that cannot be."""
    if os.geteuid() != 0:
        raise Wrong("only root can mount a tmpfs: name a folder of a RAM disk with --below, for example /dev/shm")
    if (free := _free_memory()) < size + _SPARE:
        raise Wrong(f"a tmpfs of {size // MIB} MiB does not fit into the {free // MIB} MiB that are free: use --below")
    with scratch(None) as folder:
        options = f"size={size},mode=0700,nr_inodes=0"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "cg-bench", folder], check=True)
        try:
            yield folder
        finally:
            _unmount(folder)


@contextmanager
def rclone_mount(rclone: str, folder: str) -> Iterator[tuple[str, str]]:
    """(mount point, folder behind it) of a cloud drive: rclone mounts a local folder, both made below `folder`."""
    backing, point, log = (os.path.join(folder, name) for name in ("backing", "mount", "rclone.log"))
    os.makedirs(backing)
    os.makedirs(point)
    words = [rclone, "mount", backing, point, "--config=", "--dir-cache-time=1s", f"--cache-dir={folder}/cache"]
    with program(*words, log=log, ready=lambda said: os.path.ismount(point)):
        try:
            yield point, backing
        finally:
            _unmount(point)


def _unmount(point: str) -> None:
    for lazily in ((), ("-l",)):
        if os.path.ismount(point):
            tool = ["umount", *lazily] if os.geteuid() == 0 else ["fusermount3", "-u", *("-z" for _ in lazily)]
            subprocess.run([*tool, point], check=False, capture_output=True)


def _free_memory() -> int:
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))


def kernel_value(name: str) -> int:
    """Of a limit like fs.inotify.max_user_watches."""
    with open(_file_of(name)) as file:
        return int(file.read())


@contextmanager
def kernel_limit(name: str, value: int) -> Iterator[None]:
    """Such a limit set to this meanwhile, and put back. Raises Wrong where it may not be changed."""
    before = kernel_value(name)
    if value == before:
        yield
        return
    try:
        with open(_file_of(name), "w") as file:
            file.write(str(value))
    except OSError as error:
        raise Wrong(f"{name} is {before} and must be {value}: {error.strerror}") from error
    try:
        yield
    finally:
        with open(_file_of(name), "w") as file:
            file.write(str(before))


def _file_of(name: str) -> str:
    return "/proc/sys/" + name.replace(".", "/")


def kind_of(place: str) -> str:
    """The type of the file system that it lies on."""
    with open("/proc/self/mountinfo", "rb") as file:
        mount = mount_of(os.fsencode(os.path.realpath(place)), parse_mountinfo(file.read()))
    return mount.fs_type if mount is not None else "an unknown file system"
