"""What a claimed transfer finds at the target and in the source before a byte of it is sent."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm
from cloudgather.core.task import Rule
from cloudgather.core.transfer import Event, Plan
from cloudgather.ports.source import Absent
from pipelooks import arrives, contents, queued
from pipework import a_spec, a_task, working


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


# ---- what stands there already ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "standing", "state", "content"),
    [
        ({Rule.MISSING, Rule.CHANGED}, b"another", "cancelled", b"another"),
        ({Rule.MISSING, Rule.CHANGED}, b"CONTENT", "cancelled", b"CONTENT"),
        ({Rule.MISSING, Rule.SIZE}, b"longer than it", "done", b"content"),
        ({Rule.MISSING, Rule.SIZE}, b"CONTENT", "cancelled", b"CONTENT"),
        ({Rule.MISSING, Rule.NEWER}, b"CONTENT", "done", b"content"),
    ],
)
def test_the_rules_decide_about_what_is_found_at_the_target(
    tmp_path: Path, rules: set[Rule], standing: bytes, state: str, content: bytes
) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(rules=frozenset(rules))]) as works:
            works.target.put(b"films/a.mkv", standing)

            await works.queue(b"a.mkv")

            found = await works.one()
            assert found.state == state
            assert contents(works) == {b"films/a.mkv": content}
            if state == "cancelled":
                assert found.reason is not None
                assert found.reason.code == Code.CANCELLED_STANDING
                await works.scan()  # the ledger remembers: it is not tried again
                await works.rest()
                assert works.target.count("copy.begin") == 1

    run(main())


def test_what_was_sent_to_another_target_replaces_nothing_here(tmp_path: Path) -> None:
    async def main() -> None:
        specs = [a_spec(), a_spec("other")]
        async with working(tmp_path, specs=specs, tasks=[a_task(target="other")]) as works:
            await works.queue(b"a.mkv")
            assert (await works.one()).state == "done"
            works.target.put(b"films/a.mkv", b"theirs")
            await works.take(tasks=[a_task(target="cloud")])

            await works.queue(b"a.mkv", content=b"a later version")

            assert contents(works) == {b"films/a.mkv": b"theirs"}
            assert (await works.one()).state == "cancelled"

    run(main())


def test_what_is_known_of_a_file_that_was_sent_outlives_that_it_is_found_standing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.STORED)]) as works:
            await works.queue(b"a.mkv")
            sent = await works.one()
            plan = Plan(
                task="films",
                path=b"a.mkv",
                target="cloud",
                destination=sent.destination,
                version=sent.version,
                reason=because(Code.GO_RESEND),
                replace=False,
                guessed=False,
            )
            before = await works.store.asked(lambda store: store.ledger("films", [b"a.mkv"]))
            assert (before[b"a.mkv"].strength, before[b"a.mkv"].transfer) == ("stored", sent.id)

            await works.store.asked(lambda store: store.add([plan], now=works.clock.now()))
            works.dispatcher.wake()
            await works.rest()

            ended = await works.one()
            assert (ended.id != sent.id, ended.state) == (True, "cancelled")
            assert await works.store.asked(lambda store: store.ledger("films", [b"a.mkv"])) == before

    run(main())


def test_a_folder_under_its_name_fails_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/a.mkv/inside", b"x")

            await works.queue(b"a.mkv")

            found = await works.one()
            assert found.state == "failed"
            assert found.reason is not None
            assert found.reason.code == Code.FAIL_OCCUPIED

    run(main())


# ---- the source, looked at before the copy ---------------------------------------------------------------------------


def test_a_source_that_changed_meanwhile_goes_as_it_is_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.write(b"a.mkv", b"the next version")
            works.serve()
            await works.rest()

            found = await works.one()
            assert (found.state, found.generation, found.attempts) == ("queued", 2, 0)
            assert works.target.count("copy.begin") == 0
            await works.advance(60)
            await arrives(works, content=b"the next version")

    run(main())


def test_a_writer_that_came_back_is_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.writing.add(b"a.mkv")
            works.serve()
            await works.advance(600)

            found = await works.one()
            assert works.target.count("copy.begin") == 0
            assert found.reason is not None
            assert found.reason.code == Code.WAIT_WRITER
            works.world.source.writing.clear()
            await works.advance(60)
            await arrives(works)

    run(main())


def test_a_control_file_that_came_back_is_waited_for(tmp_path: Path) -> None:
    """aria2 downloads it again: preallocated, its size and mtime may stand still for hours."""

    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.write(b"a.mkv", b"preallocated")
            works.world.source.write(b"a.mkv.aria2", b"")
            works.serve()
            await works.advance(timedelta(hours=1))

            found = await works.one()
            assert works.target.count("copy.begin") == 0
            assert found.reason is not None
            assert found.reason == because(Code.WAIT_CONTROL_FILE, file=b"a.mkv.aria2")
            works.world.source.remove(b"a.mkv.aria2")
            await works.advance(60)
            await arrives(works, content=b"preallocated")

    run(main())


def test_where_nobody_knows_of_writers_a_changed_file_rests_for_two_minutes(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.blind = "file-system"
            works.world.source.write(b"a.mkv", b"the next version")
            works.serve()
            await works.advance(119)
            assert works.target.count("copy.begin") == 0
            await works.advance(1)
            await arrives(works, content=b"the next version")

    run(main())


def test_a_settle_of_nothing_makes_no_busy_loop(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False, tasks=[a_task(settle=timedelta(0))]) as works:
            await queued(works)
            works.world.source.writing.add(b"a.mkv")
            works.serve()
            await works.advance(60)

            assert works.store.calls["move:change"] <= 13

    run(main())


def test_a_deleted_source_vanishes(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.remove(b"a.mkv")
            works.serve()
            await works.rest()

            assert (await works.one()).state == "vanished"

    run(main())


@pytest.mark.parametrize("meanwhile", [None, Absent.SYMLINK])
def test_a_source_that_is_back_before_it_is_recorded_as_vanished_goes(tmp_path: Path, meanwhile: Absent | None) -> None:
    """Whoever sees it meanwhile knows it as under way, and leaves it alone."""

    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.remove(b"a.mkv")
            if meanwhile is not None:
                works.world.source.others[b"a.mkv"] = meanwhile
            seen_again = asyncio.Event()

            async def met(step: str) -> None:
                if step == "move:vanish.begin":
                    works.world.source.others.clear()
                    works.world.source.write(b"a.mkv", age=3600)
                    assert (await works.scan(trigger="watch")).planned == 0
                    seen_again.set()

            works.store.met = met
            works.serve()
            await works.advance(60)

            assert seen_again.is_set()
            assert sorted(str(each.state) for each in await works.transfers()) == ["done", "vanished"]
            await arrives(works)

    run(main())


@pytest.mark.parametrize(
    ("event", "states"),
    [(Event.DEFER, ["done", "vanished"]), (Event.CANCEL, ["vanished"])],
    ids=["paused", "cancelled"],
)
def test_a_source_that_is_back_goes_unless_it_was_cancelled_as_it_was_recorded(
    tmp_path: Path, event: Event, states: list[str]
) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            works.world.source.remove(b"a.mkv")

            async def met(step: str) -> None:
                if step == "move:vanish.begin":
                    works.world.source.write(b"a.mkv", age=3600)
                    await works.scan(trigger="watch")
                if step == "move:vanish.end":
                    works.dispatcher.cancel([*works.lane.moving], event, because(Code.CANCELLED_OPERATOR))
                    await asyncio.sleep(0)  # it is cancelled here

            works.store.met = met
            works.serve()
            await works.advance(60)

            assert sorted(str(each.state) for each in await works.transfers()) == states
            assert len(works.target.published) == states.count("done")

    run(main())


def test_where_a_folder_stands_in_place_of_a_file_nothing_goes_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(watch=False)], serving=False) as works:
            await queued(works)
            works.world.source.remove(b"a.mkv")
            works.world.source.write(b"a.mkv/new.mkv", age=3600)
            works.serve()
            await works.advance(600)

            assert await works.states() == {b"a.mkv": "vanished"}

    run(main())


def test_a_source_whose_disk_is_gone_is_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            source = works.world.source
            file = source.files.pop(b"a.mkv")
            source.lost_disk = 99
            works.serve()
            await works.advance(300)

            found = await works.one()
            assert (found.state, found.attempts) == ("queued", 0)
            assert found.reason is not None
            assert found.reason.code == Code.HELD_SOURCE
            source.files[b"a.mkv"], source.lost_disk = file, None
            await works.advance(60)
            await arrives(works)

    run(main())


def test_a_root_that_is_gone_holds_the_task_and_not_its_target(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task(), a_task("series", source=b"/series", base=b"series")]
        async with working(tmp_path, serving=False, tasks=tasks) as works:
            await queued(works)
            works.world.source.gone()
            works.serve()
            works.errands.start(works.scanner.serve("films", works.dispatcher.wake))
            await works.queue(b"one.mkv", task="series")
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "queued", b"one.mkv": "done"}
            assert works.board.held_tasks() == {"films"}
            works.world.source.unavailable = None
            await works.advance(15)
            assert await works.states() == {b"a.mkv": "done", b"one.mkv": "done"}

    run(main())
