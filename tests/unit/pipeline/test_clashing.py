"""Two files for one place, and one file that two tasks send there."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.core.target import Profile, TargetSpec
from cloudgather.core.task import Rule, Task
from pipelooks import contents, done
from pipework import Works, a_spec, a_task, working

ALL_RULES = frozenset(Rule)


def two_tasks(**changes: Any) -> list[Task]:
    """From folders of their own to the same folder."""
    return [
        a_task("films", source=b"/one", rules=ALL_RULES, **changes),
        a_task("series", source=b"/two", rules=ALL_RULES, **changes),
    ]


def overlapping() -> list[Task]:
    """Every file of the second is one of the first, and goes to the same place."""
    return [
        a_task("all", source=b"/downloads", base=b"", rules=ALL_RULES),
        a_task("films", source=b"/downloads/films", base=b"films", rules=ALL_RULES),
    ]


def write_both(works: Works, content: bytes, *, age: float = 3600) -> None:
    """One file, as both tasks see it."""
    works.world.source_at(b"/downloads").write(b"films/a.mkv", content, age=age)
    works.world.source_at(b"/downloads/films").write(b"a.mkv", content, age=age)


async def settle(works: Works, *tasks: str) -> None:
    """Scan for both."""
    for task in tasks:
        await works.scan(task)
    await works.rest()


async def held(works: Works) -> list[str]:
    """The codes of what holds each queued transfer."""
    queued = [each for each in await works.transfers() if each.state == "queued"]
    return [reason.code for each in queued for reason in works.board.holds_of(each)]


def specs(**changes: Any) -> list[TargetSpec]:
    """A target that overlooks case and Unicode form once it is tested."""
    return [a_spec(parallel=4, **changes)]


FACTS = {"case_sensitive": False, "unicode_form": "nfc"}
PAIRS = [
    (b"a.mkv", b"a.mkv"),
    (b"Film/a.mkv", b"film/A.mkv"),
    ("caf\u00e9.mkv".encode(), "cafe\u0301.mkv".encode()),
]


@pytest.mark.parametrize("profile", [Profile.LAN, Profile.DISK])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_came_first_keeps_the_place(tmp_path: Path, one: bytes, other: bytes, profile: Profile) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(profile=profile), tasks=two_tasks()) as works:
            await works.remember(facts=FACTS)
            await works.queue(one, content=b"first", task="films")
            await works.queue(other, content=b"second one", task="series")

            assert contents(works) == {b"films/" + one: b"first"}
            (transfer,) = (each for each in await works.transfers() if each.task == "series")
            (reason,) = works.board.holds_of(transfer)
            assert reason.code == Code.HELD_NAME_CLASH
            assert reason.facts["other"].startswith("films: ")
            assert transfer.attempts == 0
            await works.advance(7200)
            assert contents(works) == {b"films/" + one: b"first"}

    asyncio.run(main())


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_of_two_that_are_under_way_at_once_the_first_goes(tmp_path: Path, one: bytes, other: bytes) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(), tasks=two_tasks()) as works:
            await works.remember(facts=FACTS)
            works.target.hang("copy.write")
            await works.queue(one, content=b"first", task="films")
            await works.queue(other, content=b"second one", task="series")

            assert works.target.busy == 1
            assert await held(works) == [Code.HELD_NAME_CLASH]
            works.target.release()
            await works.advance(7200)
            assert contents(works) == {b"films/" + one: b"first"}

    asyncio.run(main())


def test_small_files_of_one_batch_clash_as_well(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(profile=Profile.DISK), tasks=[a_task()]) as works:
            await works.remember(facts=FACTS)
            await works.queue(b"a.mkv", b"A.mkv", b"b.mkv", b"B.MKV", b"c.mkv")

            assert len(contents(works)) == 3
            assert await held(works) == [Code.HELD_NAME_CLASH] * 2

    asyncio.run(main())


def test_of_two_batches_of_one_claim_the_first_goes(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(profile=Profile.LAN), tasks=[a_task()], serving=False) as works:
            await works.remember(facts=FACTS)
            await works.queue(b"a.mkv", b"A.mkv")
            works.serve()
            await works.rest()

            assert len(contents(works)) == 1
            assert await held(works) == [Code.HELD_NAME_CLASH]

    asyncio.run(main())


def test_a_target_that_tells_them_apart_takes_both(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(), tasks=two_tasks()) as works:
            await works.queue(b"a.mkv", task="films")
            await works.queue(b"A.mkv", task="series")

            assert set(contents(works)) == {b"films/a.mkv", b"films/A.mkv"}

    asyncio.run(main())


def test_a_clash_ends_with_what_made_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(), tasks=two_tasks()) as works:
            await works.queue(b"a.mkv", content=b"first", task="films")
            await works.queue(b"a.mkv", content=b"second one", task="series")
            assert await held(works) == [Code.HELD_NAME_CLASH]
            works.world.source_at(b"/two").remove(b"a.mkv")
            works.world.source_at(b"/two").write(b"b.mkv", b"second one", age=3600)

            await works.scan("series")
            await works.advance(3600)

            assert contents(works) == {b"films/a.mkv": b"first", b"films/b.mkv": b"second one"}
            assert await held(works) == []
            assert (await works.one(b"a.mkv")).state == "vanished"

    asyncio.run(main())


def test_what_a_removed_task_sent_is_judged_by_the_rules(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = two_tasks()
        async with working(tmp_path, specs=specs(), tasks=tasks) as works:
            await works.queue(b"a.mkv", content=b"first", task="films")
            await works.take(tasks=tasks[1:])

            await works.queue(b"a.mkv", content=b"second one", task="series")

            assert contents(works) == {b"films/a.mkv": b"second one"}  # the rule size replaces it

    asyncio.run(main())


# ---- overlapping tasks -----------------------------------------------------------------------------------------------


def test_one_file_of_two_tasks_is_sent_once_and_adopted_by_the_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(), tasks=overlapping()) as works:
            works.target.hang("copy.write")
            write_both(works, b"content")
            await settle(works, "all", "films")
            assert works.target.busy == 1
            assert await held(works) == [Code.HELD_SAME_FILE]

            works.target.release()
            await works.advance(60)

            assert await done(works) == {b"films/a.mkv"}
            assert works.target.published == [b"films/a.mkv"]
            ledger = await works.store.asked(lambda store: store.ledger("films", [b"a.mkv"]))
            assert ledger[b"a.mkv"].origin == "adopted"

    asyncio.run(main())


def test_its_next_version_is_sent_once_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=specs(), tasks=overlapping()) as works:
            write_both(works, b"content")
            await settle(works, "all", "films")
            await works.advance(60)
            write_both(works, b"another content", age=1800)

            await settle(works, "films", "all")
            await works.advance(60)

            assert works.target.published == [b"films/a.mkv"] * 2
            assert contents(works) == {b"films/a.mkv": b"another content"}
            assert await held(works) == []

    asyncio.run(main())
