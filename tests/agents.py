"""Builders for tests that run real agent processes."""

import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cloudgather import mounted
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.target import AgentTarget
from cloudgather.core.mounts import mount_of, parse_mountinfo
from cloudgather.core.target import Identity, Kind, TargetSpec, Verify
from cloudgather.core.transfer import Version
from cloudgather.outside.clock import SystemClock
from cloudgather.ports.target import CopyOrder, CopyTerms
from fuse.served import serving

# Steps that hang are noticed soon, and those that only take their time on a busy machine do not hang.
SHORT = Deadlines(quick=3.0, write=2.0, listing=2.0, flush=2.0, cancel=1.0, leave=2.0, reap=0.3, tick=0.05)
BOUND = 30.0  # seconds: many times what is allowed by these, on a busy machine too, and nothing beside a hang


@asynccontextmanager
async def a_fleet(deadlines: Deadlines | None = None) -> AsyncIterator[Fleet]:
    """Stopped at the end; then neither a child nor a descriptor is left that was not there before."""
    mounted.mounts()  # whose file is opened once, and kept
    children, descriptors = agent_pids(), open_descriptors()
    fleet = Fleet(clock=SystemClock(), deadlines=deadlines)
    try:
        yield fleet
    finally:
        await fleet.stop(20.0)  # it takes as long as the agents need to end
    assert agent_pids() <= children
    assert open_descriptors() <= descriptors


def a_target(
    fleet: Fleet,
    root: bytes,
    *,
    name: str = "cloud",
    bandwidth: int | None = None,
    seen: bool = True,
    metadata_per_second: float | None = None,
) -> AgentTarget:
    """Of the kind that `root` is now, its identity as if it had been recorded; or a mount that was never `seen`."""
    with open("/proc/self/mountinfo", "rb") as file:
        mount = mount_of(root, parse_mountinfo(file.read()))
    assert mount is not None
    identity = Identity(mount_point=mount.mount_point, fs_type=mount.fs_type, source=mount.source)
    kind = Kind.MOUNT if mount.is_remote or not seen else Kind.DIRECTORY
    spec = TargetSpec(name=name, root=root, kind=kind, metadata_per_second=metadata_per_second)
    target = AgentTarget(spec, lambda: identity if seen else None, fleet)
    target.limits(bandwidth)
    return target


def an_order(
    path: bytes, *, root: bytes, temporary: bytes | None = None, verify: Verify = Verify.SIZE, replace: bool = True
) -> CopyOrder:
    """To copy this file, an absolute path, to the root folder of a target under its own name."""
    folder, name = os.path.split(path)
    status = os.stat(path)
    return CopyOrder(
        terms=CopyTerms(
            source_root=folder,
            base=b"",
            make_base=False,
            durable=True,
            verify=verify,
            file_mode=None,
            dir_mode=None,
        ),
        path=name,
        version=Version(size=status.st_size, mtime_ns=status.st_mtime_ns, device=status.st_dev, inode=status.st_ino),
        destination=name,
        temporary=temporary if temporary is not None else b".cloudgather-" + name,
        replace=replace,
    )


def a_file(folder: object, name: str, size: int = 100_000) -> bytes:
    """A new file of this size with bytes that repeat rarely; its path."""
    path = os.path.join(os.fsencode(str(folder)), os.fsencode(name))
    with open(path, "wb") as file:
        file.write(os.urandom(min(size, 4096)) * (size // 4096 + 1))
        file.truncate(size)
    return path


def agent_pids() -> set[int]:
    """Children of this process that are agents, or zombies that may have been."""
    pids: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/self/task/{thread}/children") as file:
            pids |= {int(pid) for pid in file.read().split()}  # a thread that ends meanwhile leaves them to another
    return {pid for pid in pids - serving if _may_be_agent(pid)}


def _may_be_agent(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        with open(f"/proc/{pid}/comm") as file:
            is_python = file.read().startswith("python")
    except (FileNotFoundError, ProcessLookupError):  # reaped meanwhile
        return False
    return is_python and (words == [b""] or b"cloudgather.agent" in words)


def open_descriptors() -> set[str]:
    """Numbers of all open descriptors of this process."""
    listing = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return set(os.listdir(listing)) - {str(listing)}
    finally:
        os.close(listing)
