"""Intake: targets that do not answer, folders that are large."""

import asyncio
import errno
from pathlib import Path

from cgwire.codes import Code
from cloudgather.core.task import Rule
from fakes.target import an_error
from pipework import a_spec, a_task, working
from waiting import eventually


def test_a_listing_that_hangs_holds_up_no_other_task(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task("one", source=b"/one"), a_task("two", source=b"/two", target="disk")]
        async with working(tmp_path, tasks=tasks, specs=[a_spec(), a_spec("disk")]) as works:
            works.world.targets["cloud"].hang("listing")
            for number in range(5):
                works.world.source_at(b"/one").write(b"%d.mkv" % number)
                works.intake.sight("one", b"%d.mkv" % number)
            await works.advance(65)
            works.world.source_at(b"/two").write(b"a.mkv")
            works.intake.sight("two", b"a.mkv")
            await works.advance(65)

            assert (await works.states()).get(b"a.mkv") == "done"

    asyncio.run(main())


def test_while_a_listing_is_waited_for_the_scan_goes_on_and_all_is_queued_in_its_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            source, names = works.world.source, [b"%04d.mkv" % number for number in range(600)]
            for name in names:
                source.write(name, age=3600)
            works.target.hang("listing")
            scanning = asyncio.create_task(works.scan())
            await eventually(lambda: len(source.scanned) == len(names), what="the rest was not looked at")
            assert await works.states() == {}

            works.target.release()
            await scanning
            queued = await works.transfers()
            assert [each.path for each in sorted(queued, key=lambda each: each.id)] == names
            assert works.target.count("listing") == 1

    asyncio.run(main())


def test_what_is_forgotten_while_it_waits_for_its_plan_is_not_queued(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            source, names = works.world.source, [b"%04d.mkv" % number for number in range(600)]
            for name in names:
                source.write(name, age=3600)
            works.target.hang("listing")
            scanning = asyncio.create_task(works.scan())
            await eventually(lambda: len(source.scanned) == len(names), what="the rest was not looked at")
            last = works.intake.pending.of_task("films")[names[-1]]
            await eventually(lambda: last.fingerprint is not None, what="the last one was not judged")
            works.intake.pending.drop("films", [last.path])

            works.target.release()
            await scanning
            assert set(await works.states()) == set(names[:-1])

    asyncio.run(main())


def test_what_is_written_to_while_it_waits_for_its_plan_is_settled_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source, names = works.world.source, [b"%04d.mkv" % number for number in range(600)]
            for name in names:
                source.write(name, age=3600)
            works.target.hang("listing")
            scanning = asyncio.create_task(works.scan())
            await eventually(lambda: len(source.scanned) == len(names), what="the rest was not looked at")
            last = works.intake.pending.of_task("films")[names[-1]]
            await eventually(lambda: last.fingerprint is not None, what="the last one was not judged")
            source.write(names[-1], b"more")
            works.intake.sight("films", names[-1])

            works.target.release()
            await scanning
            assert set(await works.states()) == set(names[:-1])
            await works.advance(59)
            assert set(await works.states()) == set(names[:-1])
            await works.advance(62)  # and as long from when the change was found
            assert (await works.one(names[-1])).version.size == 4

    asyncio.run(main())


def test_a_large_folder_is_listed_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            works.target.folders.add(b"films")
            await works.queue(*[b"%04d.mkv" % number for number in range(2000)])

            assert works.target.count("listing") == 1

    asyncio.run(main())


def test_a_folder_in_the_place_of_a_file_is_not_taken_for_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.folders |= {b"films", b"films/0"}
            await works.queue(*[b"%d" % number for number in range(5)], content=b"")
            await works.advance(60)

            assert (await works.states())[b"0"] == "failed"
            assert (await works.one(b"0")).reason.code == Code.FAIL_OCCUPIED  # type: ignore[union-attr]

    asyncio.run(main())


def test_a_file_whose_target_could_not_be_asked_is_asked_for_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(rules=frozenset({Rule.SIZE, Rule.CHANGED}))]) as works:
            works.target.put(b"films/a.mkv", b"short")
            works.target.fail("listing", an_error(errno.EIO, "list"))
            await works.queue(b"a.mkv", content=b"longer than that")
            await works.advance(900)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())
