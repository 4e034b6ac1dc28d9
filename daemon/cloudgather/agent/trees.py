"""The operations on a source that is not local, as the daemon's own threads do them on one that is."""

from collections.abc import Sequence
from typing import Any

from cloudgather.agent import looking
from cloudgather.agent.job import Job
from cloudgather.agent.places import KEEP
from cloudgather.ports.source import Absent, Look, Seen


def root(job: Job, *, root: bytes) -> list[int]:
    """[device, inode] of the root folder."""
    job.step("root", "source")
    return list(looking.root_of(root))


def scan(job: Job, *, root: bytes, below: bytes) -> None:
    """What is found goes out in parts: maps of `seen` and `refused`."""

    def entered() -> None:
        job.check()
        job.step("list", "source")

    for batch in looking.scan(root, below, entered=entered):
        seen, refused = [], []
        for found in batch:
            if isinstance(found, Seen):
                row = [found.path, found.size, found.mtime_ns, found.ctime_ns, found.device, found.inode]
                seen.append(row)
            else:
                refused.append([found.path, found.why.value])
        job.tell({"seen": seen, "refused": refused})


def look(job: Job, *, root: bytes, path: bytes) -> dict[str, Any]:
    """A Look as a map, or `absent` and why."""
    job.step("lease", "source")
    return _as_map(looking.look(root, path))


def _as_map(found: Look | Absent) -> dict[str, Any]:
    if not isinstance(found, Look):
        return {"absent": found.value}
    return {
        "path": found.path,
        "size": found.version.size,
        "mtime_ns": found.version.mtime_ns,
        "device": found.version.device,
        "inode": found.version.inode,
        "ctime_ns": found.ctime_ns,
        "links": found.links,
        "access": found.access.value,
        "unknown_why": found.unknown_why,
        "control_file": found.control_file,
    }


def look_all(job: Job, *, root: bytes, paths: Sequence[bytes]) -> list[dict[str, Any]]:
    """look() at each, in order."""
    found = []
    job.step("root", "source")
    with looking.Looking(root, keep=KEEP) as looks:
        for path in paths:
            job.check()
            job.step("lease", "source")
            found.append(_as_map(looks.at(path)))
    return found


def above(job: Job, *, root: bytes, path: bytes) -> tuple[int, bool]:
    """st_dev of the deepest folder on the way to `path` that is there, and whether it is empty."""
    job.step("stat", "source")
    return looking.folder_above(root, path)


def writers(job: Job, *, root: bytes, path: bytes) -> list[tuple[int, str]]:
    """[pid, name] of those who have it open for writing."""
    job.step("list", "source")
    return looking.writers(root, path)
