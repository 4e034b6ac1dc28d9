"""What was found to break a promise of the design, each with the way it was broken."""

import asyncio
import errno
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Event
from fakes.target import an_error
from pipework import a_spec, a_task, working


def test_a_hold_for_the_state_disk_ends_when_it_has_room_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.errands.start(works.upkeep.run())
            works.store.refuse("claim")
            await works.queue(b"a.mkv")
            assert works.board.store_hold is not None

            await works.advance(120)

            assert works.board.store_hold is None
            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_full_state_disk_fails_no_transfer_that_finds_a_file_standing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.errands.start(works.upkeep.run())
            works.target.put(b"films/a.mkv", b"other")
            works.store.refuse("adopt")
            await works.queue(b"a.mkv")
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "cancelled"}
            assert (await works.one()).reason.code == Code.CANCELLED_STANDING  # type: ignore[union-attr]

    asyncio.run(main())


def test_a_full_state_disk_fails_no_transfer_that_made_its_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.store.refuse("remember_task")
            await works.queue(b"a.mkv")
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_interrupted_while_publishing_is_recorded_it_is_published_all_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:

            async def pause(step: str) -> None:
                if step == "move:publish.end":  # committed, and the answer is on its way
                    works.dispatcher.cancel(
                        list(works.lane.moving), Event.DEFER, because(Code.HELD_TARGET_PAUSED, target="cloud")
                    )
                    await asyncio.sleep(0)

            works.store.met = pause
            await works.queue(b"a.mkv")
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "done"}
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_interrupted_while_a_failure_waits_for_the_state_disk_it_is_put_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            works.store.refuse("move:defer", times=3)
            await works.queue(b"a.mkv")
            works.dispatcher.cancel(
                list(works.lane.moving), Event.DEFER, because(Code.HELD_TARGET_PAUSED, target="cloud")
            )
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_name_that_only_the_rename_refuses_is_not_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("publish.rename", an_error(errno.EINVAL, "rename"), times=100)
            await works.queue(b"a?.mkv")
            await works.advance(3600)

            assert await works.states() == {b"a?.mkv": "failed"}
            assert (await works.one()).reason.code == Code.FAIL_NAME  # type: ignore[union-attr]
            assert works.target.count("copy.begin") == 1
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_a_rename_that_fails_now_is_tried_again_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("publish.rename", an_error(errno.EIO, "rename"), times=2)
            await works.queue(b"a.mkv")
            assert await works.states() == {b"a.mkv": "queued"}
            assert works.target.count("copy.begin") == 1, "not at once"

            await works.advance(3600)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_file_that_came_while_ours_was_copied_is_not_overwritten(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:

            async def somebody(step: str, path: bytes) -> None:
                if step == "copy.close" and b"films/a.mkv" not in works.target.files:
                    works.target.put(b"films/a.mkv", b"somebody else's")

            works.target.met = somebody
            await works.queue(b"a.mkv")
            await works.advance(3600)

            assert works.target.files[b"films/a.mkv"].content == b"somebody else's"
            assert await works.states() == {b"a.mkv": "cancelled"}
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_two_tasks_to_one_place_do_not_overwrite_each_other(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task("one", source=b"/one"), a_task("two", source=b"/two")]
        async with working(tmp_path, tasks=tasks, specs=[a_spec(parallel=2)]) as works:
            works.world.source_at(b"/one").write(b"a.mkv", b"of one", age=3600)
            works.world.source_at(b"/two").write(b"a.mkv", b"of the other", age=3600)
            await works.scan("one")
            await works.scan("two")
            await works.advance(3600)

            assert works.target.published == [b"films/a.mkv"]

    asyncio.run(main())


def test_a_blind_source_is_watched_for_two_minutes_after_a_change_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(settle=timedelta(seconds=5))], serving=False) as works:
            works.world.source.blind = "file-system"
            await works.queue(b"a.mkv")
            await works.advance(130)
            assert await works.states() == {b"a.mkv": "queued"}
            works.world.source.write(b"a.mkv", b"more of it")
            works.serve()
            await works.advance(60)
            works.world.source.write(b"a.mkv", b"more of it, and the rest")
            await works.advance(300)

            assert works.target.published == [b"films/a.mkv"]

    asyncio.run(main())
