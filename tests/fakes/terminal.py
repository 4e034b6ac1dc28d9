"""A terminal with somebody at it: cgctl as a process whose questions are answered."""

import codecs
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 60.0


class Terminal:
    """Runs cgctl on a pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self._master, slave = pty.openpty()
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end within a character
        socket = str(folder / "control.sock")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cgctl", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={
                **os.environ,
                "LANG": "C.UTF-8",
                "LC_ALL": "",
                "TERM": "xterm",
                "CLOUDGATHER_SOCKET": socket,
                **environ,
            },
        )
        os.close(slave)

    def answer(self, question: str, answer: str) -> None:
        """Wait until `question` is on the screen (after what was answered before), then type."""
        self._until(question)
        self.screen = self.screen.partition(question)[2]
        os.write(self._master, answer.encode() + b"\n")

    def answers(self, pairs: Sequence[tuple[str, str]]) -> None:
        for question, answer in pairs:
            self.answer(question, answer)

    def end(self) -> int:
        """Wait until it has ended; its exit code."""
        try:
            self._until(None)
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._master)

    def _until(self, words: str | None) -> None:
        deadline = time.monotonic() + PATIENCE
        while words is None or words not in self.screen:
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{words!r} did not appear in {self.screen!r}"
            try:
                data = os.read(self._master, 65536)
            except OSError:  # EIO: the other end is closed
                data = b""
            if not data:
                assert words is None, f"{words!r} did not appear in {self.screen!r}"
                return
            self.screen += self._decoder.decode(data)
