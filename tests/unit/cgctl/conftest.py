"""Runs the client in this process against a canned daemon."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cgctl.__main__ import run
from fakes.canned import CannedDaemon, Reply, canned


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


class Client:
    """cgctl with a socket of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], stack: ExitStack) -> None:
        self._folder = folder
        self._capsys = capsys
        self._stack = stack

    def daemon(
        self, events: Sequence[Mapping[str, Any]] = (), hangs_up: bool = False, **replies: Reply
    ) -> CannedDaemon:
        """Start a daemon; `task_list` is the reply to task.list."""
        methods = {name.replace("_", ".", 1): reply for name, reply in replies.items()}
        return self._stack.enter_context(canned(self._folder, methods, events, hangs_up=hangs_up))

    def __call__(self, *arguments: str, **environ: str) -> Said:
        """Run it with a locale of its own."""
        socket = str(self._folder / "control.sock")
        code = run(arguments, {"LANG": "C.UTF-8", "CLOUDGATHER_SOCKET": socket, **environ})
        said = self._capsys.readouterr()
        return Said(code=code, out=said.out, err=said.err)


@pytest.fixture
def cgctl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Client]:
    with ExitStack() as stack:
        yield Client(tmp_path, capsys, stack)


@pytest.fixture
def chinese(cgctl: Client) -> Callable[..., Said]:
    def call(*arguments: str) -> Said:
        return cgctl(*arguments, LANG="zh_CN.UTF-8")

    return call
