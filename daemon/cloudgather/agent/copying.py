"""Copies one version of each source file aside, into a temporary beside its final name at the target."""

import os
from collections.abc import Sequence
from typing import Any

import xxhash

from cloudgather.agent.aside import Aside
from cloudgather.agent.job import CHUNK, Job, Trouble, WireIdentity
from cloudgather.agent.pages import ReadPages, drop
from cloudgather.agent.places import Last, beside, closing, components
from cloudgather.agent.reading import Original, Originals, digest_of
from cloudgather.agent.roots import DurableFolders, Root
from cloudgather.agent.standing import Listings, TargetFolder
from cloudgather.agent.throttle import Throttle

# What a temporary is, once it is whole: size, mtime_ns as the target shows it (None: it keeps none) and digest; and
# size and mtime_ns of what stands under the final name.
Copied = tuple[int, int | None, bytes, tuple[int, int] | None]


def copy(
    job: Job,
    throttle: Throttle,
    *,
    destination: bytes,
    temporary: bytes,
    path: bytes,
    version: Sequence[int],
    replace: bool,
    written: bool = False,
    **common: Any,
) -> Copied:
    """Copying.copy of one file; what Copying takes is `common`."""
    with Copying(job, throttle, **common) as copying:
        return copying.copy(destination, temporary, path, version, replace, written)


class Copying:
    """Copies files of one source to one target, which stays open meanwhile, and so do their folders for `keep`."""

    def __init__(
        self,
        job: Job,
        throttle: Throttle,
        *,
        root: bytes,
        identity: WireIdentity | None,
        source_root: bytes,
        base: bytes,
        make_base: bool,
        durable: bool,
        verify: str,
        file_mode: int | None,
        dir_mode: int | None,
        looked: bool = True,
        keep: float = 0.0,
        durable_folders: DurableFolders | None = None,
        listings: Listings | None = None,
    ) -> None:
        """Raises Trouble "identity" where the root must not be used.

        Unless somebody has `looked` at the sources, each is looked at first, and is "unsettled" where that shows
        anything but a complete file of the version that was ordered.
        """
        self._job = job
        self._throttle = throttle
        self._base = components(base)
        self._standing_base = b"" if make_base else base
        self._verify = verify
        self._file_mode = file_mode
        self._dir_mode = dir_mode
        self._originals = Originals(source_root, job, keep=keep)
        self._open = self._originals.open if looked else self._originals.open_settled
        self._target = Root(root, identity, job, durable_folders=durable_folders)
        mount = self._target.mount
        self._is_local = mount is not None and not mount.is_remote
        self._durable = durable or not self._target.syncs_whole  # else no later barrier would make it so
        self._listings = listings or Listings()
        self._folders = Last(self._made, TargetFolder.close, keep=keep)

    def __enter__(self) -> "Copying":
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.__exit__()
        self._target.__exit__()
        self._originals.__exit__()

    def copy(
        self,
        destination: bytes,
        temporary: bytes,
        path: bytes,
        version: Sequence[int],
        replace: bool,
        written: bool = False,
    ) -> Copied:
        """Copy the source at `path`, which must be this `version`, to a temporary beside its destination.

        `written`: that somebody has the source open for writing is known, and means nothing.
        """
        job = self._job
        above, name = beside(destination, temporary)
        with self._open(path, version, written) as original:
            folder = self._folders.at(above)
            standing = folder.standing(name, replace=replace)
            aside = Aside(folder.fd, temporary, original.size, self._file_mode, self._is_local, job)
            try:
                digest = _transfer(original, aside, job, self._throttle)
                aside.close(mtime_ns=original.mtime_ns, durable=self._durable)
                shown = self._check(aside, original.size, digest)
                mtime_ns = aside.mtime(original.mtime_ns, shown)
                original.compare(digest)
                self._target.check()
            except BaseException:
                aside.remove()
                raise
        return original.size, mtime_ns, digest, standing

    def _check(self, aside: Aside, size: int, digest: bytes) -> int:
        """The mtime_ns that it shows.

        Raises Trouble "length", and "digest" where it is to be read, unless the target has what was written.
        """
        found, mtime_ns = aside.look()
        if found != size:
            raise Trouble(
                "length", "the target stored another length", step="length", side="target", expected=size, found=found
            )
        if self._verify == "checksum":
            with closing(aside.reopen()) as fd:
                drop(fd)
                if digest_of(fd, self._job, "target") != digest:
                    raise Trouble("digest", "the target gives back other bytes", step="digest", side="target")
        return mtime_ns

    def _made(self, folder: bytes) -> TargetFolder:
        if components(folder)[: len(self._base)] != self._base:
            raise Trouble("bad", "a destination lies below the base folder")
        fd, _ = self._target.make(folder, standing=self._standing_base, mode=self._dir_mode, durable=self._durable)
        return TargetFolder(fd, self._job, self._listings.of(self._target.path, folder))


def _transfer(original: Original, aside: Aside, job: Job, throttle: Throttle) -> bytes:
    """The digest of what was read and written."""
    state = xxhash.xxh3_128()
    pages = ReadPages(original.fd, original.size) if original.is_local and original.size > CHUNK else None
    view = job.buffer
    # How long a local file is was asked of its inode, and will be again: its end need not be read as well.
    most = original.size if original.is_local else original.size + 1
    while aside.written < most:
        job.check()
        if pages is not None:
            pages.will_read(aside.written)
        job.step("read", "source")
        size = os.readv(original.fd, [view[: throttle.chunk(CHUNK)]])
        if size == 0:
            break
        throttle.take(size, job.pause)
        data = view[:size]
        state.update(data)
        aside.write(data)
        job.done = aside.written
    if aside.written != original.size:
        raise Trouble("changed", f"the source gave {aside.written} bytes instead of {original.size}")
    if pages is not None:
        pages.finish()
    return state.digest()
