"""What a scan looks at while its target's listing is waited for: the task is edited meanwhile, or the scan is ended."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Filter, Send, Task
from cloudgather.pipeline.runs import RunCount
from pipework import Works, a_task, working
from waiting import eventually

NAMES = [b"%04d.mkv" % number for number in range(600)]


@asynccontextmanager
async def looked_ahead(
    folder: Path, task: Task, names: Sequence[bytes] = NAMES
) -> AsyncIterator[tuple[Works, asyncio.Task[RunCount]]]:
    """A scan whose first files wait for a listing that hangs, while all of them are settled already."""
    async with working(folder, serving=False, tasks=[task]) as works:
        for name in names:
            works.world.source.write(name, age=3600)
        works.target.hang("listing")
        scanning = asyncio.create_task(works.scan(trigger="upload"))
        pending = works.intake.pending.of_task("films")
        await eventually(
            lambda: len(pending) == len(names) and all(each.fingerprint is not None for each in pending.values()),
            what="the rest was not looked at",
        )
        await works.rest()
        assert await works.states() == {}
        try:
            yield works, scanning
        finally:
            scanning.cancel()
            await asyncio.wait([scanning])


@pytest.mark.parametrize("send", [Send.FILE, Send.FOLDER])
def test_what_an_edited_task_wants_no_more_is_not_queued(tmp_path: Path, send: Send) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task(send=send)) as (works, scanning):
            await works.take(tasks=[a_task(send=send, filter=Filter(exclude=(b"0*",)))])
            works.target.release()
            await scanning
            await works.rest()

            assert await works.states() == {}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_what_an_edited_task_still_wants_is_queued(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, scanning):
            await works.take(tasks=[a_task(filter=Filter(exclude=(b"00*", b"05*")))])
            works.target.release()
            await scanning
            await works.rest()

            assert set(await works.states()) == {name for name in NAMES if name[:2] not in (b"00", b"05")}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_what_is_to_be_quiet_for_longer_by_now_is_not_queued_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, scanning):
            await works.take(tasks=[a_task(settle=timedelta(hours=2))])
            works.target.release()
            await scanning
            await works.advance(3590)
            assert await works.states() == {}

            await works.advance(3700)
            assert set(await works.states()) == set(NAMES)

    asyncio.run(main())


def test_what_goes_elsewhere_by_now_is_queued_for_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, scanning):
            await works.take(tasks=[a_task(base=b"series")])
            works.target.release()
            await scanning
            await works.rest()

            assert {each.destination for each in await works.transfers()} == {b"series/" + name for name in NAMES}

    asyncio.run(main())


def test_a_reload_that_leaves_the_task_as_it_was_has_nothing_looked_at_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, scanning):
            await works.take(tasks=[a_task()])
            works.target.release()
            await scanning
            await works.rest()

            assert set(await works.states()) == set(NAMES)
            assert sorted(works.world.source.looks) == NAMES
            assert works.target.count("listing") == 1

    asyncio.run(main())


def test_what_a_cancelled_scan_has_found_goes_on_without_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, scanning):
            (run,) = works.runs.current.values()
            assert run.id is not None
            scanning.cancel()
            await asyncio.wait([scanning])
            works.target.release()
            await works.rest()

            assert set(await works.states()) == set(NAMES)
            assert len(works.intake.pending) == 0
            found = await works.store.real.run(run.id)
            assert found is not None
            assert (found.planned, found.problem) == (len(NAMES), because(Code.RETRY_INTERRUPTED))
            assert works.runs.current == {}

    asyncio.run(main())


def test_what_a_cancelled_scan_was_looking_at_goes_on_without_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            source = works.world.source
            for name in NAMES:
                source.write(name, age=3600)
            source.gate = asyncio.Event()
            scanning = asyncio.create_task(works.scan(trigger="upload"))
            await eventually(lambda: source.looks, what="nothing was looked at")
            scanning.cancel()
            await asyncio.wait([scanning])
            source.gate.set()
            await works.rest()

            assert set(await works.states()) == set(NAMES)
            assert works.runs.current == {}

    asyncio.run(main())


def test_a_scan_that_is_cancelled_before_its_turn_ends_its_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with looked_ahead(tmp_path, a_task()) as (works, _):
            run = await works.runs.start("films", "upload")
            waiting = asyncio.create_task(works.scan(run=run))
            await works.rest()
            waiting.cancel()
            await asyncio.wait([waiting])
            works.errands.start(works.scanner.serve("films", lambda: None))
            await works.advance(20)

            assert run.id is not None
            found = await works.store.real.run(run.id)
            assert found is not None
            assert found.problem == because(Code.RETRY_INTERRUPTED)
            assert run.id not in works.runs.current

    asyncio.run(main())


def test_a_cancelled_scan_ends_with_its_walk(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            source = works.world.source
            for number in range(1700):  # more than are looked at ahead
                source.write(b"%04d.mkv" % number, age=3600)
            works.target.hang("listing")
            scanning = asyncio.create_task(works.scan())
            await eventually(lambda: works.target.count("listing"), what="no listing was asked for")
            await works.rest()
            assert len(source.scanned) < 1700
            source.way_out = asyncio.Event()
            scanning.cancel()
            await works.rest()
            assert not scanning.done()

            source.way_out.set()
            await asyncio.wait([scanning])
            assert scanning.cancelled()

    asyncio.run(main())
