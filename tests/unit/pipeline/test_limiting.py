"""Limits of a target: bandwidth by the clock and by order, bytes a day, back-pressure."""

import asyncio
import errno
from datetime import time, timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.bandwidth import RateFrom, RateOrder
from cloudgather.core.target import Confirm, TargetSpec
from fakes.target import an_error
from pipelooks import done
from pipework import Works, a_spec, a_world, working

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


# ---- bytes a day -----------------------------------------------------------------------------------------------------


async def spent(works: Works) -> int:
    """What counts now."""
    found = await works.store.asked(lambda store: store.spending(now=works.clock.now()))
    return found["cloud"].total if "cloud" in found else 0


def a_limit(size: int) -> list[TargetSpec]:
    """The content of a file is 7 bytes."""
    return [a_spec(daily_limit=size)]


def test_what_does_not_fit_waits_with_the_reason_and_goes_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=a_limit(20)) as works:
            await works.queue(b"a.mkv", b"b.mkv", b"c.mkv")
            assert await done(works) == {b"a.mkv", b"b.mkv"}
            (held,) = works.board.holds_of(await works.one(b"c.mkv"))
            assert held.code == Code.HELD_DAILY_LIMIT
            until = (works.clock.now() + timedelta(hours=25)).replace(minute=0, second=0, microsecond=0).timestamp()
            assert held.facts == {"target": "cloud", "limit": 20, "spent": 14, "size": 7, "until": until}

            await works.advance(timedelta(hours=25))

            assert await done(works) == {b"a.mkv", b"b.mkv", b"c.mkv"}
            assert works.board.holds_of_target("cloud") == ()

    asyncio.run(main())


def test_what_is_spent_is_spent_after_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works(specs=a_limit(20)).start()
            await works.queue(b"a.mkv", b"b.mkv", b"c.mkv")
            await works.die()

            works = await world.new_works(specs=a_limit(20)).start()

            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_DAILY_LIMIT]
            assert (await works.states())[b"c.mkv"] == "queued"
            await works.take(specs=a_limit(21))
            works.dispatcher.wake()
            await works.rest()
            assert await done(works) == {b"a.mkv", b"b.mkv", b"c.mkv"}

    asyncio.run(main())


def test_a_try_that_fails_half_way_counts_what_it_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=a_limit(100)) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            await works.queue(b"a.mkv")
            assert (await works.one()).state == "queued"
            assert await spent(works) == 3

            await works.advance(60)

            assert await done(works) == {b"a.mkv"}
            assert await spent(works) == 3 + 7

    asyncio.run(main())


def test_a_try_that_ends_before_a_byte_gives_all_of_it_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=a_limit(7)) as works:
            works.target.put(b"films/a.mkv", b"another")
            await works.queue(b"a.mkv")

            assert (await works.one()).state == "cancelled"
            assert await spent(works) == 0

    asyncio.run(main())


def test_a_crash_while_it_is_copied_keeps_what_was_reserved(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works(specs=a_limit(10)).start()
            works.target.hang("copy.begin")
            await works.queue(b"a.mkv")
            assert await spent(works) == 7
            await works.die()
            world.targets["cloud"].release()

            works = await world.new_works(specs=a_limit(10)).start()

            assert await spent(works) == 7
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_DAILY_LIMIT]

    asyncio.run(main())


@pytest.mark.parametrize("by", [timedelta(days=30), timedelta(days=-400)])
def test_a_clock_that_is_set_frees_nothing_and_keeps_nothing_longer(tmp_path: Path, by: timedelta) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=a_limit(10)) as works:
            works.errands.start(works.upkeep.run())
            await works.queue(b"a.mkv", b"b.mkv")
            works.clock.jump(by)
            await works.advance(30)
            await works.advance(timedelta(hours=23))
            assert await done(works) == {b"a.mkv"}

            await works.advance(timedelta(hours=2, minutes=30))

            assert await done(works) == {b"a.mkv", b"b.mkv"}

    asyncio.run(main())


