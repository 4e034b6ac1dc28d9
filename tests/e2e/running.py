"""A real cloudgatherd on a scratch folder, for tests that drive it from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from cgctl.connection import Connection, Unreachable
from cgwire import daemon as daemon_wire
from cgwire import history as history_wire
from cgwire import path as path_wire
from cgwire import queue as queue_wire
from cgwire import target as target_wire
from cgwire.request import Request
from waiting import eventually_sync

ENDED = frozenset({"done", "failed", "cancelled", "vanished"})

_IS_UP = "; tasks: "  # in what it says once its start is over


class Running:
    """Configuration, state, socket and source lie in `folder`; the target is any folder or mount.

    `target` is the body of `[targets.cloud]`, `tasks` the bodies of task files; where none is given there is one task
    `film` from `source` to `cloud:films` that settles after a second. Entering it starts the daemon, leaving it stops
    it and shows its log if the test failed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        root: bytes | str | Path,
        kind: str = "mount",
        target: str = "",
        retry: str = "1s",
        task: str = "",
        tasks: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        module: str = "cloudgather",
        state: Path | None = None,
    ) -> None:
        self.folder = folder
        self.source = os.fsencode(folder / "source")
        self.root = os.fsencode(root)
        self.base = self.root + b"/films"
        self.socket = os.fsencode(folder / "control.sock")
        self.config = folder / "cloudgather.toml"
        self.tasks_dir = folder / "tasks.d"
        self.log = folder / "daemon.log"
        self.state = state or folder / "state"
        self._environ = {**os.environ, "LC_ALL": "C.UTF-8", **(environ or {})}
        self._wrapper = tuple(wrapper)
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0  # the length of its log when it was started last
        os.makedirs(self.source, exist_ok=True)
        self.tasks_dir.mkdir(exist_ok=True)
        self.config.write_text(
            f'[daemon]\nstate_dir = "{self.state}"\ntasks_dir = "{self.tasks_dir}"\n'
            f'[control]\nsocket = "{os.fsdecode(self.socket)}"\n'
            f'[targets.cloud]\nroot = "{os.fsdecode(self.root)}"\nkind = "{kind}"\n'
            f'retry_first = "{retry}"\nretry_most = "{retry}"\n{target}\n'
        )
        if tasks is None:
            source = os.fsdecode(self.source)
            tasks = {"film": f'source = "{source}"\ntarget = "cloud:films"\nsettle = "1s"\n{task}'}
        for name, text in tasks.items():
            (self.tasks_dir / f"{name}.toml").write_text(text)

    # ---- its life

    def __enter__(self) -> "Running":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            code = self.stop()
            if kind is None:
                assert code == 0, f"exit code {code}:\n{self.said()}"
        if kind is not None:
            sys.stdout.write(self.said())

    def start(self, *, wait: bool = True) -> None:
        """Start it; `wait` until it answers."""
        self._said_before = len(self.said())
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [*self._wrapper, sys.executable, "-m", self._module, "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
            )
        if wait:
            self.until_it_answers()

    def until_it_answers(self) -> None:
        """Until the daemon that was started does; an AssertionError if it ends."""
        eventually_sync(self._answers, what="an answer of the daemon")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended with {self._process.returncode}:\n{self.said()}"
        try:
            self.ask(daemon_wire.Ping())
        except Unreachable:
            return False
        return True

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._process is not None
        return self._process.pid

    def kill(self, *, stopping: float | None = None, failing: bool = False) -> None:
        """kill -9, and wait until it is gone. An AssertionError if it had ended by itself.

        `stopping`: so many seconds after SIGTERM, which may have ended it. `failing`: its start may have failed.
        """
        assert self._process is not None
        if stopping is not None:
            self._process.send_signal(signal.SIGTERM)
            time.sleep(stopping)  # the moment of the kill is the input
        self._process.kill()
        code = self._process.wait()
        ended = code == -signal.SIGKILL or (stopping is not None and code in (0, -signal.SIGTERM))
        ended = ended or (failing and code == 1 and _IS_UP not in self.said()[self._said_before :])
        assert ended, f"it had ended with {code}:\n{self.said()}"

    def stop(self, *, within: float = 40.0) -> int:
        """SIGTERM; its exit code. An AssertionError when it takes longer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it did not stop within {within} s:\n{self.said()}") from None

    def ended(self, *, within: float = 40.0) -> int:
        """Its exit code, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(within)

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(errors="backslashreplace") if self.log.exists() else ""

    def agents(self) -> list[int]:
        """Pids of its agent processes."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:  # it spawns them from its main thread
            return [int(pid) for pid in file.read().split()]

    # ---- asking

    def ask(self, request: Request) -> Any:
        """The answer; raises cgctl.connection.Refusal."""
        with Connection(self.socket) as connection:
            return connection.call(request)

    def hurry(self) -> None:
        """The bandwidth of the target is unlimited from now on, also for what is being copied."""
        self.ask(target_wire.Limit(name="cloud", bandwidth="unlimited", span="1h"))

    def cgctl(self, *words: str | bytes, check: bool = True, lang: str = "") -> subprocess.CompletedProcess[str]:
        """Run the client, for a reader of `lang`; with `check`, an AssertionError unless it exits 0."""
        environ = {**self._environ, "LC_ALL": lang, "PYTHONUTF8": "1"} if lang else self._environ
        done = subprocess.run(
            [sys.executable, "-m", "cgctl", "--socket", os.fsdecode(self.socket), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            env=environ,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def status(self) -> Any:
        """daemon.status."""
        return self.ask(daemon_wire.Status())

    def why(self, name: str | bytes) -> Any:
        """path.why of a file of the source."""
        return self.ask(path_wire.Why(path=self.path(name)))

    def codes(self, name: str | bytes) -> set[str]:
        """All codes that path.why gives for it: reasons, conditions, what holds the transfer."""
        reply = self.why(name)
        conditions = reply["settle"]["conditions"] if reply["settle"] else []
        held = reply["transfer"]["held"] if reply["transfer"] else []
        return {reason["code"] for reason in [*reply["reasons"], *conditions, *held]}

    def transfers(self) -> list[dict[str, Any]]:
        """All that the queue lists."""
        return list(self.ask(queue_wire.List(limit=10_000))["transfers"])

    def times_written(self, name: str | bytes) -> int:
        """How often history says that the file was published."""
        moves = self.ask(history_wire.List(path=self.path(name), limit=1000))["moves"]
        return sum(move["event"] == "write" for move in moves)

    def states(self) -> dict[bytes, str]:
        """path -> state of its newest transfer."""
        return {each["path"]: each["state"] for each in sorted(self.transfers(), key=lambda each: each["id"])}

    # ---- files

    def path(self, name: str | bytes) -> bytes:
        """The absolute path of a file of the source."""
        return self.source + b"/" + os.fsencode(name)

    def write(self, name: str | bytes, content: bytes) -> bytes:
        """Make a whole file in the source; its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    @contextmanager
    def writing(self, name: str | bytes) -> Iterator[int]:
        """A descriptor that keeps a file of the source open for writing."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def sent(self, backing: bytes | None = None) -> dict[bytes, bytes]:
        """Relative path -> content of every file below the destination, temporaries too; read from `backing`."""
        return files_below(self.base if backing is None else backing + b"/films")

    # ---- waiting

    def until(self, name: str | bytes, *states: str, within: float = 60.0) -> None:
        """Until the file's newest transfer is in one of these states."""
        wanted = os.fsencode(name)
        eventually_sync(
            lambda: self.states().get(wanted) in states, within=within, what=f"{wanted!r} {' or '.join(states)}"
        )

    def until_code(self, name: str | bytes, code: str, *, within: float = 60.0) -> None:
        """Until path.why of the file names this code."""
        eventually_sync(lambda: code in self.codes(name), within=within, what=f"{code} for {name!r}")

    def until_idle(self, count: int, *, within: float = 60.0) -> None:
        """Until `count` transfers are there and all have ended."""

        def idle() -> bool:
            states = [each["state"] for each in self.transfers()]
            return len(states) >= count and all(state in ENDED for state in states)

        eventually_sync(idle, within=within, what=f"{count} ended transfers")


def files_below(folder: bytes) -> dict[bytes, bytes]:
    """Relative path -> content of every file there, temporaries too; without those that go while it looks."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found
