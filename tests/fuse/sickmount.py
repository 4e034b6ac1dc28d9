"""SickMount: mounts the sick file system for a test, tells it what should go wrong, and always cleans up."""

import errno as errnos
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from fuse.mounting import detach_all, mounts_at, why_no_sick
from waiting import eventually_sync

needs_sick = pytest.mark.skipif(why_no_sick() is not None, reason=str(why_no_sick()))


class SickMount:
    """A pass-through FUSE file system in a process of its own.

    `root` is the mount point, `backing` the folder behind it (look there, never through a mount that hangs).
    Operations: getattr readdir statfs readlink create open read write truncate flush release fsync fsyncdir rename
    unlink mkdir rmdir symlink chmod chown utimens. What close() reports is `flush`; a rename that has happened, and may
    still go wrong for its caller, is `renamed`.
    """

    def __init__(self, folder: Path, *, source: str = "sick:", name: str = "cloud") -> None:
        self.root = os.fsencode(folder / name)
        self.backing = os.fsencode(folder / f"{name}.backing")
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._former: list[subprocess.Popen[bytes]] = []
        self._control_folder = tempfile.mkdtemp(prefix="sick-")
        self._starts = 0

    def __enter__(self) -> "SickMount":
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
        command = [sys.executable, "-m", "fuse.sick", "--backing", os.fsdecode(self.backing)]
        command += ["--mount", os.fsdecode(self.root), "--control", self._control, "--source", self._source]
        log = f"{self._control_folder}/log"
        with open(log, "wb") as file:
            process = subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdin=subprocess.DEVNULL, stderr=file)
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

    # ---- what should go wrong

    def fail(
        self, op: str, errno: int = errnos.EIO, *, times: int | None = None, skip: int = 0, path: str = ""
    ) -> None:
        """Calls of `op` fail; `skip` of them pass first, and after `times` all pass again."""
        self.tell("strike", op=op, do="fail", errno=errno, times=times, skip=skip, path=path)

    def fail_close(self, errno: int = errnos.EIO, *, times: int | None = None, path: str = "") -> None:
        """Only close() fails, after every write and fsync went well."""
        self.fail("flush", errno, times=times, path=path)

    def slow(self, op: str, seconds: float, *, times: int | None = None, path: str = "") -> None:
        """Calls of `op` take longer by so much."""
        self.tell("strike", op=op, do="slow", seconds=seconds, times=times, path=path)

    def hang(self, op: str, *, times: int | None = None, skip: int = 0, path: str = "") -> None:
        """Calls of `op` do not answer until `release`."""
        self.tell("strike", op=op, do="hang", times=times, skip=skip, path=path)

    def release(self, op: str) -> None:
        """`op` is well again; calls of it that hang go on as if nothing had been."""
        self.tell("release", op=op)

    def heal(self) -> None:
        """Everything is well again."""
        self.tell("heal")

    def wrong_length(self, *, times: int | None = None, path: str = "") -> None:
        """close() says that all is well, and the file is a byte short."""
        self.tell("strike", op="flush", do="shorten", times=times, path=path)

    def wrong_bytes(self, *, times: int | None = None, path: str = "") -> None:
        """close() says that all is well, and the first byte is another one."""
        self.tell("strike", op="flush", do="corrupt", times=times, path=path)

    def empty_listing(self, *, times: int | None = None, path: str = "") -> None:
        """Folders list as empty."""
        self.tell("strike", op="readdir", do="empty", times=times, path=path)

    def cut_listing(self, *, times: int | None = None, path: str = "") -> None:
        """Folders list the first half of what is in them, by name."""
        self.tell("strike", op="readdir", do="cut", times=times, path=path)

    def short_writes(self, *, times: int | None = None, path: str = "") -> None:
        """write() takes half of what it is given, and says so."""
        self.tell("strike", op="write", do="short", times=times, path=path)

    def ignore(self, op: str) -> None:
        """utimens or chmod say yes and do nothing."""
        self.tell("strike", op=op, do="ignore")

    # ---- what happened

    def counts(self) -> dict[str, int]:
        """Calls of each operation since `reset`."""
        return dict(self.tell("stats")["counts"])

    def struck(self, op: str) -> int:
        """Calls of `op` that a fault has befallen since `reset`."""
        return int(self.tell("stats")["struck"].get(op, 0))

    def hanging(self, op: str) -> int:
        """Calls of `op` that hang now."""
        return int(self.tell("stats")["hanging"].get(op, 0))

    def reset(self) -> None:
        """Count anew."""
        self.tell("reset")

    def tell(self, command: str, **facts: Any) -> dict[str, Any]:
        """One command and its answer; blocks for as long as a local socket takes."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._control)
            connection.sendall(json.dumps({"command": command, **facts}).encode() + b"\n")
            with connection.makefile() as stream:
                return dict(json.loads(stream.readline()))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
