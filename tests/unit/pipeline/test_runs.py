"""What a run counts, and when it ends."""

import asyncio
import errno
from dataclasses import replace
from pathlib import Path

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Filter, Initial
from cloudgather.ports.queue import TaskMemory
from cloudgather.ports.source import Absent
from fakes.target import an_error
from pipework import a_task, working


def test_a_run_counts_what_it_saw_and_ends_with_its_last_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(filter=Filter(exclude=(b"*.nfo",)))]) as works:
            await works.queue(b"sent.mkv")
            source = works.world.source
            source.write(b"a.nfo")
            source.write(b"new.mkv", b"0123456789", age=30)
            source.write(b"bad.mkv", age=3600)
            source.others[b"link"] = Absent.SYMLINK
            works.target.fail("copy.open", an_error(errno.ENAMETOOLONG, "open"), path=b"films/bad.mkv")

            run = await works.scan()
            await works.rest()
            assert run.id is not None
            at_first = await works.store.real.run(run.id)
            assert at_first is not None
            assert run.settling == 1
            assert run.id in works.runs.current
            await works.advance(30)

            found = await works.store.real.run(run.id)
            assert found is not None
            assert (found.seen, found.planned, found.skipped) == (4, 2, 3)
            assert (found.uploaded, found.failed, found.bytes) == (1, 1, 10)
            assert found.ended is not None
            assert found.ended >= (await works.one(b"new.mkv")).created
            assert works.runs.current == {}

    asyncio.run(main())


