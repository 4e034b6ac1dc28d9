"""Upload windows, pauses, and targets that leave while something is copied to them."""

import asyncio
import errno
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Window, WindowEnd
from cloudgather.core.transfer import Event
from fakes.target import an_error
from pipelooks import done
from pipework import a_spec, a_task, a_world, working

FROM_TWENTY_PAST_TO_TEN_PAST = Window(begin=time(12, 20), end=time(12, 10))  # the clock begins at noon
FROM_ONE = Window(begin=time(13), end=time(14))


@pytest.mark.parametrize("whose", ["task", "target"])
@pytest.mark.parametrize(("end", "state"), [(WindowEnd.FINISH, "copying"), (WindowEnd.STOP, "queued")])
def test_the_end_of_a_window(tmp_path: Path, whose: str, end: WindowEnd, state: str) -> None:
    async def main() -> None:
        window: dict[str, Any] = {"upload_window": FROM_TWENTY_PAST_TO_TEN_PAST, "window_end": end}
        spec = a_spec(**(window if whose == "target" else {}))
        task = a_task(**(window if whose == "task" else {}))
        async with working(tmp_path, specs=[spec], tasks=[task]) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"a.mkv", b"b.mkv")
            await works.advance(timedelta(minutes=10, seconds=30))
            assert (await works.states()) == {b"a.mkv": state, b"b.mkv": "queued"}
            gate.set()
            await works.advance(60)
            assert (await works.states())[b"b.mkv"] == "queued"
            assert (await works.one(b"a.mkv")).attempts == 0

            await works.advance(timedelta(minutes=10))

            assert await done(works) == {b"a.mkv", b"b.mkv"}
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_a_window_that_opens_is_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(upload_window=FROM_ONE)]) as works:
            await works.queue(b"a.mkv")
            await works.advance(timedelta(minutes=60))
            await works.advance(30)

            assert works.clock.now() <= datetime(2026, 3, 1, 13, 0, 30, tzinfo=UTC)
            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


@pytest.mark.parametrize("whose", ["task", "target"])
def test_a_window_opens_and_stops_on_the_second(tmp_path: Path, whose: str) -> None:
    async def main() -> None:
        window: dict[str, Any] = {"upload_window": FROM_ONE, "window_end": WindowEnd.STOP}
        spec = a_spec(**(window if whose == "target" else {}))
        task = a_task(**(window if whose == "task" else {}))
        async with working(tmp_path, specs=[spec], tasks=[task]) as works:
            works.target.hang("copy.write")
            await works.advance(7)  # no loop wakes on the hour by chance
            await works.queue(b"a.mkv")
            await works.advance(timedelta(minutes=60) - timedelta(seconds=8))
            assert works.target.busy == 0

            await works.advance(1.5)
            assert works.target.busy == 1
            await works.advance(timedelta(minutes=60) - timedelta(seconds=1))
            assert works.target.busy == 1
            await works.advance(1)

            assert works.target.busy == 0
            assert works.target.temporaries() == set()
            assert (await works.one()).attempts == 0
            works.target.release()

    asyncio.run(main())


def test_what_a_window_stopped_goes_on_in_the_next_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        specs = [a_spec(upload_window=FROM_TWENTY_PAST_TO_TEN_PAST, window_end=WindowEnd.STOP)]
        async with a_world(tmp_path) as world:
            works = await world.new_works(specs=specs).start()
            works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            await works.advance(timedelta(minutes=10, seconds=1))
            works.target.release()
            await works.die()

            works = await world.new_works(specs=specs).start()
            await works.advance(timedelta(minutes=9))
            assert await works.states() == {b"a.mkv": "queued"}
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_WINDOW]

            await works.advance(timedelta(minutes=1))

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_a_pause_interrupts_and_a_resumption_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            works.board.queue_paused = True
            works.dispatcher.cancel(list(works.lane.moving), Event.DEFER, because(Code.HELD_QUEUE_PAUSED))
            gate.set()
            await works.advance(600)
            assert (await works.one()).state == "queued"
            assert (await works.one()).attempts == 0

            works.board.queue_paused = False
            works.dispatcher.wake()
            await works.rest()

            assert await done(works) == {b"a.mkv"}
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_a_wake_of_one_target_wakes_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(), a_spec("other")]) as works:
            await works.advance(1)
            before = works.store.calls["next_due"]
            works.dispatcher.wake("other")
            await works.rest()

            assert works.store.calls["next_due"] == before + 1

    asyncio.run(main())


# ---- a target that leaves --------------------------------------------------------------------------------------------


def test_a_target_that_is_served_no_more_puts_back_what_it_copied(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            await works.take(specs=[])
            works.serve()
            await works.rest()
            assert (await works.one()).state == "queued"

            gate.set()
            await works.take(specs=[a_spec()])
            works.serve()
            await works.advance(30)

            assert await done(works) == {b"a.mkv"}
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    asyncio.run(main())


@pytest.mark.parametrize("step", ["claim", "move:publish", "move:defer"])
@pytest.mark.parametrize("phase", ["begin", "end"])
def test_served_no_more_at_the_worst_moment(tmp_path: Path, step: str, phase: str) -> None:
    """A row is never left where nobody works on it, also if its target comes back in the same daemon."""

    async def main() -> None:
        async with working(tmp_path) as works:
            if step == "move:defer":
                works.target.fail("copy.write", an_error(errno.EIO))
            left: list[str] = []

            async def met(at: str) -> None:
                if at == f"{step}.{phase}" and not left:
                    left.append(at)
                    await works.take(specs=[])
                    works.serve()
                    await asyncio.sleep(0)

            works.store.met = met
            await works.queue(b"a.mkv")
            assert left

            await works.take(specs=[a_spec()])
            works.serve()
            await works.advance(60)

            assert await done(works) == {b"a.mkv"}
            assert works.target.published == [b"films/a.mkv"]
            assert works.target.temporaries() == set()

    asyncio.run(main())
