"""Limits of a target: bandwidth by the clock and by order."""

import asyncio
from datetime import time, timedelta
from pathlib import Path

from cloudgather.core.bandwidth import RateFrom, RateOrder
from pipework import a_spec, a_world, working

SLOW, FAST = 2_000_000, 9_000_000
# The clock begins at noon.
BY_DAY = (RateFrom(at=time(8), rate=SLOW), RateFrom(at=time(13), rate=None))


def test_a_timetable_takes_effect_at_its_times(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(bandwidth=BY_DAY)]) as works:
            assert works.target.bandwidth == SLOW
            await works.advance(timedelta(minutes=59, seconds=59))
            assert works.target.bandwidth == SLOW

            await works.advance(2)

            assert works.target.bandwidth is None
            await works.advance(timedelta(hours=19))
            assert works.target.bandwidth == SLOW

    asyncio.run(main())


def test_a_jump_of_the_clock_is_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(bandwidth=BY_DAY)]) as works:
            works.clock.jump(timedelta(hours=2))

            await works.advance(30)

            assert works.target.bandwidth is None

    asyncio.run(main())


def test_a_reload_takes_effect_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(bandwidth=SLOW)]) as works:
            assert works.target.bandwidth == SLOW

            await works.take(specs=[a_spec(bandwidth=FAST)])

            assert works.target.bandwidth == FAST

    asyncio.run(main())


def test_an_order_outlives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works(specs=[a_spec(bandwidth=SLOW)]).start()
            order = RateOrder(rate=FAST, until=world.clock.now() + timedelta(hours=2), span=timedelta(hours=2))
            await works.remember(rate_order=order)
            await works.die()
            works = await world.new_works(specs=[a_spec(bandwidth=SLOW)]).start()
            assert works.target.bandwidth == FAST

            await works.advance(timedelta(hours=2))

            assert works.target.bandwidth == SLOW

    asyncio.run(main())


def test_an_order_does_not_last_for_ever_where_the_clock_was_set_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(bandwidth=SLOW)]) as works:
            works.errands.start(works.upkeep.run())
            order = RateOrder(rate=FAST, until=works.clock.now() + timedelta(hours=2), span=timedelta(hours=2))
            await works.remember(rate_order=order)
            works.clock.jump(timedelta(days=-400))

            await works.advance(timedelta(hours=2, minutes=1))

            assert works.target.bandwidth == SLOW

    asyncio.run(main())
