"""How far a scan runs ahead of its target."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from cloudgather.core.target import TargetSpec
from cloudgather.pipeline.backlog import Backlog
from fakes.clock import FakeClock
from pipework import a_disk, a_spec, working
from waiting import eventually

ENOUGH = 384
NAMES = [b"%04d.mkv" % number for number in range(2000)]


@pytest.mark.parametrize(
    ("added", "claims", "waits"),
    [
        (ENOUGH - 1, [], False),
        (ENOUGH, [], True),
        (ENOUGH + 256, [256], True),
        (ENOUGH + 255, [256], False),
        (ENOUGH + 63, [64], False),
        (ENOUGH, [2 * ENOUGH], False),
        (9999, [1, 0], False),  # some were cancelled
    ],
)
def test_enough_wait(added: int, claims: list[int], waits: bool) -> None:
    async def main() -> None:
        backlog, clock = Backlog(), FakeClock()
        for count in (added // 2, added - added // 2):
            backlog.added(count)
        for claimed in claims:
            backlog.claimed(claimed)

        room = asyncio.create_task(backlog.room(clock))
        await clock.advance(0)

        assert room.done() is not waits
        await clock.advance(0.05)
        assert room.done()

    asyncio.run(main())


def test_the_next_claim_makes_room() -> None:
    async def main() -> None:
        backlog, clock = Backlog(), FakeClock()
        backlog.added(ENOUGH + 1)
        backlog.claimed(1)  # before it waits
        room = asyncio.create_task(backlog.room(clock))
        await clock.advance(0.04)
        assert not room.done()

        backlog.claimed(1)
        await asyncio.wait_for(room, 10)

        assert clock.sleepers == 0

    asyncio.run(main())


def test_a_scan_waits_for_a_disk_that_works_and_does_not_hang_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()]) as works:
            works.target.hang("copy.write")
            await works.queue(b"first.mkv")
            await eventually(lambda: len(works.lane.moving) > 0, what="nothing is copied")
            for name in NAMES:
                works.world.source.write(name, age=3600)

            scanning = asyncio.create_task(works.scan())
            await works.rest()
            early = Counter((await works.states()).values())
            await works.advance(60)

            assert ENOUGH <= early["queued"] < ENOUGH + 256
            assert scanning.done()
            assert len(await works.states()) == len(NAMES) + 1

    asyncio.run(main())


@pytest.mark.parametrize("spec", [a_spec(), a_disk()], ids=["mount", "disk that does nothing"])
def test_a_scan_goes_through_where_it_gains_nothing_by_waiting(tmp_path: Path, spec: TargetSpec) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[spec], serving=spec.profile is a_spec().profile) as works:
            for name in NAMES:
                works.world.source.write(name, age=3600)
            works.target.hang("copy.write")

            await asyncio.wait_for(works.scan(), 60)

            assert len(await works.states()) == len(NAMES)

    asyncio.run(main())


def test_all_of_it_goes(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()]) as works:
            await asyncio.wait_for(works.queue(*NAMES), 60)
            await works.advance(60)

            assert Counter((await works.states()).values()) == {"done": len(NAMES)}

    asyncio.run(main())
