"""Hanging: a daemon with a cloud that may hang and a plain disk, which have nothing to do with each other."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from e2e.patience import PATIENCE, wait_for_status
from e2e.running import Running
from fuse.sickmount import SickMount
from waiting import eventually_sync

# Of a Running: it knows what is meant by a mount that does not answer after two seconds.
IMPATIENTLY: Final[Mapping[str, Any]] = {
    "module": "e2e.impatient",
    # Where it finds that, beside whatever it would find else.
    "environ": {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))
    },
}


class Hanging:
    """`sick` is the cloud, with two transfers at once."""

    def __init__(self, tmp_path: Path, sick: SickMount, *, retry: str) -> None:
        self.sick = sick
        self.disk = tmp_path / "disk"
        self.songs = tmp_path / "songs"
        for folder in (self.disk, self.songs):
            folder.mkdir()
        self.running = Running(
            tmp_path,
            root=sick.root,
            retry=retry,
            target='profile = "lan"\nparallel = 2\nverify = "checksum"\n'  # only then a copy is opened again
            f'[targets.disk]\nroot = "{self.disk}"\nkind = "directory"',
            tasks={
                "film": f'source = "{tmp_path / "source"}"\ntarget = "cloud:films"\nsettle = "1s"',
                "song": f'source = "{self.songs}"\ntarget = "disk:songs"\nsettle = "1s"',
            },
            **IMPATIENTLY,
        )

    def goes_on(self) -> None:
        """`cgctl status` answers within a second, all the while that a file goes to the other target."""
        name = f"{time.monotonic_ns()}.flac"
        (self.songs / name).write_bytes(b"song")
        stands = self.disk / "songs" / name
        eventually_sync(lambda: self.answers_in_time() and stands.exists(), what="a file at the other target")
        assert stands.read_bytes() == b"song"

    def answers_in_time(self) -> bool:
        """Always true, or an AssertionError."""
        took = wait_for_status(self.running)
        assert took < PATIENCE, f"status took {took} s"
        return True
