"""What people and programs ask of a daemon all day: looks, orders, changes of its configuration, and listeners."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from cgctl.connection import PATIENCE, Connection, Refusal, Unreachable
from cgwire import daemon as daemon_wire
from cgwire import events as events_wire
from cgwire import history as history_wire
from cgwire import path as path_wire
from cgwire import queue as queue_wire
from cgwire import run as run_wire
from cgwire import target as target_wire
from cgwire import task as task_wire
from cgwire.request import Request
from churn.files import Files
from e2e.running import Running

_MOST_LISTENERS: Final = 6
_SLOW: Final = ("task.verify", "task.run", "target.test")  # they ask the target, which may be sick
_PATIENCE: Final = 3.0
_PASSING: Final = 'source = "{source}"\ntarget = "disk:passing"\nsettle = "1s"\n'


class Orders:
    """`tasks` by name and what they send; each has a target of the same name.

    What a request is refused for is counted, not raised; that nobody answers is raised. Who asks for what may take long
    (`_SLOW`) leaves after a while, and the daemon has to do without.
    """

    def __init__(self, running: Running, tasks: Sequence[str], files: Sequence[Files], *, luck: random.Random) -> None:
        self._running = running
        self._tasks = tasks
        self._files = files
        self._luck = luck
        self._listeners: list[Connection] = []
        self._config = running.config.read_text()
        self.refused: Counter[str] = Counter()
        self.answered = 0
        self.left = 0  # requests that nobody waited for
        self.slowest = (0.0, "")  # seconds, which request

    def _ask(self, request: Request) -> None:
        began = time.monotonic()
        slow = request.METHOD in _SLOW
        try:
            with Connection(self._running.socket) as connection:
                connection.call(request, patience=_PATIENCE if slow else PATIENCE)
        except Refusal as refused:
            self.refused[str(refused)] += 1
        except Unreachable as silent:
            if not slow or silent.cause is not None:
                raise
            self.left += 1
        else:
            self.answered += 1
            if not slow:
                self.slowest = max(self.slowest, (time.monotonic() - began, request.METHOD))

    # ---- looks

    def status(self) -> None:
        """daemon.status."""
        self._ask(daemon_wire.Status())

    def look(self) -> None:
        """One of the other requests that change nothing."""
        task = self._luck.choice(self._tasks)
        path = self._luck.choice(self._files).some_path()
        self._ask(
            self._luck.choice(
                [
                    path_wire.Why(path=path),
                    path_wire.Why(path=path),
                    queue_wire.List(limit=200),
                    history_wire.List(limit=200, outcomes=True),
                    history_wire.List(path=path),
                    run_wire.List(),
                    task_wire.List(),
                    target_wire.Show(name=task),
                    target_wire.Test(name=task),
                    task_wire.Run(name=task, dry_run=True),
                    task_wire.Verify(name="passing"),  # takes room for all that is gone, elsewhere ever more
                    daemon_wire.Logs(lines=200),
                    daemon_wire.Config(),
                ]
            )
        )

    def listen(self) -> None:
        """Somebody begins to listen; the one who has listened longest leaves, having read something or nothing."""
        if len(self._listeners) >= _MOST_LISTENERS:
            self._listeners.pop(0).close()
        listener = Connection(self._running.socket)
        listener.call(events_wire.Subscribe())
        self._listeners.append(listener)

    def read(self) -> None:
        """Some listeners read what there is; the others never do, until the daemon drops them."""
        for listener in list(self._listeners[::2]):
            with contextlib.suppress(Unreachable, Refusal):
                for count, happening in enumerate(listener.events(tick=0.005)):
                    if happening is None or count > 500:
                        break

    # ---- orders

    def order(self) -> None:
        """About transfers, tasks and targets; what is paused is resumed by `resume`."""
        task = self._luck.choice(self._tasks)
        digit = b"*%d.bin" % self._luck.randrange(10)
        self._ask(
            self._luck.choice(
                [
                    task_wire.Run(name=task),
                    task_wire.Run(name=task),
                    queue_wire.Cancel(task=task, glob=digit),
                    queue_wire.Retry(task=task, states=("failed", "cancelled")),
                    queue_wire.Retry(all=True),
                    queue_wire.First(task=task, glob=digit),
                    queue_wire.Clear(states=("done",)),
                    path_wire.Upload(paths=(self._luck.choice(self._files).some_path(),), skip_settle=True),
                    target_wire.Limit(name=task, bandwidth=self._luck.choice(["20MiB/s", "unlimited"]), span="1m"),
                ]
            )
        )

    def pause(self) -> None:
        """The queue, a task or a target."""
        name = self._luck.choice(self._tasks)
        self._ask(self._luck.choice([queue_wire.Pause(), task_wire.Pause(name=name), target_wire.Pause(name=name)]))

    def resume(self) -> None:
        """Everything."""
        self._ask(queue_wire.Resume())
        for name in self._tasks:
            self._ask(task_wire.Resume(name=name))
            self._ask(target_wire.Resume(name=name))

    # ---- configuration

    def reload(self) -> None:
        """Another task comes or goes, a limit changes; by request or by signal."""
        passing = self._running.tasks_dir / "passing.toml"
        source = self._running.folder / "passing"
        if passing.exists():
            passing.unlink()
        else:
            source.mkdir(exist_ok=True)
            (source / f"{self._luck.getrandbits(40)}.bin").write_bytes(b"passing")
            passing.write_text(_PASSING.format(source=source))
        self._running.config.write_text(self._config.replace("parallel = 2", f"parallel = {self._luck.randint(1, 3)}"))
        if self._luck.random() < 0.5:
            self._ask(daemon_wire.Reload())
        else:
            os.kill(self._running.pid, signal.SIGHUP)

    # ---- in the end

    def settle_down(self) -> None:
        """Nobody listens, everything goes on as it was configured at first, and what failed is tried again."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        (self._running.tasks_dir / "passing.toml").unlink(missing_ok=True)
        self._running.config.write_text(self._config)
        assert self._running.ask(daemon_wire.Reload())["problems"] == []
        self.resume()
        for name in self._tasks:
            self._running.ask(target_wire.Limit(name=name))

    def try_again(self) -> None:
        """What failed, or was cancelled, goes once more; what was missed is found."""
        self._ask(queue_wire.Retry(all=True))
        for name in self._tasks:
            self._ask(task_wire.Run(name=name))
