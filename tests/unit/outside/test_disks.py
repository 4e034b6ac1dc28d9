"""How much is free on a disk."""

import asyncio
import os
from pathlib import Path

import pytest

from cloudgather.outside.disks import Disks


def test_it_is_what_statvfs_says(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    disks = Disks()

    async def main() -> list[int]:
        return await asyncio.gather(*(disks.free(os.fsencode(tmp_path)) for _ in range(3)))

    least = min(asyncio.run(main()))

    assert 0 < least <= found.f_blocks * found.f_frsize


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    disks, folder = Disks(), os.fsencode(tmp_path / "cache")

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await disks.free(folder)
        os.mkdir(folder)
        assert await disks.free(folder) > 0  # it is asked anew

    asyncio.run(main())
