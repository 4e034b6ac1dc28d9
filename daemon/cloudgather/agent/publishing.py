"""Gives a whole temporary its final name, makes it durable, and clears away temporaries."""

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from typing import Any, Final

from cloudgather.agent.job import Job, Trouble, WireIdentity
from cloudgather.agent.places import LastFolder, beside, closing, components, sync_folder
from cloudgather.agent.protocol import ASIDE
from cloudgather.agent.roots import Root
from cloudgather.agent.system import rename_to_free, syncfs

# What file systems answer that do not rename over a file.
_NOT_OVER: Final = frozenset({errno.EEXIST, errno.EPERM, errno.EACCES})
_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


def publish(job: Job, *, destination: bytes, temporary: bytes, size: int, over: bool = True, **common: Any) -> None:
    """Publishing.publish of one file; what Publishing takes is `common`."""
    with Publishing(job, **common) as publishing:
        publishing.publish(destination=destination, temporary=temporary, size=size, over=over)


class Publishing:
    """Renames files of one target, which stays open meanwhile, and so do their folders for `keep` seconds."""

    def __init__(
        self, job: Job, *, root: bytes, identity: WireIdentity | None, durable: bool, keep: float = 0.0
    ) -> None:
        """Raises Trouble "identity" where the root must not be used."""
        self._job = job
        self._target = Root(root, identity, job)
        mount = self._target.mount
        self._is_local = mount is not None and not mount.is_remote
        self._durable = durable
        self._folders = LastFolder(self._target.folder, keep=keep)

    def __enter__(self) -> "Publishing":
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.__exit__()
        self._target.__exit__()

    def publish(self, destination: bytes, temporary: bytes, size: int, over: bool = True) -> None:
        """Give the temporary, of `size` bytes, its final name.

        Unless `over`, a file that has come to stand there since the copy began is somebody else's: Trouble "standing".

        The mount is checked right before the rename, through the root that the folder was reached from. An absent
        temporary is ENOENT at step "rename", whatever stands under the final name.
        """
        job = self._job
        above, name = beside(destination, temporary)
        try:
            folder = self._folders.at(above)
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                raise _temporary_gone(error) from error
            raise
        _demand_whole(folder, temporary, size, job)
        # A mount that has no such rename would be asked twice more each time, and one that has it may not mean it.
        looks = not over and not self._is_local
        if looks:
            _demand_free(folder, name, job)
        job.step("rename", "target", size)
        self._target.check()
        try:
            if over or looks:
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                rename_to_free(folder, temporary, name)
        except OSError as error:
            if over:
                swap(folder, temporary, name, error, self._target, job)
            else:
                if error.errno == errno.EEXIST:
                    _demand_free(folder, name, job)
                    job.step("rename", "target", size)  # nothing is there: then it is the rename that fails
                raise
        if self._durable:
            job.step("fsync", "target", size)
            sync_folder(folder)


def _temporary_gone(error: OSError) -> Trouble:
    message = "the temporary is not there any more"
    return Trouble("errno", message, errno=errno.ENOENT, step="rename", side="target")


def _demand_whole(folder: int, temporary: bytes, size: int, job: Job) -> None:
    job.step("stat", "target")
    try:
        state = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise _temporary_gone(error) from error
    if not stat.S_ISREG(state.st_mode) or state.st_size != size:
        raise Trouble(
            "length",
            "the temporary has another length",
            step="length",
            side="target",
            expected=size,
            found=state.st_size,
        )


def _demand_free(folder: int, name: bytes, job: Job) -> None:
    job.step("stat", "target")
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise Trouble(
        "standing",
        "another file has come to stand under the final name",
        size=state.st_size,
        mtime_ns=state.st_mtime_ns,
        is_file=stat.S_ISREG(state.st_mode),
    )


def swap(folder: int, temporary: bytes, name: bytes, refusal: OSError, target: Root, job: Job) -> None:
    """The old file aside, the new one in place, the old one removed; raises `refusal` where that is not the matter."""
    old = temporary + ASIDE
    try:
        standing = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        raise refusal from None
    if not stat.S_ISREG(standing.st_mode):
        raise Trouble("occupied", "something that is no file stands under the final name", name=name) from refusal
    if refusal.errno not in _NOT_OVER:
        raise refusal
    os.rename(name, old, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        target.check()
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except (OSError, Trouble):
        os.rename(old, name, src_dir_fd=folder, dst_dir_fd=folder)
        raise
    job.step("unlink", "target")
    os.unlink(old, dir_fd=folder)


def barrier(job: Job, *, root: bytes, identity: WireIdentity | None, folders: Sequence[bytes] = ()) -> None:
    """Makes durable what was copied so far, and what was renamed in these folders.

    By syncfs of the target's file system, and by fsync of each folder where that is not enough. With a folder that is
    gone by now whoever removed it took what had been renamed there.
    """
    with Root(root, identity, job) as target:
        for path in () if target.syncs_whole else folders:
            job.check()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError), closing(target.folder(path)) as folder:
                job.step("fsync", "target")
                sync_folder(folder)
        job.step("syncfs", "target")
        syncfs(target.fd)
        target.check()


def prepare(
    job: Job, *, root: bytes, identity: WireIdentity | None, base: bytes, make: bool, dir_mode: int | None
) -> dict[str, bool]:
    """Makes the base folder, if `make`; else raises Trouble "identity" base-gone where it is absent."""
    with Root(root, identity, job) as target:
        standing = b"" if make else base
        folder, made = target.make(base, standing=standing, mode=dir_mode, durable=True)
        os.close(folder)
        return {"made": made}


def sweep(job: Job, *, root: bytes, identity: WireIdentity | None, paths: Sequence[bytes]) -> list[bytes]:
    """Unlinks these files, and answers with those that are now known to be gone for good.

    That goes for one that was not there, too: whoever removed it may not have lived to make that durable.
    """
    gone: set[bytes] = set()
    with Root(root, identity, job) as target:
        for path in paths:
            if not components(path):
                raise Trouble("bad", "the root is no temporary")
        folders: dict[bytes, list[bytes]] = {}
        for path in paths:
            folders.setdefault(path.rpartition(b"/")[0], []).append(path)
        for folder, those in folders.items():
            gone.update(_unlinked(target, folder, those, job))
        target.check()
    return [path for path in paths if path in gone]


def _unlinked(target: Root, path: bytes, paths: Sequence[bytes], job: Job) -> Sequence[bytes]:
    """Those of one folder that are gone."""
    try:
        folder = target.folder(path)
    except OSError as error:
        return paths if error.errno in _NOTHING_THERE else []
    with closing(folder):
        gone = [each for each in paths if _unlink(folder, components(each)[-1], job)]
        if gone:
            job.step("fsync", "target")
            sync_folder(folder)
    return gone


def _unlink(folder: int, name: bytes, job: Job) -> bool:
    job.check()
    job.step("unlink", "target")
    try:
        os.unlink(name, dir_fd=folder)
    except OSError as error:
        return error.errno in _NOTHING_THERE
    return True
