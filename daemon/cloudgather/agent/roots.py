"""A target's root, opened for one operation, and the proof that it lies on the right mount."""

import errno
import os
from typing import Any, Final

from cloudgather.agent.job import Job, Trouble, WireIdentity
from cloudgather.agent.places import (
    FOLDER,
    closing,
    components,
    open_root,
    sync_folder,
    walk,
)
from cloudgather.core.mounts import Mount, is_below, is_remote_type, mount_of
from cloudgather.mounted import mount_id, mount_of_id, mount_under, mounts

_DEAD: Final = frozenset({errno.ENOTCONN, errno.ESTALE, errno.ENODEV, errno.ECONNABORTED, errno.ESHUTDOWN})
_MOST_KNOWN: Final = 10_000
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


class DurableFolders:
    """Which folders are known to be found again after a power cut: so that each is made sure of once only."""

    def __init__(self) -> None:
        self._known: set[tuple[bytes, bytes]] = set()

    def knows(self, root: bytes, path: bytes) -> bool:
        """Whether this one need not be looked after."""
        return (root, path) in self._known

    def add(self, root: bytes, path: bytes) -> None:
        """Its name is on the disk."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add((root, path))

    def discard(self, root: bytes, path: bytes) -> None:
        """It was made anew."""
        self._known.discard((root, path))


class Root:
    """A target's root, open for one operation, known to be on the right mount when it was entered."""

    def __init__(
        self, path: bytes, identity: WireIdentity | None, job: Job, *, durable_folders: DurableFolders | None = None
    ) -> None:
        """Raises Trouble "identity" when it must not be used.

        Its fact `what`: absent, other, local, detached, dead, denied, root-gone. `durable_folders` is what earlier
        operations have found out.
        """
        self.path = path
        self._identity = identity
        self._job = job
        self._durable_folders = durable_folders or DurableFolders()
        job.step("root", "target")
        try:
            self.fd = open_root(path)
        except OSError as error:
            raise _unusable(path, identity, error, job) from error
        try:
            self._mount_id = mount_id(self.fd)
            self.mount = self.check()
        except BaseException:
            os.close(self.fd)
            raise

    def __enter__(self) -> "Root":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def check(self) -> Mount | None:
        """The mount that the open root is on; raises Trouble "identity" if it is not (any more) the right one.

        None where it is in no mountinfo entry but reached by its path all the same: in a chroot.
        """
        mount, last = mount_of_id(self._mount_id)
        if mount is None and self._identity is None and self._is_reached():
            return None
        if mount is None or not last:
            raise _not_it("detached", "the root's mount has been unmounted or mounted over", mount)
        if self._identity is not None:
            _compare(self._identity, mount)
        return mount

    def _is_reached(self) -> bool:
        try:
            with closing(open_root(self.path)) as fresh:
                return mount_id(fresh) == self._mount_id
        except OSError:
            return False

    @property
    def syncs_whole(self) -> bool:
        """Whether a barrier makes durable what was written; else each file and folder must be synced by itself."""
        return self.mount is None or self.mount.syncs_whole

    def folder(self, path: bytes) -> int:
        """A new descriptor (O_PATH) of a folder beneath the root; raises FileNotFoundError, NotADirectoryError."""
        self._job.step("open", "target")
        return self._same_mount(walk(self.fd, components(path)))

    def make(self, path: bytes, *, standing: bytes = b"", mode: int | None, durable: bool) -> tuple[int, bool]:
        """As folder(), making what is missing of it; also tells whether anything was.

        If `durable`, the whole path is, whoever made it: a killed agent may have left a folder that was never synced.
        Raises Trouble "identity" base-gone where `standing`, its beginning, is not there, and "occupied" where
        something else than a folder stands in the way.
        """
        made = False
        parts, standing_parts = components(path), len(components(standing))
        here = os.dup(self.fd)
        for index, part in enumerate(parts):
            try:
                self._job.step("open", "target")
                try:
                    there = os.open(part, FOLDER, dir_fd=here)
                except FileNotFoundError as error:
                    if index < standing_parts:
                        raise self.base_gone(standing) from error
                    self._durable_folders.discard(self.path, b"/".join(parts[: index + 1]))
                    self._create(here, part, mode=mode)
                    made = True
                    there = os.open(part, FOLDER, dir_fd=here)
                if durable:
                    self._make_durable(here, b"/".join(parts[: index + 1]))
            except NotADirectoryError as error:
                raise Trouble("occupied", "something that is no folder stands in the way", name=part) from error
            finally:
                os.close(here)
            here = there
        return self._same_mount(here), made

    def base_gone(self, base: bytes) -> Trouble:
        """What to raise where a folder that was there once is there no more: its account may be logged out."""
        return _not_it("base-gone", "the folder at the target is not there", self.mount, folder=base)

    def _make_durable(self, parent: int, path: bytes) -> None:
        if not self._durable_folders.knows(self.path, path):
            self._job.step("fsync", "target")
            sync_folder(parent)
            self._durable_folders.add(self.path, path)

    def _create(self, parent: int, name: bytes, *, mode: int | None) -> None:
        # Checked here too: through the descriptor of a detached mount a folder can still be made.
        self.check()
        self._demand_same_mount(parent)
        self._job.step("mkdir", "target")
        try:
            os.mkdir(name, 0o777 if mode is None else mode, dir_fd=parent)
        except FileExistsError:
            return  # by another transfer of ours
        if mode is not None:
            self._set_mode(parent, name, mode)

    def _set_mode(self, parent: int, name: bytes, mode: int) -> None:
        # mkdir's mode passes through the umask. A file system that refuses keeps what it has.
        self._job.step("chmod", "target")
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            with closing(os.open(name, flags, dir_fd=parent)) as folder:
                os.fchmod(folder, mode)
        except OSError:
            return

    def _same_mount(self, folder: int) -> int:
        try:
            self._demand_same_mount(folder)
        except BaseException:
            os.close(folder)
            raise
        return folder

    def _demand_same_mount(self, folder: int) -> None:
        # Another mount below the root is another file system, which no identity vouches for.
        if self._identity is not None and mount_id(folder) != self._mount_id:
            raise _not_it("other", "another file system is mounted below the root", mount_under(folder)[0])


