"""The watchdog is fed while every part makes progress, and no longer."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.app.pulse import Pulse
from cloudgather.outside.systemd import Systemd
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.store.lane import Request
from cloudgather.store.locking import StateLock
from cloudgather.store.sqlite import SqliteStore
from cloudgather.triggers.cron import Schedules
from fakes.clock import FakeClock
from waiting import eventually

ALLOWED = 120.0  # WatchdogSec


class Supervisor(Systemd):
    """Kills who does not feed its watchdog in time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__({})
        self._clock = clock
        self.watchdog_every = ALLOWED / 2
        self.fed = clock.monotonic()
        self.heard = ""

    def watchdog(self) -> None:
        assert not self.has_killed
        self.fed = self._clock.monotonic()

    def status(self, text: str) -> None:
        self.heard = text

    @property
    def has_killed(self) -> bool:
        return self._clock.monotonic() - self.fed > ALLOWED


@asynccontextmanager
async def beating(parts: Mapping[str, Callable[[], Awaitable[object]]], clock: FakeClock) -> Any:
    supervisor = Supervisor(clock)
    pulse = Pulse(systemd=supervisor, clock=clock, parts=lambda: parts, status=lambda: f"at {clock.monotonic():g}")
    running = asyncio.create_task(pulse.run())
    try:
        yield supervisor
    finally:
        running.cancel()
        await asyncio.wait({running})


class Gate:
    """A part that answers while it is open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    async def answers(self) -> None:
        await self.open.wait()


async def refused() -> None:
    raise StoreUnavailable(because(Code.HELD_STATE_FULL, file="state.db"))


async def broken() -> None:
    raise ValueError("a bug")


def test_it_is_fed_as_long_as_all_answer_even_with_errors() -> None:
    async def scenario() -> None:
        clock = FakeClock()
        async with beating({"gate": Gate().answers, "full": refused, "broken": broken}, clock) as supervisor:
            await clock.advance(24 * 3600)

            assert not supervisor.has_killed
            assert clock.monotonic() - supervisor.fed <= ALLOWED / 2

    asyncio.run(scenario())


def test_a_part_that_is_silent_stops_the_feeding_and_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        clock, gate = FakeClock(), Gate()
        async with beating({"the store": gate.answers, "other": Gate().answers}, clock) as supervisor:
            await clock.advance(3600)
            gate.open.clear()
            before = clock.monotonic()

            await clock.advance(2 * ALLOWED)

            assert supervisor.has_killed
            assert supervisor.fed - before < ALLOWED
            assert supervisor.heard > f"at {before:g}"  # what it is doing is told all the same

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert [record.message.partition(":")[0] for record in caplog.records] == ["the store gives no sign of life"]


def test_a_part_that_answers_late_but_in_time_is_passed_on_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        clock, gate = FakeClock(), Gate()
        async with beating({"the store": gate.answers}, clock) as supervisor:
            await clock.advance(3600)
            gate.open.clear()
            await clock.advance(ALLOWED * 0.7)
            gate.open.set()
            await clock.advance(0.5)

            assert clock.monotonic() - supervisor.fed <= 0.5

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert "the store goes on" in caplog.messages


def test_a_part_that_is_removed_is_not_waited_for() -> None:
    async def scenario() -> None:
        clock, gate = FakeClock(), Gate()
        parts = {"the watch of a": gate.answers}
        async with beating(parts, clock) as supervisor:
            gate.open.clear()
            await clock.advance(ALLOWED / 2)
            parts.clear()
            await clock.advance(3600)

            assert not supervisor.has_killed

    asyncio.run(scenario())


class Disk:
    """What a lane of the store works on: answers, or hangs."""

    fresh = None

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.hangs = threading.Event()

    def serve(self, batch: Sequence[Request]) -> None:
        if not self.works.is_set():
            self.hangs.set()
            self.works.wait(60)
        for request in batch:
            request.result = request.step(None)  # type: ignore[arg-type]  # no step here looks at its connection

    def finish(self) -> None: ...


@pytest.mark.parametrize("stuck", ["writing", "reading"])
def test_a_stuck_thread_of_the_store_stops_the_feeding(stuck: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        disks = {"writing": Disk(), "reading": Disk(), "searching": Disk()}
        disk = disks[stuck]
        store = SqliteStore(lock=StateLock(str(tmp_path)), **disks)  # type: ignore[arg-type]  # a stand-in for SQLite
        asked = 0  # and not answered

        async def answers() -> None:
            nonlocal asked
            asked += 1
            await store.answers()
            asked -= 1

        clock = FakeClock(busy=lambda: disk.works.is_set() and asked > 0)
        async with beating({"the store": answers}, clock) as supervisor:
            await clock.advance(3600)
            assert not supervisor.has_killed
            disk.works.clear()
            await clock.advance(2 * ALLOWED)
            await eventually(disk.hangs.is_set)

            assert supervisor.has_killed
            disk.works.set()
        await store.close()

    asyncio.run(scenario())


def test_schedules_answer_while_they_are_run() -> None:
    async def scenario() -> None:
        schedules = Schedules(clock=FakeClock(), due=lambda *_: None)
        running = asyncio.create_task(schedules.run())
        async with asyncio.timeout(30):
            await schedules.answers()
        running.cancel()
        await asyncio.wait({running})

        asked = asyncio.create_task(schedules.answers())
        done, _ = await asyncio.wait({asked}, timeout=0.05)
        asked.cancel()
        assert not done

    asyncio.run(scenario())
