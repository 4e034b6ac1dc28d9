"""A real daemon on scratch folders: started, asked, and measured with its agents."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from measuring import Taken, Wrong, alone_of, children_of, cpu_of, ended, pss_of, until

from cgctl.connection import Connection, Refusal, Unreachable
from cgwire import daemon as daemon_wire
from cgwire import run as run_wire
from cgwire import task as task_wire
from cgwire.request import Request

# A daemon spares a mount as if an account were behind it. Measured is the work, not the sparing.
_MOUNT = 'kind = "mount"\nprofile = "lan"\nparallel = 4\nmetadata_per_second = "unlimited"'
_DIRECTORY = 'kind = "directory"'
SETTLE = 1.0  # seconds, of every task: the shortest that is allowed


class Daemon:
    """A cloudgatherd with one target, at `root`, and tasks from `sources` (name -> folder) to folders of it.

    It lives in `folder`, its state in `state` below that, and logs there. `task` are further lines for the tasks;
    `under` is the command of a program that runs it.
    """

    def __init__(
        self,
        folder: str,
        *,
        sources: Mapping[str, str],
        root: str,
        mount: bool = False,
        task: str = "",
        under: Sequence[str] = (),
    ) -> None:
        self.socket = ""
        self.started = 0.0
        self._log = os.path.join(folder, "daemon.log")
        self._config = os.path.join(folder, "cloudgather.toml")
        self._near = ""
        self._under = under
        self._process: subprocess.Popen[bytes] | None = None
        tasks = os.path.join(folder, "tasks.d")
        os.makedirs(tasks)
        self._text = (
            f'[daemon]\nstate_dir = "{folder}/state"\ntasks_dir = "{tasks}"\n'
            f'[targets.cloud]\nroot = "{root}"\n{_MOUNT if mount else _DIRECTORY}\n'
        )
        for name, source in sources.items():
            with open(os.path.join(tasks, f"{name}.toml"), "w") as file:
                file.write(f'source = "{source}"\ntarget = "cloud:{name}"\nsettle = "{SETTLE:.0f}s"\n{task}\n')

    def __enter__(self) -> "Daemon":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._near = tempfile.mkdtemp(prefix="cg-")  # a socket's path may not be long
        self.socket = os.path.join(self._near, "socket")
        with open(self._config, "w") as file:
            file.write(f'{self._text}[control]\nsocket = "{self.socket}"\n')
        with open(self._log, "ab") as log:
            self.started = time.perf_counter()
            self._process = subprocess.Popen(
                [*self._under, sys.executable, "-m", "cloudgather", "--config", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(self._answers, "the daemon to answer", every=0.005)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            with open(self._log, errors="replace") as log:
                raise Wrong(f"the daemon ended:\n{log.read()[-2000:]}")
        try:
            self.ask(daemon_wire.Ping())
        except (Unreachable, Refusal):
            return False
        return True

    def stop(self) -> None:
        """SIGTERM, and wait; SIGKILL where that does not help."""
        if self._process is not None:
            ended(self._process, within=60)
        shutil.rmtree(self._near, ignore_errors=True)

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._process is not None
        return self._process.pid

    def connection(self) -> Connection:
        """To ask more than once."""
        return Connection(os.fsencode(self.socket))

    def ask(self, request: Request) -> Any:
        """The answer."""
        with self.connection() as connection:
            return connection.call(request)

    def totals(self) -> dict[str, int]:
        """state -> transfers."""
        return {state: count for state, (count, _) in self.ask(daemon_wire.Status())["totals"].items()}

    def is_watching(self) -> bool:
        """All its tasks are told of events, no scan is going on and no file waits to be settled."""
        return all(
            task["watch"] and task["watch"]["mode"] == "inotify" and not task["scanning"] and not task["settling"]
            for task in self.ask(task_wire.List())["tasks"]
        )

    def watched_folders(self) -> int:
        """How many folders of its tasks are watched."""
        return sum(task["watch"]["directories"] for task in self.ask(task_wire.List())["tasks"])

    def run(self, task: str, *, uploads: int, within: float = 900.0) -> Taken:
        """Run the task until all it finds is under its final name. Raises Wrong where that are not `uploads` files.

        To ask takes CPU from what is measured: the next time is after half of what the uploads seem to need still.
        """
        with self.connection() as connection:
            cpu, begin = self.cpu(), time.perf_counter()
            run = connection.call(task_wire.Run(name=task))["run"]
            while True:
                seen = connection.call(run_wire.Show(id=run))
                passed = time.perf_counter() - begin
                if seen["scanned"] is not None and not seen["settling"] and not seen["left"]:
                    break
                if passed > within:
                    raise Wrong(f"waited {within:.0f} s for a run of {task}")
                half = passed * (uploads - seen["uploaded"]) / max(seen["uploaded"], 1) / 2 if uploads else 0.02
                time.sleep(min(max(half, 0.005), passed / 4))
            taken = Taken(passed, self.cpu() - cpu)
        if seen["uploaded"] != uploads or seen["problem"]:
            raise Wrong(f"the run has uploaded {seen['uploaded']} files, not {uploads}: {seen}")
        return taken

    def runs(self, task: str, *, limit: int) -> list[dict[str, Any]]:
        """The newest runs of the task, newest first."""
        found: list[dict[str, Any]] = self.ask(run_wire.List(task=task, limit=limit))["runs"]
        return found

    def agents(self) -> list[int]:
        """Pids of its child processes."""
        return children_of(self.pid)

    def cpu(self) -> float:
        """CPU seconds of daemon and agents, those that have ended included, since the start."""
        return cpu_of(self.pid) + sum(cpu_of(pid) for pid in self.agents())

    def pss(self) -> int:
        """Bytes of memory of daemon and agents."""
        return sum(pss_of(pid) for pid in (self.pid, *self.agents()))

    def alone(self) -> int:
        """The same if no other Python ran; ours does, and shares the interpreter with them."""
        return alone_of((self.pid, *self.agents()))


def cgctl(daemon: Daemon, *words: str) -> tuple[str, ...]:
    """The command line of the client."""
    return sys.executable, "-m", "cgctl", "--socket", daemon.socket, *words
