"""What goes, what the target is asked for it, and what runs count."""

import asyncio
import errno
from collections.abc import Mapping
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Initial, Rule
from cloudgather.pipeline.planning import Listings
from cloudgather.ports.queue import Origin
from cloudgather.ports.target import Standing, TargetHeld
from fakes.target import an_error
from pipework import Works, a_spec, a_task, working
from queueing import a_version

HELD = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud", root=b"/cloud"))


def files(count: int, folder: bytes = b"") -> list[bytes]:
    return [folder + b"%d.mkv" % number for number in range(count)]


async def ledger(works: Works, *paths: bytes) -> dict[bytes, str]:
    """path -> origin."""
    found = await works.store.real.ledger("films", list(paths))
    return {path: str(entry.origin) for path, entry in found.items()}


def listed(works: Works) -> list[bytes]:
    """The folders that the target was asked for."""
    return [path for step, path in works.target.steps if step == "listing"]


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


def test_a_folder_that_the_one_above_does_not_show_is_not_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/theirs.mkv", b"CONTENT")

            await works.queue(*files(5), *files(5, b"x/"), *files(5, b"x/y/"), *files(5, b"z/"))

            assert listed(works) == [b"films"]
            assert set(await works.states()) == {*files(5), *files(5, b"x/"), *files(5, b"x/y/"), *files(5, b"z/")}

    asyncio.run(main())


def test_where_a_file_has_its_name_no_folder_is_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/x", b"no folder")
            listings = Listings(works.board, works.store)
            assert set(await listings.folder("cloud", b"films", sure=False) or {}) == {b"x"}

            assert await listings.folder("cloud", b"films/x", sure=False) is None

            assert listed(works) == [b"films"]

    asyncio.run(main())


# It may be this one where case is overlooked; and that nothing is shown is evidence of nothing.
@pytest.mark.parametrize("there", [b"films/X/0.mkv", None])
def test_a_folder_that_may_be_there_is_asked_for(tmp_path: Path, there: bytes | None) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.folders.add(b"films")
            if there is not None:
                works.target.put(there, b"CONTENT")

            await works.queue(*files(5), *files(5, b"x/"))

            assert listed(works) == [b"films", b"films/x"]

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


# A change is seen while the version before it is renamed, or just has been: what stands there is ours, and out of date.
@pytest.mark.parametrize("step", ["publish.begin", "publish.end"])
def test_what_changes_while_it_is_sent_is_sent_again_and_not_adopted(tmp_path: Path, step: str) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hang(step)
            await works.queue(b"0.mkv", content=b"before")

            await works.queue(*files(5), content=b"and after")
            assert (await ledger(works, *files(5))) == {}
            works.target.release()
            await works.advance(30)

            assert works.target.files[b"films/0.mkv"].content == b"and after"
            assert works.target.published.count(b"films/0.mkv") <= 2
            assert (await ledger(works, b"0.mkv")) == {b"0.mkv": "sent"}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_what_is_written_while_its_folder_is_listed_is_not_adopted(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:

            class Arriving(Listings):
                async def folder(self, target: str, folder: bytes, *, sure: bool) -> Mapping[bytes, Standing] | None:
                    await works.queue(b"0.mkv", content=b"before")
                    return await super().folder(target, folder, sure=sure)

            listings = Arriving(works.board, works.store)
            found = {path: a_version(size=9) for path in files(5)}
            answer = await works.planner.plan(works.board.tasks["films"], found, listings=listings)

            assert answer.adopt == []
            assert answer.goes[b"0.mkv"].reason.code == Code.GO_CHANGED

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


@pytest.mark.parametrize("held", [False, True])
def test_a_folder_is_asked_for_where_no_copy_would_look_again(tmp_path: Path, held: bool) -> None:
    """Without the rule `missing` a file is let go for good if its folder is taken not to be there."""

    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(rules=frozenset({Rule.SIZE}))]) as works:
            works.target.put(b"films/theirs.mkv", b"old")
            await works.queue(b"0.mkv")  # the folder above is listed, and remembered
            if held:
                works.target.hold = HELD
                await works.queue(b"x/0.mkv")
                works.target.hold = None
            works.target.put(b"films/x/0.mkv", b"old")
            if not held:
                await works.queue(b"x/0.mkv")
            await works.advance(400)

            assert await works.states() == {b"x/0.mkv": "done"}

    asyncio.run(main())


def test_a_folder_that_is_shown_without_the_dot_at_its_end_is_listed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            names = [b"Mr./%d.mkv" % number for number in range(5)]
            for name in names:
                works.target.put(b"films/" + name, b"CONTENT")
            works.target.shown_as = lambda name: name.rstrip(b". ")

            await works.queue(*(b"%d.mkv" % number for number in range(5)), *names)

            assert (await works.store.real.ledger("films", names)).keys() == {*names}
            assert await works.states() == {b"%d.mkv" % number: "done" for number in range(5)}

    asyncio.run(main())


def hiding(works: Works, hidden: bytes) -> None:
    """The target has a folder of this name, which the listing of the one above it does not show."""
    works.target.shown_as = lambda name: b"another" if name == hidden else name


def test_what_is_taken_over_is_looked_for_where_the_folder_above_does_not_show_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(initial=Initial.ADOPT)]) as works:
            for path in (b"0.mkv", b"x/0.mkv"):
                works.target.put(b"films/" + path, b"CONTENT")
            hiding(works, b"x")

            await works.queue(b"0.mkv", b"x/0.mkv")

            assert await ledger(works, b"0.mkv", b"x/0.mkv") == {b"0.mkv": "adopted", b"x/0.mkv": "adopted"}
            assert works.target.orders == []

    asyncio.run(main())


def test_a_dry_run_looks_where_the_folder_above_does_not_show_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            for path in (b"0.mkv", b"x/0.mkv"):
                works.target.put(b"films/" + path, b"CONTENT")
            hiding(works, b"x")
            listings = Listings(works.board, works.store)
            found = {path: a_version(size=7) for path in (b"0.mkv", b"x/0.mkv")}
            state = works.board.tasks["films"]

            answer = await works.planner.plan(state, found, listings=listings, thorough=True)

            assert answer.skips.keys() == found.keys()

    asyncio.run(main())


def test_the_destination_folder_is_asked_for_before_it_is_taken_to_be_gone(tmp_path: Path) -> None:
    """Somebody may have moved it; but a listing that was made before it was there does not tell so."""

    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"first.mkv")
            assert works.board.tasks["films"].base_made
            hiding(works, b"films")
            listings = Listings(works.board, works.store)
            assert await listings.folder("cloud", b"", sure=True) is not None

            found = {path: a_version() for path in files(5, b"x/")}
            answer = await works.planner.plan(works.board.tasks["films"], found, listings=listings)

            assert answer.goes.keys() == found.keys()
            assert listed(works)[-1:] == [b"films"]

    asyncio.run(main())
