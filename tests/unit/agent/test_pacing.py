"""How often a target is asked."""

import asyncio

import pytest

from cloudgather.agent.pacing import Pace
from fakes.clock import FakeClock


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
