"""How often a target is asked."""

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path

import pytest

from agents import a_file, a_target, an_order
from cloudgather.agent.fleet import Fleet
from cloudgather.agent.pacing import Pace
from fakes.clock import FakeClock
from waiting import eventually


async def instants(clock: FakeClock, pace: Pace, turns: int, *, count: int = 1) -> list[float]:
    """When each of so many turns came, all asked for at once."""
    begun, came = clock.monotonic(), []

    async def ask() -> None:
        await pace.turn(count)
        came.append(round(clock.monotonic() - begun, 6))

    asking = [asyncio.create_task(ask()) for _ in range(turns)]
    await clock.advance(60)
    await asyncio.gather(*asking)
    return came


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [
        (1.0, [0.0, 1.0, 2.0, 3.0, 4.0]),
        (0.5, [0.0, 2.0, 4.0, 6.0, 8.0]),
        (2.0, [0.0, 0.5, 1.0, 1.5, 2.0]),
    ],
)
def test_turns_come_at_the_pace(per_second: float, expected: list[float]) -> None:
    async def main() -> None:
        clock = FakeClock()

        assert await instants(clock, Pace(clock=clock, per_second=per_second), 5) == expected

    asyncio.run(main())


def test_a_pause_earns_the_turns_of_one_second_and_no_more() -> None:
    async def main() -> None:
        clock = FakeClock()
        pace = Pace(clock=clock, per_second=3.0)
        await clock.advance(3600)

        assert await instants(clock, pace, 5) == pytest.approx([0.0, 0.0, 0.0, 1 / 3, 2 / 3], abs=1e-5)

    asyncio.run(main())


def test_what_costs_more_turns_makes_the_next_wait_for_all_of_them() -> None:
    async def main() -> None:
        clock = FakeClock()
        pace = Pace(clock=clock, per_second=1.0)

        assert await instants(clock, pace, 3, count=4) == [0.0, 4.0, 8.0]

    asyncio.run(main())


def test_without_a_limit_nobody_waits() -> None:
    async def main() -> None:
        clock = FakeClock()

        assert await instants(clock, Pace(clock=clock), 3, count=100) == [0.0, 0.0, 0.0]

    asyncio.run(main())


def test_all_that_is_done_at_a_target_shares_its_budget_also_over_a_reload(tmp_path: Path) -> None:
    async def main() -> None:
        clock = FakeClock()
        fleet = Fleet(clock=clock)
        try:
            folder = tmp_path / "target"
            folder.mkdir()
            root = os.fsencode(folder)
            target = a_target(fleet, root, metadata_per_second=1.0)
            files = [an_order(a_file(tmp_path, name, 10), root=root) for name in ("a", "b", "c")]
            done: list[str] = []

            async def do(name: str, work: Awaitable[object]) -> None:
                await work
                done.append(name)

            doing = [
                asyncio.create_task(do("copy", target.copy(files[0], lambda size: None))),
                asyncio.create_task(
                    do("two copies", target.copy_all(files[1:], lambda index, size: None, looked=True))
                ),
                asyncio.create_task(do("listing", target.listing(b""))),
                asyncio.create_task(do("look", target.look([b"a", b"b", b"x/c", b"x/d"]))),
                asyncio.create_task(do("sweep", target.sweep([b"x"]))),
                asyncio.create_task(do("asked aside", fleet.pace("cloud").turn())),
            ]
            came = []
            for second in range(9):
                expected = sum(second >= begin for begin in (0, 1, 3, 4, 6, 7))
                await eventually(lambda count=expected: len(done) == count)  # type: ignore[misc]
                came.append(len(done))
                await clock.advance(1.0)
            await asyncio.gather(*doing)
            again = a_target(fleet, root, metadata_per_second=1.0)  # its turns are the same
            await again.listing(b"")
            waits = asyncio.create_task(again.listing(b""))
            await clock.advance(0.5)

            assert came == [1, 2, 2, 3, 4, 4, 5, 6, 6]
            assert done == ["copy", "two copies", "listing", "look", "sweep", "asked aside"]
            assert not waits.done()
            again.spec = replace(again.spec, metadata_per_second=None)
            await clock.advance(0.5)
            await waits
            await again.listing(b"")
        finally:
            await fleet.stop(0.0)

    asyncio.run(main())
