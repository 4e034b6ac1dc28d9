"""Small disks that can be filled, for tests of what happens when there is no room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(mount_point: Path, *, size: str = "3m") -> Iterator[Path]:
    """A tmpfs of that size; skips where it cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small tmpfs")
    mount_point.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(mount_point)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this place does not let root mount a tmpfs")
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", "-l", str(mount_point)], check=True)


def filled(disk: Path) -> Path:
    """A file that takes all that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast
