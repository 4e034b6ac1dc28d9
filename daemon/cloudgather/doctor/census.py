"""Counts the folders of a source as a watch would, for a few seconds at most, and finds files to try a lease on."""

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloudgather.core.filters import is_junk
from cloudgather.core.mounts import Mount

_SECONDS: Final = 5.0
_MOST: Final = 200_000


@dataclass(slots=True, kw_only=True)
class Census:
    """What was found; paths are relative to the source."""

    directories: int = 1
    stopped: float | None = None  # seconds after which counting was given up: there are more
    refused: int = 0  # folders that may not be read
    refused_example: bytes | None = None
    own_file: bytes | None = None  # a regular file of this user, to try a lease on
    other_file: bytes | None = None  # one of another user


def take_census(root: bytes, mounts: Sequence[Mount], *, seconds: float = _SECONDS, most: int = _MOST) -> Census:
    """Walk the tree at `root`, which has no symlinks; what is mounted below from elsewhere is not entered."""
    remote = frozenset(mount.mount_point for mount in mounts if mount.is_remote)
    census = Census()
    pending = [b""]
    begin = time.monotonic()
    while pending:
        if census.directories >= most or time.monotonic() - begin > seconds:
            census.stopped = time.monotonic() - begin
            break
        path = pending.pop()
        try:
            found = _read(root, path, census)
        except PermissionError:
            census.refused += 1
            census.refused_example = census.refused_example or path
            continue
        except OSError:  # it has vanished
            continue
        found = [each for each in found if os.path.join(root, each) not in remote]
        census.directories += len(found)
        pending += found
    return census


def _read(root: bytes, path: bytes, census: Census) -> list[bytes]:
    """The folders in one folder."""
    folders = []
    with os.scandir(os.path.join(root, path)) as entries:
        for entry in entries:
            if is_junk(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(os.path.join(path, entry.name))
            elif census.other_file is None or census.own_file is None:
                _consider(os.path.join(path, entry.name), entry, census)
    return folders


def _consider(path: bytes, entry: "os.DirEntry[bytes]", census: Census) -> None:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_uid == os.geteuid():
        census.own_file = census.own_file or path
    else:
        census.other_file = census.other_file or path
