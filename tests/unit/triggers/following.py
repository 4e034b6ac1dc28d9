"""A Watching at work on a real folder, and notes of what it said."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloudgather.core.mounts import Mount
from cloudgather.outside.clock import SystemClock
from cloudgather.outside.mounts import MountTable
from cloudgather.ports.clock import Clock
from cloudgather.triggers.watching import Mode, Watching
from fakes.clock import FakeClock
from waiting import eventually

HOUR = timedelta(hours=1)
_NOBODY = 65534
_THREADS = ("watch films", "look films", "stop films")  # of a Watching


def clock_of_a_watching() -> FakeClock:
    """A clock that stands still while a thread of the Watching sets up, looks or stops.

    Else time could pass between a thread's answer and the sleep that follows it, and that sleep would outlast the test.
    """
    return FakeClock(busy=lambda: any(thread.name in _THREADS for thread in threading.enumerate()))


@dataclass
class Notes:
    """What a Watching said so far."""

    watching: Watching
    sights: list[bytes] = field(default_factory=list)
    rescans: list[str] = field(default_factory=list)

    async def hears(self, *paths: str | bytes) -> None:
        """Wait until each of these was sighted."""
        wanted = {os.fsencode(path) for path in paths}
        await eventually(lambda: wanted <= set(self.sights), what=lambda: f"{wanted} in {self.sights[:20]}")

    async def is_told(self, why: str, times: int = 1) -> None:
        """Wait until a rescan was asked for with this reason."""
        await eventually(lambda: self.rescans.count(why) >= times, what=lambda: f"{why} in {self.rescans}")

    async def is_in(self, mode: Mode) -> None:
        """Wait until the source is followed in this mode."""
        await eventually(lambda: self.watching.state.mode == mode, what=lambda: f"{mode}, is {self.watching.state}")


@contextlib.asynccontextmanager
async def following(
    root: Path | bytes,
    *,
    clock: Clock | None = None,
    mounts: Callable[[], Sequence[Mount]] | None = None,
    poll_every: timedelta = HOUR,
    rescan_every: timedelta = HOUR,
    sight: Callable[[bytes], None] | None = None,
) -> AsyncIterator[Notes]:
    """Follow `root` until the block ends; entered once the start scan was asked for."""
    table = MountTable()
    watching = Watching(
        "films",
        os.fsencode(root),
        sight=lambda path: (sight or notes.sights.append)(path),
        rescan=lambda why: notes.rescans.append(str(why)),
        clock=clock or SystemClock(),
        mounts=mounts or table.current,
        poll_every=poll_every,
        rescan_every=rescan_every,
    )
    notes = Notes(watching)

    async def pass_on_mounts() -> None:
        async with contextlib.aclosing(table.changes()) as changes:
            async for _ in changes:
                watching.check()

    tasks = [asyncio.create_task(watching.run())]
    if mounts is None:  # else what other tests mount would wake it, between two sleeps on a clock that stands still
        tasks.append(asyncio.create_task(pass_on_mounts()))
    try:
        await notes.is_told("start")
        yield notes
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        table.close()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play an async scenario to its end."""
    asyncio.run(scenario())


@contextlib.contextmanager
def as_nobody() -> Iterator[Path]:
    """Be a user without rights; gives a folder of that user's. For root only.

    The folder is not below tmp_path: every pytest that starts takes others' rights to that away.
    """
    folder = Path(tempfile.mkdtemp(prefix="cloudgather-test-"))
    os.chown(folder, _NOBODY, _NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)
