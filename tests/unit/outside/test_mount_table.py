"""The kernel's mount table, with real mounts."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgather.outside.mounts import MountTable
from waiting import eventually

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def table() -> Iterator[MountTable]:
    """A table that is closed afterwards."""
    mounts = MountTable()
    yield mounts
    mounts.close()


@contextlib.contextmanager
def _tmpfs(where: Path) -> Iterator[None]:
    where.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "cloudgather-test", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def _is_mounted(table: MountTable, where: Path) -> bool:
    return os.fsencode(where) in {mount.mount_point for mount in table.current()}


def test_the_root_file_system_is_in_it(table: MountTable) -> None:
    assert b"/" in {mount.mount_point for mount in table.current()}


def test_it_is_parsed_once_while_nothing_changes(table: MountTable, tmp_path: Path) -> None:
    before = table.current()

    again = table.current()

    assert again is before or again != before  # somebody else may mount something meanwhile


@needs_mount
def test_it_is_always_as_of_now(table: MountTable, tmp_path: Path) -> None:
    assert not _is_mounted(table, tmp_path / "a b\n电影")

    with _tmpfs(tmp_path / "a b\n电影"):
        assert _is_mounted(table, tmp_path / "a b\n电影")

    assert not _is_mounted(table, tmp_path / "a b\n电影")


@needs_mount
def test_a_mount_and_an_unmount_wake_who_waits_for_changes(table: MountTable, tmp_path: Path) -> None:
    seen: list[bool] = []

    async def listen() -> None:
        async with contextlib.aclosing(table.changes()) as changes:
            async for mounts in changes:
                seen.append(os.fsencode(tmp_path / "disk") in {mount.mount_point for mount in mounts})

    async def scenario() -> None:
        listener = asyncio.create_task(listen())
        await asyncio.sleep(0)
        with _tmpfs(tmp_path / "disk"):
            await eventually(lambda: seen[-1:] == [True])
        await eventually(lambda: seen[-1] is False)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)

    asyncio.run(scenario())
