"""What goes, what the target is asked for it, and what runs count."""

import asyncio
import errno
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Filter, Initial, Rule
from cloudgather.ports import Absent, Origin, TargetHeld, TaskMemory
from fakes.target import an_error
from pipework import Works, a_spec, a_task, working

HELD = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud", root=b"/cloud"))


def files(count: int, folder: bytes = b"") -> list[bytes]:
    return [folder + b"%d.mkv" % number for number in range(count)]


async def ledger(works: Works, *paths: bytes) -> dict[bytes, str]:
    """path -> origin."""
    found = await works.store.real.ledger("films", list(paths))
    return {path: str(entry.origin) for path, entry in found.items()}


# ---- asking the target -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "listings"), [(1, 0), (3, 0), (4, 1), (50, 1)])
def test_a_folder_is_listed_only_where_that_is_worth_it(tmp_path: Path, count: int, listings: int) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/0.mkv", b"CONTENT")

            await works.queue(*files(count))

            assert works.target.count("listing") == listings
            found = set(works.target.files)
            assert found == {b"films/" + path for path in files(count)}
            assert works.target.published.count(b"films/0.mkv") == 0
            assert (await ledger(works, b"0.mkv")) == {b"0.mkv": "adopted"}

    asyncio.run(main())


def test_a_rescan_asks_the_target_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(*files(20), *files(20, b"x/"))
            works.target.steps.clear()

            for _ in range(3):
                await works.scan()
                await works.advance(60)

            assert works.target.steps == []
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_an_empty_listing_is_no_evidence_against_what_stands_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/0.mkv", b"theirs, and longer")
            listing = works.target.listing

            async def lies(folder: bytes) -> dict[bytes, object]:
                await listing(folder)
                return {}

            works.target.listing = lies  # type: ignore[method-assign,assignment]  # a cloud that shows nothing
            await works.queue(*files(5))

            assert works.target.files[b"films/0.mkv"].content == b"theirs, and longer"
            assert (await works.one(b"0.mkv")).state == "cancelled"

    asyncio.run(main())


def test_where_it_cannot_be_listed_the_copy_looks(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/0.mkv", b"CONTENT")
            works.target.fail("listing", an_error(errno.EIO, "list"))

            await works.queue(*files(5))

            assert works.target.published == [b"films/" + path for path in files(5)[1:]]

    asyncio.run(main())


@pytest.mark.parametrize("rule", [Rule.SIZE, Rule.NEWER])
def test_a_rule_that_compares_waits_for_the_target(tmp_path: Path, rule: Rule) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(rules=frozenset({rule}))]) as works:
            works.target.put(b"films/0.mkv", b"old")
            works.target.hold = HELD
            await works.queue(*files(2))
            await works.advance(60)
            assert await works.states() == {}

            works.target.hold = None
            await works.advance(301)

            assert await works.states() == {b"0.mkv": "done"}  # the other is missing there, which is no rule

    asyncio.run(main())


def test_a_destination_folder_that_is_gone_holds_the_task_and_is_not_made_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"first.mkv")
            works.target.files.clear()
            works.target.folders = {b""}

            await works.queue(*files(5))
            await works.advance(600)

            assert works.target.files == {}
            assert works.target.folders == {b""}
            found = await works.one(b"0.mkv")
            assert found.state == "queued"
            assert found.reason is not None
            assert found.reason.code == Code.HELD_BASE_GONE
            works.target.folders.add(b"films")
            await works.advance(301)
            assert len(works.target.files) == 5

    asyncio.run(main())


# ---- what the ledger and the queue know ------------------------------------------------------------------------------


def test_another_version_goes_and_replaces_what_was_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv")
            await works.queue(b"a.mkv", content=b"the next version")

            assert works.target.files[b"films/a.mkv"].content == b"the next version"
            assert (await works.one()).plan_reason.code == Code.GO_CHANGED
            assert len(await works.transfers()) == 2

    asyncio.run(main())


def test_what_went_to_another_target_goes_to_this_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(), a_spec("other")]) as works:
            await works.queue(b"a.mkv")
            await works.take(tasks=[a_task(target="other")])
            await works.scan()
            await works.rest()

            assert set(works.world.targets["other"].files) == {b"films/a.mkv"}
            assert set(works.target.files) == {b"films/a.mkv"}

    asyncio.run(main())


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_what_ended_is_bound_until_it_changes(tmp_path: Path, how: str) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            if how == "failed":
                works.target.fail("copy.open", an_error(errno.ENAMETOOLONG, "open"))
                await works.queue(b"a.mkv")
            else:
                works.target.put(b"films/a.mkv", b"theirs")
                await works.queue(b"a.mkv")
                works.target.files.clear()
            assert (await works.one()).state == how
            await works.scan()
            await works.advance(60)
            assert (await works.one()).state == how

            await works.queue(b"a.mkv", content=b"the next version")

            assert (await works.one()).state == "done"

    asyncio.run(main())


def test_by_order_everything_goes_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv")
            works.target.put(b"films/b.mkv", b"theirs")
            await works.queue(b"b.mkv")

            await works.scan(force=True)
            await works.rest()

            assert sorted(works.target.published) == [b"films/a.mkv", b"films/a.mkv", b"films/b.mkv"]
            assert {each.plan_reason.code for each in (await works.transfers())[-2:]} >= {Code.GO_OVERWRITE}

    asyncio.run(main())


# ---- the first scan of a task ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initial", "there", "sent"),
    [
        (Initial.SEND, b"CONTENT", {b"b.mkv"}),
        (Initial.ADOPT, b"CONTENT", {b"b.mkv"}),
        (Initial.ADOPT, b"another size", {b"b.mkv"}),
        (Initial.IGNORE, b"CONTENT", set()),
    ],
)
def test_what_is_there_already(tmp_path: Path, initial: Initial, there: bytes, sent: set[bytes]) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(initial=initial)]) as works:
            works.target.put(b"films/a.mkv", there)

            await works.queue(b"a.mkv", b"b.mkv")

            assert set(works.target.published) == {b"films/" + path for path in sent}
            assert works.target.files[b"films/a.mkv"].content == there
            assert works.board.tasks["films"].memory.initialised
            await works.queue(b"c.mkv")  # what comes later goes
            assert (await works.states())[b"c.mkv"] == "done"
            if initial is Initial.IGNORE:
                assert (await ledger(works, b"a.mkv", b"b.mkv")) == {b"a.mkv": "ignored", b"b.mkv": "ignored"}
                works.target.files.clear()
                await works.queue(b"b.mkv", content=b"the next version")
                assert (await works.states())[b"b.mkv"] == "done"

    asyncio.run(main())


def test_adoption_waits_for_the_target_and_sends_nothing_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(initial=Initial.ADOPT)]) as works:
            works.errands.start(works.scanner.serve("films", works.dispatcher.wake))
            works.target.put(b"films/a.mkv", b"CONTENT")
            works.target.hold = HELD
            works.world.source.write(b"a.mkv", age=3600)
            works.scanner.ask("films", "start")
            await works.advance(30)
            assert not works.board.tasks["films"].memory.initialised

            works.target.hold = None
            await works.advance(90)

            assert await ledger(works, b"a.mkv") == {b"a.mkv": str(Origin.ADOPTED)}
            assert await works.states() == {}
            assert works.board.tasks["films"].memory.initialised

    asyncio.run(main())


# ---- runs ------------------------------------------------------------------------------------------------------------


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
            for path in files(10):
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
            assert (run.seen, run.planned) == (1, 0)
            assert run.ended is not None

    asyncio.run(main())
