"""Builders for tests of the agent's operations: a source with a target beside it, and a job that lets things happen."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import xxhash

from cloudgather.agent.copying import copy
from cloudgather.agent.job import Job, Trouble
from cloudgather.agent.looking import look, scan
from cloudgather.agent.publishing import publish
from cloudgather.agent.throttle import Throttle
from cloudgather.ports.source import Look, Refused, Seen

TEMPORARY = b".cloudgather-1-1"


class Copied(NamedTuple):
    """What a copy answers with."""

    size: int
    mtime_ns: int | None
    digest: bytes
    standing: tuple[int, int] | None


class EventfulJob(Job):
    """A job during which something happens: once, when it first comes to a step on a side."""

    def __init__(self, **events: Callable[[], object]) -> None:
        """`write=…` is for the target's side, `source_read=…` for the source's."""
        super().__init__()
        self._events = events
        self.steps: list[tuple[str, str]] = []

    def step(self, name: str, side: str, nbytes: int = 0) -> None:
        super().step(name, side, nbytes)
        self.steps.append((name, side))
        key = name if side == "target" else f"source_{name}"
        if (event := self._events.pop(key, None)) is not None:
            event()

    def then(self, **events: Callable[[], object]) -> None:
        """What is to happen from now on, beside what has not happened yet."""
        self._events |= events

    @property
    def all_happened(self) -> bool:
        return not self._events


def version_of(path: Path | bytes) -> list[int]:
    state = os.stat(path, follow_symlinks=False)
    return [state.st_size, state.st_mtime_ns, state.st_dev, state.st_ino]


class Pair:
    """A source folder and a target folder."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.target = folder / "target"
        self.source.mkdir(exist_ok=True)
        self.target.mkdir(exist_ok=True)

    def file(self, name: str | bytes = "film.mkv", data: bytes = b"film" * 1000) -> bytes:
        """A file of the source; its path there."""
        path = os.path.join(os.fsencode(self.source), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, ns=(10**18, 10**18))
        return os.fsencode(name)

    def copy(
        self, path: bytes, *, job: Job | None = None, throttle: Throttle | None = None, **different: Any
    ) -> Copied:
        """Copy it to the same name at the target."""
        if "version" not in different:
            different["version"] = version_of(os.path.join(os.fsencode(self.source), path))
        params: dict[str, Any] = {
            "root": os.fsencode(self.target),
            "identity": None,
            "source_root": os.fsencode(self.source),
            "path": path,
            "base": b"",
            "make_base": False,
            "destination": path,
            "temporary": TEMPORARY,
            "replace": False,
            "durable": True,
            "verify": "size",
            "file_mode": None,
            "dir_mode": None,
        }
        return Copied(*copy(job or Job(), throttle or Throttle(), **params | different))

    def publish(self, destination: bytes, size: int, *, job: Job | None = None, **different: Any) -> None:
        """Rename the temporary."""
        params: dict[str, Any] = {
            "root": os.fsencode(self.target),
            "identity": None,
            "destination": destination,
            "temporary": TEMPORARY,
            "size": size,
            "durable": True,
        }
        publish(job or Job(), **params | different)

    def at_target(self) -> list[bytes]:
        """Every path below the target, folders too."""
        return entries(os.fsencode(self.target))


def expect_void(pair: Pair, path: bytes, kind: str, job: EventfulJob | None = None, **different: Any) -> None:
    """The copy ends as `kind`, and nothing of it is left."""
    with pytest.raises(Trouble) as trouble:
        pair.copy(path, job=job, **different)

    assert trouble.value.kind == kind
    assert job is None or job.all_happened
    assert [name for name in pair.at_target() if TEMPORARY in name] == []


def entries(root: bytes) -> list[bytes]:
    """Every path below `root`."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), root)
        for folder, folders, files in os.walk(root)
        for name in folders + files
    )


def digest(data: bytes) -> bytes:
    return xxhash.xxh3_128(data).digest()


def opened_below(folder: Path) -> list[str]:
    """What this process has open there, or of it; a former test's threads may have more open elsewhere."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself, among others
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [path for path in found if Path(path).is_relative_to(folder)]


def looked(root: Path, path: bytes) -> Look:
    found = look(os.fsencode(root), path)
    assert isinstance(found, Look)
    return found


def scanned(root: Path | bytes, below: bytes = b"") -> list[Seen | Refused]:
    return [found for batch in scan(os.fsencode(root), below) for found in batch]


def paths(found: Sequence[Seen | Refused]) -> list[bytes]:
    return sorted(each.path for each in found)
