"""A target that failed is given a rest, also over a restart, and is tried with little then."""

import asyncio
import errno
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.target import Profile
from fakes.target import an_error
from pipelooks import done
from pipework import a_spec, a_world, working

NAMES = [b"%d.mkv" % number for number in range(10)]


@pytest.mark.parametrize("profile", [Profile.LAN, Profile.DISK])
def test_a_target_that_failed_is_tried_with_one_file_at_a_time(tmp_path: Path, profile: Profile) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(parallel=4, profile=profile)]) as works:
            works.target.fail("copy.open", an_error(errno.ENOSPC), times=1000)
            await works.queue(*NAMES)
            assert works.lane.breaker.opened == 1
            begun = works.target.count("copy.open")

            await works.advance(29)
            assert works.target.count("copy.open") == begun
            await works.advance(1)
            assert works.target.count("copy.open") == begun + 1
            assert works.lane.breaker.opened == 2
            await works.advance(60)
            assert works.target.count("copy.open") == begun + 2

            works.target.mend()
            await works.advance(120)
            assert await done(works) == set(NAMES)
            assert {each.attempts for each in await works.transfers()} == {0}

    asyncio.run(main())


def test_five_failures_in_a_row_open_the_breaker_whichever_files_failed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(attempts=99)]) as works:
            works.target.fail("copy.write", an_error(errno.EIO), times=1000)
            await works.queue(*NAMES)

            assert works.target.count("copy.begin") == 5
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_BREAKER]

    asyncio.run(main())


def test_an_open_breaker_survives_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start()
            works.target.fail("copy.write", an_error(errno.ENOSPC), times=9)
            await works.queue(b"a.mkv")
            await works.die()

            works = await world.new_works().start()
            await works.advance(29)
            assert works.target.count("copy.write") == 1
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_BREAKER]
            works.target.mend()
            await works.advance(1)
            assert await done(works) == {b"a.mkv"}
            assert not works.lane.breaker.trying

    asyncio.run(main())


def test_a_breaker_that_opened_just_before_the_daemon_was_stopped_survives_that(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start()
            works.target.fail("copy.write", an_error(errno.ENOSPC), times=9)
            amid = asyncio.Event()

            async def met(step: str) -> None:
                if works.lane.breaker.until is not None and step == "debris.begin":  # it is about to tidy
                    amid.set()
                    await asyncio.get_running_loop().create_future()

            works.store.met = met
            works.world.source.write(b"a.mkv", b"content", age=3600)
            await works.scan()
            await asyncio.wait_for(amid.wait(), 30)
            await works.stop()

            works = await world.new_works().start()
            await works.advance(29)
            assert works.target.count("copy.write") == 1
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_BREAKER]

    asyncio.run(main())


def test_a_breaker_that_a_clock_far_behind_finds_open_rests_no_longer_than_it_may(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start()
            works.target.fail("copy.write", an_error(errno.ENOSPC))
            await works.queue(b"a.mkv")
            await works.die()
            world.clock.jump(timedelta(days=-400))  # a board without a battery for its clock

            works = await world.new_works().start()
            assert [reason.code for reason in works.board.holds_of_target("cloud")] == [Code.HELD_BREAKER]
            await works.advance(timedelta(minutes=31))
            assert works.board.holds_of_target("cloud") == ()
            await works.advance(timedelta(minutes=45))  # nor does its transfer, longer than any retry

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())


def test_other_mounts_that_come_and_go_make_a_target_whose_mount_has_failed_rest_no_longer(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.open", an_error(errno.ENOTCONN), times=1000)
            await works.queue(b"a.mkv")
            for tries in range(2, 12):
                works.dispatcher.mounts_changed()
                works.dispatcher.mounts_changed()  # before it was tried
                await works.rest()
                assert works.target.count("copy.open") == tries

            works.target.mend()
            await works.advance(60)

            assert await done(works) == {b"a.mkv"}

    asyncio.run(main())
