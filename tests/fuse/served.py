"""ServedMount: a FUSE file system that a Python process of ours serves; mounted for a test, and always cleaned up."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest

from fuse.control import tell
from fuse.mounting import detach_all, mounts_at, why_no_sick
from waiting import eventually_sync

# Of our children that are yet to be waited for; a detached one ends by itself when nobody has it open any more.
serving: Final[set[int]] = set()

needs_mfusepy = pytest.mark.skipif(why_no_sick() is not None, reason=str(why_no_sick()))


class ServedMount:
    """`root` is the mount point, `backing` the folder behind it. Entering it mounts."""

    def __init__(self, folder: Path, *, name: str, program: tuple[str, ...]) -> None:
        """`program` is a module of this package, and the arguments it needs beside those that all have."""
        self.root = os.fsencode(folder / name)
        self.backing = os.fsencode(folder / f"{name}.backing")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._former: list[subprocess.Popen[bytes]] = []
        self._control_folder = tempfile.mkdtemp(prefix="served-")
        self._starts = 0

    def __enter__(self) -> Self:
        os.makedirs(self.root, exist_ok=True)
        os.makedirs(self.backing, exist_ok=True)
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.detach()
        for process in (self._process, *self._former):
            if process is not None:
                _end(process)
        shutil.rmtree(self._control_folder, ignore_errors=True)

    def start(self) -> None:
        """Mount, also once more after `kill` or `detach`; a detached one serves on for those who have it open."""
        if self._process is not None:
            self._former.append(self._process)
        self._starts += 1
        before = len(mounts_at(self.root))
        command = [sys.executable, "-m", *self._program, "--backing", os.fsdecode(self.backing)]
        command += ["--mount", os.fsdecode(self.root), "--control", self._control]
        log = f"{self._control_folder}/log"
        with open(log, "wb") as file:
            process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdin=subprocess.DEVNULL, stderr=file)
        serving.add(process.pid)
        self._process = process
        eventually_sync(lambda: len(mounts_at(self.root)) > before or process.poll() is not None, what="the mount")
        if process.poll() is not None:
            with open(log) as file_again:
                said = file_again.read()
            if "ermission denied" in said or "not permitted" in said:
                pytest.skip(f"FUSE file systems cannot be mounted here: {said}")
            raise RuntimeError(said)
        eventually_sync(lambda: os.path.exists(self._control), what="the controlling socket")

    @property
    def _control(self) -> str:
        # Not in the test's own folder: a Unix socket's path is at most 107 bytes long.
        return f"{self._control_folder}/{self._starts}"

    @property
    def pid(self) -> int:
        """Of the process that serves the mount."""
        assert self._process is not None
        return self._process.pid

    def detach(self) -> None:
        """Lazily unmount all that is mounted on root; the process serves on for those who have it open."""
        detach_all(self.root)

    def kill(self) -> None:
        """kill -9 the file system: the mount stays and answers ENOTCONN; whoever hangs in it is let go."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def tell(self, command: str, **facts: Any) -> dict[str, Any]:
        """One command to the process, and its answer."""
        return tell(self._control, command, **facts)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    serving.discard(process.pid)