def test_what_is_planned_is_counted_once_however_often_the_store_refuses(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.store.refuse("add", times=3)
            works.world.source.write(b"a.mkv", age=3600)
            run = await works.scan()
            await works.advance(30)

            assert run.id is not None
            found = await works.store.real.run(run.id)
            assert found is not None
            assert (found.planned, found.uploaded) == (1, 1)

    asyncio.run(main())


def test_a_file_that_is_being_looked_at_is_not_looked_at_twice(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv", age=3600)
            source.gate = asyncio.Event()
            scan = works.errands.start(works.scan())
            await works.advance(31)  # the intake's own loop has looked round meanwhile
            source.gate.set()
            await works.rest()

            assert source.looks.count(b"a.mkv") == 2  # and once more before it is copied
            assert scan.result().planned == 1

    asyncio.run(main())


def test_a_task_that_is_removed_while_its_next_scan_waits_is_not_walked_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv", age=3600)
            source.gate = asyncio.Event()
            first = works.errands.start(works.scan(trigger="rescan"))
            second = works.errands.start(works.scan())
            await works.rest()
            assert works.scanner.is_scanning("films")
            assert works.runs.is_to_scan("films")

            del works.board.tasks["films"]
            source.gate.set()
            await works.rest()

            assert first.result().seen == 1
            assert second.result().seen == 0
            assert second.result().problem == because(Code.CANCELLED_TASK_REMOVED)
            assert not works.runs.is_to_scan("films")

    asyncio.run(main())


def test_a_scan_of_a_task_that_is_paused_while_it_waits_says_why_it_finds_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv", age=3600)
            source.gate = asyncio.Event()
            works.errands.start(works.scan(trigger="rescan"))
            waiting = works.errands.start(works.scan())
            await works.rest()
            assert works.scanner.is_scanning("films")

            works.board.tasks["films"].memory = TaskMemory(name="films", paused=True)
            source.gate.set()
            await works.rest()

            assert waiting.result().seen == 0
            assert waiting.result().problem == because(Code.HELD_TASK_PAUSED, task="films")

    asyncio.run(main())


def test_a_scan_whose_task_is_paused_meanwhile_says_why_it_takes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv", age=3600)
            source.gate = asyncio.Event()
            walking = works.errands.start(works.scan())
            await works.rest()

            works.board.tasks["films"].memory = TaskMemory(name="films", paused=True)
            works.intake.forget("films")
            source.gate.set()
            await works.rest()

            assert (walking.result().seen, walking.result().planned) == (1, 0)
            assert walking.result().problem == because(Code.HELD_TASK_PAUSED, task="films")

    asyncio.run(main())


def test_a_scan_that_finds_nothing_by_itself_makes_no_run(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.scan(trigger="rescan")
            assert await works.store.real.runs("films", limit=10) == []

            works.world.source.write(b"a.mkv", age=3600)
            await works.scan(trigger="rescan")
            await works.rest()

            (run,) = await works.store.real.runs("films", limit=10)
            assert (run.trigger, run.planned, run.uploaded) == ("rescan", 1, 1)
            assert run.ended is not None

    asyncio.run(main())


def test_a_source_that_goes_away_in_the_middle_is_the_runs_problem(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(initial=Initial.IGNORE)]) as works:
            source = works.world.source
            source._batch = 2  # so that the walk takes several steps
            for path in [b"%d.mkv" % number for number in range(10)]:
                source.write(path, age=3600)

            async def met(step: str) -> None:
                if step == "adopt.end":
                    source.gone()

            works.store.met = met
            run = await works.scan()

            assert run.id is not None
            found = await works.store.real.run(run.id)
            assert found is not None
            assert found.problem == because(Code.SOURCE_GONE, source=b"/downloads")
            assert found.scanned is not None
            assert not works.board.tasks["films"].memory.initialised  # it has not been seen whole
            assert works.board.held_tasks() == {"films"}

    asyncio.run(main())


def test_a_scan_of_a_paused_task_by_order_finds_and_sends_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.board.tasks["films"].memory = TaskMemory(name="films", paused=True)
            await works.queue(b"a.mkv")

            (run,) = await works.store.real.runs("films", limit=10)
            assert (run.seen, run.planned) == (0, 0)
            assert run.problem == because(Code.HELD_TASK_PAUSED, task="films")
            assert run.ended is not None

    asyncio.run(main())


def test_a_run_whose_files_are_forgotten_is_not_kept_for_ever(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"new.mkv", age=30)
            forgotten = await works.scan()
            assert forgotten.id in works.runs.current
            works.intake.forget("films")

            following = await works.scan()

            assert following.id is not None
            assert following.settling == 1
            assert works.runs.current.keys() == {following.id}

    asyncio.run(main())


def test_a_scan_gets_a_target_ready_once_it_has_found_something_that_is_new(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"sent.mkv")
            await works.advance(60)
            assert (await works.states())[b"sent.mkv"] == "done"
            before = len(works.target.steps)
            await works.scan()
            assert works.target.steps[before:] == []

            works.world.source.write(b"new.mkv", age=3600)
            await works.scan()
            assert works.target.steps[before] == ("get ready", b"")

    asyncio.run(main())


def test_what_waits_to_be_settled_or_may_not_go_now_starts_no_agent(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"new.mkv", age=30)
            await works.scan()
            assert works.target.count("get ready") == 1
            await works.scan()
            assert works.target.count("get ready") == 1

            works.lane.memory = replace(works.lane.memory, paused=True)
            works.world.source.write(b"other.mkv", age=30)
            await works.scan()
            assert works.target.count("get ready") == 1

    asyncio.run(main())


def test_a_scan_during_which_its_target_leaves_the_configuration_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"new.mkv", age=3600)
            name = works.lane.spec.name

            async def met(step: str) -> None:
                if step == "unknown.end":
                    del works.board.targets[name], works.board.tasks["films"]

            works.store.met = met
            run = await works.scan()

            assert name not in works.board.targets
            assert (run.scanned, run.settling, run.problem) == (True, 0, because(Code.CANCELLED_TASK_REMOVED))

    asyncio.run(main())


def test_a_name_that_a_scan_finds_twice_is_waited_for_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv", age=3600)
            works.world.source.shown_twice.add(b"a.mkv")

            run = await works.scan()
            await works.rest()

            assert (run.seen, run.planned, run.settling) == (2, 1, 0)

    asyncio.run(main())


def test_a_file_that_has_grown_since_the_scan_saw_it_is_judged_as_it_is_now(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(filter=Filter(max_size=20))]) as works:
            source = works.world.source
            source.write(b"grows.mkv", age=3600)
            source.write(b"stays.mkv", age=3600)
            source.gate = asyncio.Event()
            scanning = asyncio.create_task(works.scan())
            await works.rest()
            assert source.looks == [b"grows.mkv"]
            source.write(b"grows.mkv", b"x" * 21, age=3600)

            source.gate.set()
            run = await scanning
            await works.rest()

            assert (run.seen, run.planned, run.settling) == (2, 1, 0)
            assert [path for path in works.target.files if not path.startswith(b".")] == [b"films/stays.mkv"]

    asyncio.run(main())


def test_what_an_edited_task_does_not_want_any_more_is_not_taken_for_an_older_judgement(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            source = works.world.source
            source.write(b"a.mkv", age=3600)
            source.gate = asyncio.Event()
            scanning = asyncio.create_task(works.scan())
            await works.rest()
            assert source.looks == [b"a.mkv"]

            await works.take(tasks=[a_task(filter=Filter(exclude=(b"*.mkv",)))])
            source.gate.set()
            run = await scanning
            await works.rest()

            assert (run.seen, run.planned, run.settling) == (1, 0, 0)
            assert works.target.published == []

    asyncio.run(main())
