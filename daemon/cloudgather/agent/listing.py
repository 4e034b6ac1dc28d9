"""What stands at a target: entries of a folder, single names, the digest of a file, and the mount underneath."""

import errno
import os
import stat
from collections.abc import Sequence
from typing import Any, Final

from cloudgather.agent.job import Job, Trouble, WireIdentity
from cloudgather.agent.places import KEEP, LastFolder, closing, components
from cloudgather.agent.reading import digest_of
from cloudgather.agent.roots import Root
from cloudgather.mounted import mount_id

_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_READ_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def listing(job: Job, *, root: bytes, identity: WireIdentity | None, folder: bytes) -> list[list[Any]] | None:
    """`[name, is_file, size, mtime_ns]` of every entry; None where there is no such folder."""
    with Root(root, identity, job) as target:
        try:
            here = target.folder(folder)
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                return None
            raise
        with closing(here):
            job.step("list", "target")
            with closing(os.open(b".", _READ_FOLDER, dir_fd=here)) as reading, os.scandir(reading) as entries:
                found = [row for entry in entries if (row := _row(entry, job)) is not None]
        target.check()
        return found


def _row(entry: os.DirEntry[str], job: Job) -> list[Any] | None:
    job.check()
    job.step("list", "target")
    try:
        state = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return [os.fsencode(entry.name), stat.S_ISREG(state.st_mode), state.st_size, state.st_mtime_ns]


def look(
    job: Job, *, root: bytes, identity: WireIdentity | None, paths: Sequence[bytes]
) -> list[tuple[int, int, bool] | None]:
    """`[size, mtime_ns, is_file]` of each path, None for what is not there."""
    with Root(root, identity, job) as target, LastFolder(target.folder, keep=KEEP) as folders:
        found = []
        for path in paths:
            job.check()
            found.append(_stand(folders, path, job))
        target.check()
        return found


def _stand(folders: LastFolder, path: bytes, job: Job) -> tuple[int, int, bool] | None:
    components(path)
    above, _, name = path.rpartition(b"/")
    try:
        folder = folders.at(above)
        job.step("stat", "target")
        state = os.stat(name or b".", dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise
    return state.st_size, state.st_mtime_ns, stat.S_ISREG(state.st_mode)


def digest(job: Job, *, root: bytes, identity: WireIdentity | None, path: bytes) -> bytes:
    """xxh3-128 of a file at the target; its progress is the bytes read."""
    parts = components(path)
    if not parts:
        raise Trouble("bad", "the root is no file")
    with Root(root, identity, job) as target, closing(target.folder(b"/".join(parts[:-1]))) as folder:
        job.step("stat", "target")
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
            raise Trouble("occupied", "something that is no file stands under this name", name=parts[-1])
        job.step("open", "target")
        with closing(os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)) as fd:
            return digest_of(fd, job, "target", count=True)


def probe(job: Job, *, root: bytes) -> dict[str, Any]:
    """Which mount the root is on, and what room there is; nothing is compared."""
    with Root(root, None, job) as target:
        job.step("stat", "target")
        owner, room = os.fstat(target.fd), os.fstatvfs(target.fd)
        mount = target.mount
        return {
            "mount_id": mount_id(target.fd),
            # In a chroot the mount of the root may be in no mountinfo entry.
            "mount_point": b"/" if mount is None else mount.mount_point,
            "fs_type": "" if mount is None else mount.fs_type,
            "source": b"" if mount is None else mount.source,
            "last": True,
            "read_only": bool(room.f_flag & os.ST_RDONLY) or (mount is not None and mount.read_only),
            "uid": owner.st_uid,
            "gid": owner.st_gid,
            "mode": stat.S_IMODE(owner.st_mode),
            "total": room.f_blocks * room.f_frsize,
            "free": room.f_bavail * room.f_frsize,
        }
