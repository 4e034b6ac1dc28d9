"""From a sighting or a scan to the queue: when a file is looked at, what makes it wait, and what it costs."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Filter
from cloudgather.ports.source import Absent
from pipework import Works, a_task, working

MINUTE = 60.0


async def goes_after(works: Works, seconds: float, path: bytes = b"a.mkv") -> None:
    """It is not queued before so many seconds have passed, and then at once."""
    await works.advance(seconds - 0.5)
    assert path not in await works.states(), f"too early: {works.clock.now()}"
    await works.advance(1.0)
    assert (await works.states()).get(path) == "done"
    assert len([each for each in await works.transfers() if each.path == path]) == 1


def waits_for(works: Works, path: bytes = b"a.mkv") -> set[str]:
    """The conditions that are not met."""
    pending = works.intake.pending.get("films", path)
    assert pending is not None
    return {reason.code for reason in pending.conditions if reason.code.startswith("wait.")}


def test_every_event_begins_the_quiet_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv")
            for _ in range(5):
                works.intake.sight("films", b"a.mkv")
                await works.advance(50)
                assert waits_for(works) == {Code.WAIT_QUIET}
            works.intake.sight("films", b"a.mkv")
            await goes_after(works, MINUTE)

    asyncio.run(main())


def test_only_what_a_scan_has_just_shown_is_looked_at_as_a_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv")
            source.write(b"b.mkv", age=30)
            works.intake.sight("films", b"a.mkv")
            await works.advance(1)
            assert source.looks, "the event was not followed"
            assert source.scanned == []

            await works.scan()
            assert sorted(source.scanned) == [b"a.mkv", b"b.mkv"]
            await works.advance(2 * MINUTE)
            assert await works.states() == {b"a.mkv": "done", b"b.mkv": "done"}
            assert sorted(source.scanned) == [b"a.mkv", b"b.mkv"]

    asyncio.run(main())


@pytest.mark.parametrize("change", ["write", "touch"])
def test_a_change_that_no_event_told_of_begins_it_anew_when_it_is_found(tmp_path: Path, change: str) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            await works.advance(40)
            if change == "write":
                works.world.source.write(b"a.mkv", b"longer content")
            else:
                works.world.source.touch(b"a.mkv")
            await works.advance(20)  # found
            await goes_after(works, MINUTE)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("age", "wait"),
    [(0, 60.0), (45, 15.0), (59, 1.0), (-30, 60.0), (-86400, 60.0)],
)
def test_a_scan_trusts_a_ctime_that_is_not_in_the_future(tmp_path: Path, age: float, wait: float) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv", age=age)
            await works.scan()
            await goes_after(works, wait)

    asyncio.run(main())


def test_a_file_that_is_old_goes_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv", age=60)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=3)])
def test_after_a_jump_of_the_clock_a_ctime_says_nothing(tmp_path: Path, jump: timedelta) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv", age=86400)
            works.clock.jump(jump)
            await works.scan()
            await goes_after(works, MINUTE)

    asyncio.run(main())


def test_an_event_makes_a_ctime_say_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv", age=86400)
            works.intake.sight("films", b"a.mkv")
            await works.scan()
            await goes_after(works, MINUTE)

    asyncio.run(main())


def test_where_nobody_knows_of_writers_two_minutes_are_watched(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.blind = "file-system"
            works.world.source.write(b"a.mkv", age=86400)
            await works.scan()
            await goes_after(works, 120)

    asyncio.run(main())


def test_a_writer_is_waited_for_and_its_end_noticed_without_an_event(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.writing.add(b"a.mkv")
            await works.queue(b"a.mkv")
            await works.advance(3600)
            assert waits_for(works) == {Code.WAIT_WRITER}
            assert await works.states() == {}

            works.world.source.writing.clear()
            await works.advance(15)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_control_file_holds_it_and_its_removal_is_noticed_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"show.aria2", age=3600)
            await works.queue(b"show/a.mkv")
            await works.advance(100)
            assert waits_for(works, b"show/a.mkv") == {Code.WAIT_CONTROL_FILE}

            works.world.source.remove(b"show.aria2")
            works.intake.sight("films", b"show.aria2")
            await works.advance(0.3)

            assert await works.states() == {b"show/a.mkv": "done"}

    asyncio.run(main())


def test_a_partial_name_waits_until_it_is_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv.part")
            await works.advance(3600)
            assert waits_for(works, b"a.mkv.part") == {Code.WAIT_PARTIAL_NAME}

            works.world.source.rename(b"a.mkv.part", b"a.mkv")
            for path in (b"a.mkv.part", b"a.mkv"):
                works.intake.sight("films", path)
            await goes_after(works, MINUTE)
            assert len(works.intake.pending) == 0

    asyncio.run(main())


@pytest.mark.parametrize("path", [b"Thumbs.db", b"@eaDir/a.mkv", b"x/.DS_Store", b"small.mkv", b"link", b"gone.mkv"])
def test_what_is_not_wanted_is_not_kept(tmp_path: Path, path: bytes) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(filter=Filter(min_size=100))]) as works:
            if path == b"link":
                works.world.source.others[path] = Absent.SYMLINK
            elif path != b"gone.mkv":
                works.world.source.write(path, age=3600)
            works.intake.sight("films", path)
            await works.advance(1)

            assert len(works.intake.pending) == 0
            await works.scan()
            assert await works.states() == {}

    asyncio.run(main())


def test_a_folder_that_is_sighted_is_walked(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"show/1/a.mkv", age=3600)
            works.world.source.write(b"other/b.mkv", age=3600)
            works.intake.sight("films", b"show")
            await works.advance(1)

            assert works.world.source.scans == [b"show"]
            assert await works.states() == {b"show/1/a.mkv": "done"}

    asyncio.run(main())


def test_a_burst_of_events_costs_one_look(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv")
            for _ in range(1000):
                works.intake.sight("films", b"a.mkv")
            await works.advance(59)

            assert len(works.world.source.looks) <= 2

    asyncio.run(main())


def test_what_was_sent_already_is_not_settled_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            await works.advance(1)

            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_a_paused_task_takes_nothing_in(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            state = works.board.tasks["films"]
            state.memory = state.memory.__class__(name="films", paused=True)
            await works.queue(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            await works.advance(3600)

            assert await works.states() == {}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_a_source_that_is_gone_keeps_what_was_pending(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            await works.advance(30)
            works.world.source.gone()
            await works.advance(100)
            assert works.board.tasks["films"].source_hold == because(Code.SOURCE_GONE, source=b"/downloads")
            works.world.source.unavailable = None
            await works.advance(5)

            assert await works.states() == {b"a.mkv": "done"}
            assert works.board.tasks["films"].source_hold is None

    asyncio.run(main())


def test_an_event_during_a_look_is_not_missed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            await works.advance(59)
            source.gate = asyncio.Event()
            await works.advance(2)
            works.intake.sight("films", b"a.mkv")
            source.gate.set()
            await works.rest()
            assert await works.states() == {}
            await goes_after(works, MINUTE)

    asyncio.run(main())


def test_a_file_that_comes_back_while_its_absence_is_told_is_not_missed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.gate = asyncio.Event()
            works.intake.sight("films", b"a.mkv")
            await works.advance(1)  # the look has begun
            works.intake.sight("films", b"a.mkv")
            source.gate.set()
            await works.rest()
            source.write(b"a.mkv")

            await works.advance(62)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


@pytest.mark.parametrize("sighted", [True, False], ids=["watch", "scan"])
def test_a_task_around_the_folder_of_a_download_leaves_it_to_that(tmp_path: Path, sighted: bool) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            for path in (b"cloudgather/cg-0123abcd-5/a.mkv", b"cloudgather/b.mkv"):
                works.world.source.write(path, age=3600)
                if sighted:
                    works.intake.sight("films", path)
            if not sighted:
                await works.scan()
            await works.advance(10 * MINUTE)

            assert await works.states() == {b"cloudgather/b.mkv": "done"}
            assert works.intake.pending.get("films", b"cloudgather/cg-0123abcd-5/a.mkv") is None

    asyncio.run(main())
