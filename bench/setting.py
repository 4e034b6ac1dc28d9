"""What every line is given: how large, how often, where, and the peers that were found."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring import Wrong
from places import scratch

FUSE = "FUSE mount of rclone"  # as the table calls what places.rclone_mount makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`fast` is a folder on a RAM disk (or what --below names), `disk` one on a real disk."""

    runs: int
    quick: bool
    fast: str
    disk: str

    def of(self, full: int, quick: int) -> int:
        """A size: as it should be, or a small one to see whether all works."""
        return quick if self.quick else full

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A folder below `fast` for one line, removed afterwards."""
        with scratch(self.fast) as folder:
            yield folder


def peer(name: str) -> str:
    """The program; rclone is PyPI's newest where it is installed beside us. Raises Wrong where it is missing."""
    beside = Path(sys.executable).with_name(name)
    if name == "rclone" and beside.exists():
        return str(beside)
    if (found := shutil.which(name)) is None:
        raise Wrong(f"{name} is not installed (script/bootstrap --bench installs it)")
    return found


def versions() -> str:
    """Of all peers that are there."""
    options = {"rclone": "version", "rsync": "--version", "cp": "--version", "lsyncd": "--version"}
    found = []
    for name, option in {**options, "inotifywait": "--help"}.items():
        try:
            done = subprocess.run([peer(name), option], capture_output=True, text=True, check=False)
        except Wrong:
            continue
        number = re.search(r"\d+(\.\d+)+", done.stdout)
        found.append(f"{name} {number[0]}" if number else name)
    return ", ".join(found)
