"""Where nothing is renamed over a file, the old one steps aside first; a crash between leaves both."""

import asyncio
import errno
from pathlib import Path

import pytest

from cloudgather.agent.protocol import ASIDE
from fakes.target import an_error
from pipework import a_spec, a_world
from unit.pipeline.interrupted import left_in_publishing


def test_an_old_file_gets_its_name_back_where_the_new_one_was_lost_between_the_renames(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            target = world.target(a_spec())
            target.put(b"films/a.mkv", b"the older one")
            works = await left_in_publishing(world, force=True)
            (temporary,) = works.target.temporaries()
            works.target.files[temporary + ASIDE] = works.target.files.pop(b"films/a.mkv")
            del works.target.files[temporary]
            seen: list[bytes] = []

            async def met(step: str, path: bytes) -> None:
                if step == "copy.begin":
                    seen.append(works.target.files[b"films/a.mkv"].content)

            works.target.met = met
            works.serve()
            await works.advance(600)

            assert seen == [b"the older one"]
            assert (await works.one()).state == "done"
            assert works.target.files[b"films/a.mkv"].content != b"the older one"
            assert works.target.temporaries() == set()

    asyncio.run(main())


@pytest.mark.parametrize("renamed", [True, False])
def test_an_old_file_that_stepped_aside_and_cannot_be_removed_is_tried_again(tmp_path: Path, renamed: bool) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            world.target(a_spec()).put(b"films/a.mkv", b"the older one")
            works = await left_in_publishing(world, renamed=renamed, force=True)
            old = b"films/" + ((await works.one()).temporary or b"") + ASIDE
            works.target.put(old, b"the older one")
            works.target.fail("sweep.unlink", an_error(errno.EBUSY), times=2, path=old)
            works.serve()
            await works.advance(30)

            assert (await works.one()).state == "done"
            assert await works.debris() == [old]
            await works.advance(300)
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    asyncio.run(main())


def test_an_old_file_that_stepped_aside_is_removed_once_the_target_answers_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            world.target(a_spec()).put(b"films/a.mkv", b"the older one")
            works = await left_in_publishing(world, force=True)
            old = b"films/" + ((await works.one()).temporary or b"") + ASIDE
            works.target.put(old, b"the older one")
            works.target.fail("sweep", an_error(errno.EBUSY), path=old)
            works.serve()
            await works.advance(300)

            assert works.target.steps.count(("sweep", old)) == 2
            assert (await works.one()).state == "done"
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_an_old_file_that_stepped_aside_is_kept_and_told_of_where_another_has_taken_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            world.target(a_spec()).put(b"films/a.mkv", b"the older one")
            works = await left_in_publishing(world, force=True)
            (temporary,) = works.target.temporaries()
            works.target.files[temporary + ASIDE] = works.target.files.pop(b"films/a.mkv")
            del works.target.files[temporary]
            works.target.put(b"films/a.mkv", b"of another size, and somebody else's")
            works.serve()
            await works.advance(600)

            assert works.target.files[temporary + ASIDE].content == b"the older one"
            assert f"is left as {temporary.decode()}{ASIDE.decode()}: another file has its name" in caplog.text

    asyncio.run(main())