def _compare(identity: WireIdentity, mount: Mount) -> None:
    if mount.mount_point != identity["mount_point"]:
        if is_below(mount.mount_point, identity["mount_point"]):
            raise _not_it("other", "another file system is mounted above the root", mount)
        raise _not_it("absent", "nothing is mounted where the target was", mount)
    if (mount.fs_type, mount.source) == (identity["fs_type"], identity["source"]):
        return
    if is_remote_type(identity["fs_type"]) and not mount.is_remote:
        raise _not_it("local", "a local file system is mounted where the target was", mount)
    raise _not_it("other", "another file system is mounted where the target was", mount)


def _unusable(root: bytes, identity: WireIdentity | None, error: OSError, job: Job) -> Trouble:
    """Why the root could not be opened."""
    now = mounts()
    mount = mount_of(root, now)
    if error.errno in _DEAD:
        return _not_it("dead", "the program behind the mount has gone", mount)
    if identity is not None and all(each.mount_point != identity["mount_point"] for each in now):
        return _not_it("absent", "nothing is mounted where the target was", mount)
    if error.errno in _GONE:
        return _not_it("root-gone", "the root folder is not there", mount)
    if error.errno in (errno.EACCES, errno.EPERM):
        return _not_it("denied", "the root folder may not be opened", mount)
    return job.blame(error)


def _not_it(what: str, message: str, mount: Mount | None, **facts: Any) -> Trouble:
    found: dict[str, Any] = dict(facts)
    if mount is not None:
        found.update(mount_point=mount.mount_point, fs_type=mount.fs_type, source=mount.source)
        owner = next((option[8:] for option in mount.options if option.startswith("user_id=")), None)
        if owner is not None and owner.isdecimal():
            from cloudgather.rights import user_name  # wanted only here: an agent starts fast

            found["owner"] = int(owner)
            found["owner_name"] = user_name(int(owner))
    return Trouble("identity", message, what=what, **found)
