"""One daemon, three targets, and everything that can happen to them, again and again; then peace."""

import contextlib
import heapq
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from churn.clouds import Clouds
from churn.files import Files
from churn.gauges import Gauges, Sample, children_of
from churn.orders import Orders
from e2e.running import Running
from fuse.mounting import why_no_rclone
from fuse.rclone import RcloneMount
from fuse.sickmount import SickMount

_TESTS: Final = Path(__file__).parent.parent
_MOUNT: Final = 'profile = "lan"\nparallel = 2\nattempts = 4\nretry_first = "1s"\nretry_most = "2s"\n'
_TASK: Final = 'source = "{source}"\ntarget = "{target}:films"\nsettle = "1s"\n'


class LongRun:
    """Made by `long_run`. `go` lets things happen, `peace` ends all trouble and demands that everything arrived."""

    def __init__(self, folder: Path, stack: ExitStack, luck: random.Random) -> None:
        sick = stack.enter_context(SickMount(folder, name="sick"))
        rclone = None
        if why_no_rclone() is None:
            rclone = stack.enter_context(RcloneMount(folder, name="rclone"))
        (folder / "disk").mkdir()
        kept = {"disk": os.fsencode(folder / "disk"), "sick": sick.backing}
        targets = f'[targets.sick]\nroot = "{folder}/sick"\n{_MOUNT}'
        if rclone is not None:
            kept["rclone"] = rclone.backing
            targets += f'[targets.rclone]\nroot = "{folder}/rclone"\n{_MOUNT}'
        self.files = {
            name: Files(
                os.fsencode(folder / f"source {name}"),
                os.fsencode(folder / f"away {name}"),
                backing + b"/films",
                luck=random.Random(luck.random()),
                most=400 if name == "disk" else 120,
            )
            for name, backing in kept.items()
        }
        inside = str(folder / "inside.json")
        tasks = {
            name: _TASK.format(source=os.fsdecode(files.source), target=name) for name, files in self.files.items()
        }
        environ = {"PYTHONPATH": os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))}
        self.running = Running(
            folder,
            root=folder / "spare",
            kind="directory",
            target=f'[targets.disk]\nroot = "{folder}/disk"\nkind = "directory"\n{targets}',
            tasks=tasks,
            module="churn.daemon",
            environ={**environ, "CHURN_INSIDE": inside},
        )
        stack.enter_context(self.running)
        self._luck = luck
        self.clouds = Clouds(sick, rclone, luck=luck)
        self.orders = Orders(self.running, tuple(kept), tuple(self.files.values()), luck=luck)
        self.gauges = stack.enter_context(Gauges(self.running, inside))
        self.agents_killed = 0
        self._filled = 0  # samples that were taken until then

    def fill(self, count: int = 4000) -> None:
        """What grows once only has grown after that: SQLite's caches, for one."""
        files = self.files["disk"]
        while files.count < count:
            files.make(200)
        self._until(lambda: not files.missing(), 600.0, lambda: f"missing: {self.missing()}")
        self._filled = len(self.gauges.samples)

    @property
    def samples(self) -> Sequence[Sample]:
        """Those since it was filled."""
        return self.gauges.samples[self._filled :]

    def go(self, seconds: float) -> None:
        """Let things happen, each now and then; what comes too late is left out, not made up for."""
        happenings = list(self._happenings())
        due = [
            (time.monotonic() + self._luck.uniform(0, most), number) for number, (_, most, _) in enumerate(happenings)
        ]
        heapq.heapify(due)
        end = time.monotonic() + seconds
        while due[0][0] < end and self.gauges.trouble is None:
            at, number = heapq.heappop(due)
            time.sleep(max(0.0, at - time.monotonic()))  # the pace of what happens is what this is about
            least, most, happen = happenings[number]
            happen()
            heapq.heappush(due, (time.monotonic() + self._luck.uniform(least, most), number))
        if self.gauges.trouble is not None:
            raise self.gauges.trouble

    def _happenings(self) -> Iterator[tuple[float, float, Callable[[], None]]]:
        """At least and at most so many seconds from one to the next."""
        yield 0.1, 0.4, lambda: self.files["disk"].make(30)
        for name, files in self.files.items():
            slow = 1.0 if name == "disk" else 3.0
            if name != "disk":
                yield 0.5, 1.5, lambda files=files: files.make(4)  # type: ignore[misc]
            yield 0.2 * slow, 0.6 * slow, files.change
            yield 0.5 * slow, 1.0 * slow, files.rename
            yield 0.5 * slow, 1.0 * slow, files.delete
            yield 2.0 * slow, 6.0 * slow, files.rename_folder
            yield 2.0 * slow, 5.0 * slow, files.move_out
            yield 2.0 * slow, 5.0 * slow, files.move_in
            yield 1.0, 2.0, files.thin_out
        yield 0.5, 1.5, self.orders.status
        yield 0.2, 0.6, self.orders.look
        yield 0.5, 1.5, self.orders.listen
        yield 0.2, 0.5, self.orders.read
        yield 0.5, 2.0, self.orders.order
        yield 5.0, 10.0, self.orders.pause
        yield 2.0, 4.0, self.orders.resume
        yield 3.0, 8.0, self.orders.reload
        yield 0.5, 3.0, self.clouds.trouble
        yield 1.0, 5.0, self.clouds.heal
        yield 8.0, 16.0, self.clouds.pull_out
        yield 3.0, 6.0, self.clouds.put_back
        yield 4.0, 10.0, self._kill_an_agent

    def _kill_an_agent(self) -> None:
        """But the oldest, which is the disk's: what it holds shall be seen to level off."""
        for pid in sorted(children_of(self.running.pid))[1:]:
            if self._luck.random() < 0.5:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(pid, 9)
                    self.agents_killed += 1
                return

    def peace(self, *, within: float = 120.0) -> None:
        """No more trouble: everything arrives, byte for byte, and nothing else is there."""
        self.clouds.put_back()
        self.clouds.heal()
        self.orders.settle_down()
        again = 0.0

        def arrived() -> bool:
            nonlocal again
            if time.monotonic() > again:
                self.orders.try_again()
                again = time.monotonic() + 5.0
            return not any(self.missing().values())

        self._until(arrived, within, lambda: f"missing: {self.missing()}")
        self._until(lambda: not any(self.strange().values()), within, lambda: f"should not be: {self.strange()}")
        self._until(self._is_clean, within, lambda: "debris is left")

    def _until(self, condition: Callable[[], bool], within: float, what: Callable[[], str]) -> None:
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, f"not within {within} s: {what()}\n{self.running.status()}"
            time.sleep(0.5)

    def _is_clean(self) -> bool:
        return self.gauges.sample().values["database: rows of debris"] == 0

    def told(self) -> str:
        """What has happened."""
        slow, method = self.orders.slowest
        return (
            f"{self.orders.answered} requests answered, the slowest in {slow:.2f} s ({method}), {self.orders.left} not "
            f"waited for, refused: {dict(self.orders.refused)}; "
            f"{self.clouds.struck} calls struck, {self.agents_killed} agents killed"
        )

    def missing(self) -> dict[str, list[bytes]]:
        """By task, what has not arrived."""
        return {name: files.missing()[:5] for name, files in self.files.items()}

    def strange(self) -> dict[str, list[bytes]]:
        """By task, what is at the target and should not be."""
        return {name: files.strange()[:5] for name, files in self.files.items()}


@contextmanager
def long_run(folder: Path, seed: int) -> Iterator[LongRun]:
    """A running daemon with all that belongs to it; in the end nothing of it is left."""
    with ExitStack() as stack:
        yield LongRun(folder, stack, random.Random(seed))