# ---- back-pressure ---------------------------------------------------------------------------------------------------


def test_what_is_not_confirmed_yet_keeps_more_from_being_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN, max_unconfirmed=10, parallel=4)]) as works:
            works.target.hang("look")
            await works.queue(b"a.mkv", b"b.mkv", b"c.mkv")
            await works.advance(60)
            assert await works.states() == {b"a.mkv": "written", b"b.mkv": "written", b"c.mkv": "queued"}
            (held,) = works.board.holds_of(await works.one(b"c.mkv"))
            assert (held.code, held.facts) == (
                Code.HELD_UNCONFIRMED,
                {"target": "cloud", "unconfirmed": 14, "limit": 10},
            )

            works.target.release()
            await works.advance(10)

            assert await done(works) == {b"a.mkv", b"b.mkv", b"c.mkv"}
            assert works.board.holds_of_target("cloud") == ()

    asyncio.run(main())


def test_what_is_written_while_that_is_counted_counts_all_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        spec = a_spec(confirm=Confirm.SEEN, max_unconfirmed=10, parallel=4)
        async with working(tmp_path, specs=[spec], serving=False) as works:
            written: list[bytes] = []

            async def met(step: str) -> None:
                if step == "counts.end" and works.lane.moving:  # and these were not written when they were counted
                    written.extend(each.transfer.path for each in works.lane.moving.values())
                    while works.lane.moving:  # noqa: ASYNC110 (in turns of the loop: real time would let the clock go on)
                        await asyncio.sleep(0)

            works.target.hang("look")
            await works.queue(b"a.mkv", b"b.mkv", b"c.mkv")
            works.store.met = met
            works.serve()
            await works.advance(60)

            assert written == [b"a.mkv", b"b.mkv"]
            assert await works.states() == {b"a.mkv": "written", b"b.mkv": "written", b"c.mkv": "queued"}

    asyncio.run(main())


def test_what_is_being_copied_counts_as_not_confirmed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN, max_unconfirmed=10, parallel=4)]) as works:
            works.target.hang("copy.write")
            await works.queue(b"a.mkv", b"b.mkv", b"c.mkv")

            assert works.target.busy == 2
            works.target.release()
            await works.advance(10)
            assert await done(works) == {b"a.mkv", b"b.mkv", b"c.mkv"}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("free", "code", "facts"),
    [
        (99, Code.HELD_MIN_FREE, {"free": 99, "min_free": 100}),
        (
            OSError(errno.ENOENT, "No such file or directory"),
            Code.HELD_CACHE_UNKNOWN,
            {"message": "No such file or directory"},
        ),
        (TimeoutError(), Code.HELD_CACHE_UNKNOWN, {"message": "it does not answer"}),
    ],
)
def test_a_cache_without_room_gets_no_more(
    tmp_path: Path, free: int | OSError, code: Code, facts: dict[str, object]
) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(cache_dir=b"/cache", min_free=100)]) as works:
            works.free = free
            assert works.board.holds_of_target("cloud") == ()  # nothing waits for it
            await works.queue(b"a.mkv")
            (held,) = works.board.holds_of(await works.one())
            assert (held.code, held.facts) == (code, {"target": "cloud", "folder": b"/cache", **facts})
            assert works.target.orders == []

            works.free = 100
            await works.advance(5)

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_what_is_still_to_come_is_not_free(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(cache_dir=b"/cache", min_free=100, parallel=2)]) as works:
            works.free = 103
            works.target.hang("copy.write")
            await works.queue(b"a.mkv", b"b.mkv")  # of the first, 3 of 7 bytes are there

            assert [order.path for order in works.target.orders] == [b"a.mkv"]
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_MIN_FREE]
            works.target.release()
            await works.advance(5)
            assert await done(works) == {b"a.mkv", b"b.mkv"}

    asyncio.run(main())
