"""Copies one version of a source file aside, into a temporary beside its final name at the target."""

import os
import stat
from collections.abc import Sequence
from typing import Any

import xxhash

from cloudgather.agent.aside import Aside
from cloudgather.agent.job import CHUNK, Job, Trouble, WireIdentity
from cloudgather.agent.pages import ReadPages, drop
from cloudgather.agent.places import closing, components
from cloudgather.agent.reading import Original, digest_of
from cloudgather.agent.roots import Root
from cloudgather.agent.throttle import Throttle


def copy(
    job: Job,
    throttle: Throttle,
    *,
    root: bytes,
    identity: WireIdentity | None,
    source_root: bytes,
    path: bytes,
    version: Sequence[int],
    base: bytes,
    make_base: bool,
    destination: bytes,
    temporary: bytes,
    replace: bool,
    durable: bool,
    verify: str,
    file_mode: int | None,
    dir_mode: int | None,
) -> dict[str, Any]:
    """What the temporary is, once it is whole: size, mtime_ns, digest; and what stands under the final name."""
    parts, above = components(destination), components(base)
    if not components(path) or len(components(temporary)) != 1 or parts[: len(above)] != above or parts == above:
        raise Trouble("bad", "these names make no copy")
    with Original(source_root, path, version, job) as original, Root(root, identity, job) as target:
        standing_base = b"" if make_base else base
        folder, _ = target.make(b"/".join(parts[:-1]), standing=standing_base, mode=dir_mode, durable=durable)
        with closing(folder):
            standing = _standing(folder, parts[-1], job, replace=replace)
            tidy = target.mount is not None and not target.mount.is_remote
            with Aside(folder, temporary, mode=file_mode, tidy=tidy, job=job) as aside:
                digest = _transfer(original, aside, job, throttle)
                aside.close(mtime_ns=original.mtime_ns, durable=durable)
                _check(aside, original.size, digest if verify == "checksum" else None, job)
                mtime_ns = aside.mtime(original.mtime_ns)
                original.compare(digest)
                target.check()
                aside.keep()
    return {"size": original.size, "mtime_ns": mtime_ns, "digest": digest, "standing": standing}


def _standing(folder: int, name: bytes, job: Job, *, replace: bool) -> list[int] | None:
    job.step("stat", "target")
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(state.st_mode):
        raise Trouble("occupied", "something that is no file stands under the final name", name=name)
    if not replace:
        raise Trouble(
            "standing",
            "a file stands under the final name",
            size=state.st_size,
            mtime_ns=state.st_mtime_ns,
            is_file=True,
        )
    return [state.st_size, state.st_mtime_ns]


def _transfer(original: Original, aside: Aside, job: Job, throttle: Throttle) -> bytes:
    """The digest of what was read and written."""
    state = xxhash.xxh3_128()
    pages = ReadPages(original.fd, original.size) if original.is_local and original.size > CHUNK else None
    view = memoryview(job.buffer)
    while aside.written <= original.size:
        job.check()
        if pages is not None:
            pages.will_read(aside.written)
        job.step("read", "source")
        size = os.readv(original.fd, [view[: throttle.chunk(CHUNK)]])
        if size == 0:
            break
        throttle.take(size, job.pause)
        state.update(view[:size])
        aside.write(view[:size])
        job.done = aside.written
    if aside.written != original.size:
        raise Trouble("changed", f"the source gave {aside.written} bytes instead of {original.size}")
    if pages is not None:
        pages.finish()
    return state.digest()


def _check(aside: Aside, size: int, digest: bytes | None, job: Job) -> None:
    """Raises Trouble "length", and "digest" where one is expected, unless the target has what was written."""
    with closing(aside.reopen()) as fd:
        found = os.fstat(fd).st_size
        if found != size:
            raise Trouble(
                "length", "the target stored another length", step="length", side="target", expected=size, found=found
            )
        if digest is not None:
            drop(fd)
            if digest_of(fd, job, "target") != digest:
                raise Trouble("digest", "the target gives back other bytes", step="digest", side="target")
