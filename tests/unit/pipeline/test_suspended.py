"""The machine is suspended for hours: what was due meanwhile goes afterwards, and what is not due does not."""

import asyncio
import errno
from datetime import time, timedelta
from pathlib import Path

import pytest

from cloudgather.core.task import Window
from fakes.target import an_error
from pipelooks import done
from pipework import a_spec, a_task, working

HOURS = timedelta(hours=8)  # from noon on


def test_a_retry_and_a_breaker_that_ended_meanwhile_hold_nothing_afterwards(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(retry_first=timedelta(minutes=20))]) as works:
            works.errands.start(works.upkeep.run())
            works.target.fail("copy.write", an_error(errno.EIO))
            works.target.fail("copy.write", an_error(errno.ENOSPC))
            await works.queue(b"a.mkv", b"b.mkv")
            assert works.lane.breaker.is_open(works.clock.now())

            await works.clock.suspend(HOURS)
            await works.advance(60)

            assert await done(works) == {b"a.mkv", b"b.mkv"}

    asyncio.run(main())
    assert "jumped" not in caplog.text, "no clock was set"


def test_a_window_that_was_slept_through_is_waited_for_again(tmp_path: Path) -> None:
    async def main() -> None:
        afternoon = Window(begin=time(13), end=time(14))
        async with working(tmp_path, tasks=[a_task(upload_window=afternoon)]) as works:
            await works.queue(b"a.mkv")

            await works.clock.suspend(HOURS)
            await works.advance(timedelta(hours=16))
            assert await works.states() == {b"a.mkv": "queued"}
            await works.advance(timedelta(hours=1, minutes=1))

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_a_copy_goes_on_where_it_was_and_has_cost_no_attempt(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"a.mkv")

            await works.clock.suspend(HOURS)
            gate.set()
            await works.advance(60)

            assert await done(works) == {b"a.mkv"}
            assert (await works.one()).attempts == 0
            assert works.target.count("copy.begin") == 1

    asyncio.run(main())
