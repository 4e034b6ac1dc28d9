"""Builders and small waits for the doctor's tests."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents import SHORT, a_fleet
from cloudgather.core.mounts import Mount, parse_mountinfo
from cloudgather.core.target import Identity, TargetSpec
from cloudgather.core.task import Task
from cloudgather.doctor.checks import Check
from cloudgather.doctor.sources import Examined, examine_source
from cloudgather.doctor.targets import examine_target
from cloudgather.ports.queue import TargetMemory

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")


def mounts_now() -> tuple[Mount, ...]:
    return parse_mountinfo(Path("/proc/self/mountinfo").read_bytes())


def a_mount(
    mount_point: bytes | str | Path, fs_type: str = "ext4", *options: str, source: bytes = b"/dev/sda1"
) -> Mount:
    return Mount(
        id=900,
        parent=1,
        device="8:1",
        mount_point=os.fsencode(mount_point),
        fs_type=fs_type,
        source=source,
        options=frozenset(options or ("rw",)),
    )


def a_task(source: Path | bytes, *, name: str = "films", watch: bool = True) -> Task:
    return Task(name=name, source=os.fsencode(source), target="cloud", base=b"", watch=watch)


def source_of(
    task: Task, mounts: Sequence[Mount] | None = None, afterwards: Callable[[], None] | None = None
) -> Examined:
    """What examine_source finds; with agents of little patience where `afterwards` is to let go of those that hang."""

    async def scenario() -> Examined:
        async with a_fleet(None if afterwards is None else SHORT) as fleet:
            try:
                return await examine_source(task, mounts if mounts is not None else mounts_now(), fleet)
            finally:
                if afterwards is not None:
                    afterwards()

    return asyncio.run(scenario())


def target_of(
    spec: TargetSpec,
    identity: Identity | None = None,
    mounts: Sequence[Mount] | None = None,
    afterwards: Callable[[], None] | None = None,
) -> Check:
    """What examine_target finds, where `identity` was recorded of the target; `afterwards` as with source_of."""
    memories = {spec.name: TargetMemory(name=spec.name, identity=identity)}

    async def scenario() -> Check:
        async with a_fleet(None if afterwards is None else SHORT) as fleet:
            try:
                return await examine_target(spec, memories, mounts if mounts is not None else mounts_now(), fleet)
            finally:
                if afterwards is not None:
                    afterwards()

    return asyncio.run(scenario())


def told(checks: Sequence[Check]) -> dict[str, str]:
    """Name -> code; each name once."""
    assert len({check.name for check in checks}) == len(checks), checks
    return {check.name: check.reason.code for check in checks}


def tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below, with inode, size and mtime: to show that nothing was changed."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


@contextlib.contextmanager
def roots_folder() -> Iterator[Path]:
    """A folder of root's that others can enter (pytest's own cannot be); become another user inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="cloudgather-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights, for root only."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def python(*arguments: str, wrapper: Sequence[str] = (), **environ: str) -> Any:
    """The JSON that a process of its own prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environ}
    command = [*wrapper, sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return json.loads(done.stdout)


def as_nobody(*arguments: str) -> Any:
    """`python` as a user without rights, but to read: the interpreter may lie in a folder of root's alone."""
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    user = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
    rights = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    return python(*arguments, wrapper=("setpriv", *user, *rights))
