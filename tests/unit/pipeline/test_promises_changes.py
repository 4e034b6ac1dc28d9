"""The configuration changes while transfers are under way."""

import asyncio
import errno
from pathlib import Path
from typing import cast

from cloudgather.core.task import Initial
from cloudgather.core.transfer import State
from cloudgather.pipeline.redirecting import redirect
from cloudgather.ports.queue import QueueStore
from fakes.target import an_error
from pipework import a_spec, a_task, a_world, working


def test_what_is_queued_follows_its_task_to_another_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await works.queue(b"a.mkv")
            await works.take(tasks=[a_task(base=b"cinema")])
            works.serve()
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "done"}
            assert set(works.target.files) == {b"cinema/a.mkv"}

    asyncio.run(main())


def test_what_is_queued_follows_its_task_to_another_target(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await works.queue(b"a.mkv")
            await works.take(tasks=[a_task(target="disk")], specs=[a_spec("disk")])
            works.serve()
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "done"}
            assert set(works.world.targets["disk"].files) == {b"films/a.mkv"}

    asyncio.run(main())


def test_what_was_queued_follows_a_task_that_was_changed_while_nobody_looked(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start(serving=False)
            await works.queue(b"a.mkv")
            await works.die()
            works = await world.new_works(tasks=[a_task(target="disk")], specs=[a_spec("disk")]).start()
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_task_that_was_given_another_folder_may_make_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv")
            await works.take(tasks=[a_task(base=b"cinema")])
            await works.queue(b"b.mkv")
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "done", b"b.mkv": "done"}

    asyncio.run(main())


def test_what_was_being_copied_for_a_task_that_has_left_is_cancelled_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = world.new_works()
            world.target(works.specs[0]).hang("copy.write")
            await works.start()
            await works.queue(b"a.mkv")
            assert await works.states() == {b"a.mkv": "copying"}
            await works.die()
            works = await world.new_works(tasks=[a_task("other")]).start()
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "cancelled"}
            assert len(await works.events(1)) < 6

    asyncio.run(main())


def test_what_was_being_published_is_resolved_when_its_target_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        other = a_spec("disk")
        async with working(tmp_path, specs=[a_spec(), other]) as works:
            works.target.fail("publish.rename", an_error(errno.EIO, "rename"), times=1)
            gate = works.target.hang("look")
            await works.queue(b"a.mkv")
            assert await works.states() == {b"a.mkv": "publishing"}
            await works.take(tasks=[a_task(target="disk")], specs=[other])
            works.serve()
            await works.rest()
            gate.set()
            await works.take(tasks=[a_task()], specs=[a_spec(), other])
            works.serve()
            await works.advance(600)

            assert (await works.one()).state is State.DONE

    asyncio.run(main())


def test_a_task_that_is_added_again_is_a_new_one(tmp_path: Path) -> None:
    async def main() -> None:
        ignoring = a_task(initial=Initial.IGNORE)
        other = a_task("other", source=b"/other")
        async with working(tmp_path, tasks=[ignoring, other]) as works:
            await works.scan()
            await works.take(tasks=[other])
            works.world.source.write(b"old.mkv", age=3600)
            await works.take(tasks=[ignoring, other])
            await works.scan()
            await works.advance(60)

            assert await works.states() == {}

    asyncio.run(main())


def test_what_failed_or_stood_elsewhere_goes_to_the_new_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(attempts=1)]) as works:
            works.target.put(b"films/standing.mkv", b"other")
            works.target.fail("copy.write", an_error(errno.EIO), path=b"films/failing.mkv")
            await works.queue(b"standing.mkv", b"failing.mkv")
            assert await works.states() == {b"failing.mkv": "failed", b"standing.mkv": "cancelled"}
            await works.take(tasks=[a_task(base=b"cinema")])
            await works.scan()
            await works.advance(600)

            assert {b"cinema/standing.mkv", b"cinema/failing.mkv"} <= set(works.target.files)

    asyncio.run(main())


def test_a_task_that_leaves_while_others_are_redirected_is_no_bug(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task("stays"), a_task("leaves")], serving=False) as works:
            left: list[object] = []

            async def met(step: str) -> None:
                if step == "redirect.begin" and not left:
                    left.append(works.board.tasks.pop("leaves"))

            works.store.met = met

            await redirect(cast(QueueStore, works.store), works.board)

            assert len(left) == 1

    asyncio.run(main())
