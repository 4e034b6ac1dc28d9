"""What a batch has put back is claimed again before that batch has ended: it is the matter of whoever has it then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event
from cloudgather.ports.target import AgentLost
from pipework import Works, a_disk, a_task, working

ONE_LOST = AgentLost(errno=None, step="copy", side="agent", message="it died")


@asynccontextmanager
async def claimed_again(folder: Path) -> AsyncIterator[tuple[Works, asyncio.Event]]:
    """A second batch copies 2.mkv, which the first, still at its barrier, did not reach; until the event is set."""
    tasks = [a_task("films", source=b"/one"), a_task("series", source=b"/two", base=b"series")]
    async with working(folder, specs=[a_disk(parallel=2)], tasks=tasks, serving=False) as works:
        await works.queue(b"0.mkv", b"1.mkv", b"2.mkv", task="films")
        await works.queue(b"3.mkv", b"4.mkv", task="series")
        works.target.fail("copy.begin", ONE_LOST, path=b"films/1.mkv")
        works.target.hang("barrier")
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def met(step: str, path: bytes) -> None:
            if step == "copy.write" and path == b"films/2.mkv":
                begun.set()
                await goes_on.wait()

        works.target.met = met
        works.serve()
        await works.rest()
        assert begun.is_set()
        assert len(works.lane.places) == 2
        yield works, goes_on


def test_it_is_that_batchs_when_the_first_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with claimed_again(tmp_path) as (works, goes_on):
            again = (await works.one(b"2.mkv")).id
            works.target.release()
            await works.rest()

            assert len(works.lane.places) == 1
            assert list(works.lane.moving) == [again]

            goes_on.set()
            await works.advance(3600)
            assert set((await works.states()).values()) == {"done"}
            assert (works.lane.places, works.lane.moving) == ({}, {})
            assert len(works.target.published) == 5

    asyncio.run(main())


def test_what_moves_is_in_the_order_of_claims(tmp_path: Path) -> None:
    async def main() -> None:
        async with claimed_again(tmp_path) as (works, goes_on):
            turns = [*works.lane.places]

            order = [turns.index(moving.turn) for moving in works.lane.moving.values()]

            goes_on.set()
            works.target.release()
            assert order == sorted(order)
            assert {*order} == {0, 1}

    asyncio.run(main())


@pytest.mark.parametrize("by", ["operator", "removal"])
def test_who_ends_it_reaches_it_at_another_target(tmp_path: Path, by: str) -> None:
    async def main() -> None:
        specs = [a_disk(), a_disk(name="other")]
        async with working(tmp_path, specs=specs, serving=False) as works:
            await works.queue(b"0.mkv", b"1.mkv", b"2.mkv")
            works.target.fail("copy.begin", ONE_LOST, path=b"films/1.mkv")
            works.target.hang("barrier")
            other = works.world.target(specs[1])
            other.hang("copy.write")
            works.serve()
            await works.rest()
            await works.take(tasks=[a_task(target="other")])
            works.serve()
            await works.advance(60)
            await works.rest()
            again = await works.one(b"1.mkv")
            assert (again.target, again.state) == ("other", "copying")

            if by == "removal":
                await works.take(tasks=[])
            else:
                works.dispatcher.cancel([again.id], Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="root"))
            other.release()
            works.target.release()
            await works.rest()

            assert (await works.states())[b"1.mkv"] == "cancelled"

    asyncio.run(main())
