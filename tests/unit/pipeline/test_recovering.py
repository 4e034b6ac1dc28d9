"""What a crash left half done: judged, finished or undone, and cleared away."""

import asyncio
import errno
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm, Kind, Profile
from cloudgather.core.transfer import Event, Sent, State, Transfer
from cloudgather.pipeline.recover import Found, judge
from cloudgather.ports.queue import QueueStore
from cloudgather.ports.target import Standing, TargetHeld
from fakes.target import an_error
from pipework import a_spec, a_world, working
from queueing import NOW, a_move, a_plan, a_sent, claimed, moved_on, running_store
from unit.pipeline.interrupted import left_in_publishing

OURS, OTHER = Standing(size=100, mtime_ns=1_000), Standing(size=7, mtime_ns=5)
FOLDER = Standing(size=100, mtime_ns=1_000, is_file=False)
REPLACED = a_sent(standing=(100, 500))


@pytest.mark.parametrize(
    ("sent", "temporary", "final", "found"),
    [
        # the temporary is whole
        (a_sent(), OURS, None, Found.WHOLE),
        (a_sent(), OURS, OURS, Found.WHOLE),
        (a_sent(standing=(7, 5)), OURS, OTHER, Found.WHOLE),
        # a torn one counts as none
        (a_sent(), Standing(size=99, mtime_ns=1_000), None, Found.LOST),
        (a_sent(), Standing(size=99, mtime_ns=1_000), OURS, Found.PUBLISHED),
        # it is gone
        (a_sent(), None, None, Found.LOST),
        (a_sent(), None, OTHER, Found.LOST),
        (a_sent(), None, FOLDER, Found.LOST),
        (a_sent(), None, OURS, Found.PUBLISHED),
        (a_sent(mtime_ns=None), None, Standing(size=100, mtime_ns=77), Found.PUBLISHED),
        # a file of the same size stood there before
        (REPLACED, None, OURS, Found.PUBLISHED),
        (REPLACED, None, Standing(size=100, mtime_ns=500), Found.PERHAPS),
        (REPLACED, None, Standing(size=100, mtime_ns=77), Found.PERHAPS),
        (a_sent(standing=(100, 1_000)), None, OURS, Found.PERHAPS),
        (a_sent(mtime_ns=None, standing=(100, 500)), None, OURS, Found.PERHAPS),
        # nothing was recorded
        (None, OURS, None, Found.LOST),
    ],
)
def test_what_a_look_says(
    tmp_path: Path, sent: Sent | None, temporary: Standing | None, final: Standing | None, found: Found
) -> None:
    with running_store(str(tmp_path)) as (store, do):
        do(store.add([a_plan()], now=NOW))
        transfer = do(claimed(store))

        assert judge(transfer._replace(sent=sent), temporary, final) is found


def test_what_an_agent_may_still_rename_is_left_alone_until_it_has_died(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await left_in_publishing(world)
            temporary = (await works.one()).temporary
            assert temporary is not None
            works.acting.add(temporary)
            works.serve()
            await works.advance(600)

            assert (await works.one()).state == "publishing"
            assert works.target.published == []
            assert len(works.target.temporaries()) == 1
            works.acting.clear()
            await works.advance(30)
            assert (await works.one()).state == "done"
            assert works.target.published == [b"films/a.mkv"]

    asyncio.run(main())


def test_a_temporary_that_an_agent_may_still_write_is_swept_once_it_has_died(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            works.target.killed = True  # the temporary stays

            async def met(step: str, path: bytes) -> None:
                temporary = (await works.one()).temporary
                if step == "copy.open" and temporary is not None:
                    works.acting.add(temporary)

            works.target.met = met
            await works.queue(b"a.mkv")
            works.target.met = world_goes_on
            await works.advance(60)

            (left,) = works.target.temporaries()
            assert await works.debris() == [left]
            works.acting.clear()
            await works.advance(30)
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    asyncio.run(main())


async def world_goes_on(step: str, path: bytes) -> None:
    """Nothing happens."""


@pytest.mark.parametrize("back_by", ["time", "the mount"])
def test_a_temporary_that_the_target_does_not_let_go_is_tried_again(tmp_path: Path, back_by: str) -> None:
    """Now and then, or at once when something was mounted; and nothing else has to go wrong for that."""

    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            works.target.killed = True  # the temporary stays
            works.target.fail("sweep.unlink", an_error(errno.EDQUOT), times=1000)
            await works.queue(b"a.mkv")
            await works.advance(600)
            assert (await works.one()).state == "done"
            assert len(works.target.temporaries()) == 1
            assert 9 <= works.target.count("sweep") <= 11

            works.target.mend()
            if back_by == "time":
                await works.advance(90)
            else:
                works.dispatcher.mounts_changed()
                await works.advance(1)

            assert works.target.temporaries() == set()
            assert await works.debris() == []
            assert not works.lane.littered

    asyncio.run(main())


def test_only_what_is_listed_as_debris_is_swept(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            theirs = b"films/.cg-00000000-0000000001-000001.part~"
            works.target.put(theirs, b"another daemon's")
            works.target.fail("copy.write", an_error(errno.EIO), times=2)
            await works.queue(b"a.mkv", b"b.mkv")
            await works.advance(300)

            assert set(works.target.files) == {theirs, b"films/a.mkv", b"films/b.mkv"}
            swept = {path for step, path in works.target.steps if step == "sweep"}
            assert theirs not in swept

    asyncio.run(main())


def test_a_target_that_is_held_at_start_is_recovered_when_it_is_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await left_in_publishing(world, renamed=True)
            works.target.hold = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud"))
            works.serve()
            await works.advance(300)
            assert (await works.one()).state == "publishing"

            works.target.hold = None
            await works.advance(15)

            assert (await works.one()).state == "done"
            assert works.target.published == [b"films/a.mkv"]

    asyncio.run(main())


def test_one_that_cannot_be_looked_at_keeps_no_other_from_being_finished(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(parallel=2)]) as works:
            for path in (b"films/a.mkv", b"films/b.mkv"):
                works.target.fail("publish.begin", an_error(errno.EIO), path=path)
            works.target.fail("look", an_error(errno.EIO), times=1000, path=b"films/a.mkv")
            await works.queue(b"a.mkv", b"b.mkv")
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "publishing", b"b.mkv": "done"}
            works.target.mend()
            await works.advance(30)
            assert await works.states() == {b"a.mkv": "done", b"b.mkv": "done"}

    asyncio.run(main())


def test_a_file_that_came_to_stand_there_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await left_in_publishing(world)
            works.target.put(b"films/a.mkv", b"somebody else's")
            works.serve()
            await works.advance(600)

            assert works.target.files[b"films/a.mkv"].content == b"somebody else's"
            assert works.target.temporaries() == set()
            assert (await works.one()).state == "cancelled"

    asyncio.run(main())


def test_a_file_that_came_to_stand_there_between_copy_and_rename_is_not_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(kind=Kind.DIRECTORY, profile=Profile.DISK)]) as works:

            async def rival(step: str) -> None:
                if step == "move:publish.end":
                    works.target.put(b"films/b.mkv", b"somebody else's")

            works.store.met = rival
            await works.queue(b"a.mkv", b"b.mkv")
            await works.advance(600)

            assert works.target.files[b"films/b.mkv"].content == b"somebody else's"
            assert works.target.temporaries() == set()
            assert await works.states() == {b"a.mkv": "done", b"b.mkv": "cancelled"}

    asyncio.run(main())


def test_on_a_plain_disk_a_rename_is_made_durable_before_it_counts_as_stored(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await left_in_publishing(world, renamed=True, confirm=Confirm.STORED)
            works.target.fail("barrier", an_error(errno.EIO, "syncfs"), times=2)
            works.serve()
            await works.rest()
            assert (await works.one()).state == "publishing"

            await works.advance(120)

            assert works.target.count("barrier") == 3
            assert (await works.one()).state == "done"

    asyncio.run(main())


@pytest.mark.parametrize("kind", Kind)
def test_a_rename_that_was_found_is_recorded_once_a_power_cut_cannot_undo_it(tmp_path: Path, kind: Kind) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await left_in_publishing(world, renamed=True, kind=kind)
            assert works.target.forgotten == {b"films/a.mkv"}
            forgotten: list[set[bytes]] = []

            async def committed(step: str) -> None:
                if step == "move:write.begin":
                    forgotten.append(works.target.forgotten)

            works.store.met = committed
            works.serve()
            await works.advance(60)

            assert forgotten == [set()]
            assert (await works.one()).state == "done"

    asyncio.run(main())


def test_a_bug_in_carrying_fails_the_copy_and_finds_out_about_the_rename(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.write", RuntimeError("a bug"))
            await works.queue(b"a.mkv")
            found = await works.one()
            assert found.state == "failed"
            assert found.reason == because(Code.FAIL_INTERNAL)

            works.target.fail("publish.end", RuntimeError("a bug"))
            await works.queue(b"b.mkv")
            await works.advance(60)

            assert (await works.one(b"b.mkv")).state == "done"
            assert works.target.published == [b"films/b.mkv"]
            assert works.target.temporaries() == set()

    asyncio.run(main())


def test_a_bug_in_a_batch_costs_none_that_another_batch_has_by_now(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await works.queue(b"a.mkv", b"b.mkv")

            async def claims(store: QueueStore) -> list[Transfer]:
                return [await claimed(store, now=works.clock.now()) for _ in range(2)]

            first = await works.store.asked(claims)
            defer = a_move(first[0], Event.DEFER, reason=because(Code.RETRY_INTERRUPTED))
            await works.store.asked(lambda store: store.move([defer], now=works.clock.now()))
            again = await works.store.asked(lambda store: claimed(store, now=works.clock.now()))
            assert (again.id, again.tries) == (first[0].id, first[0].tries + 1)

            await works.recovery.after_a_bug(works.lane, first)

            assert await works.states() == {first[0].path: "copying", first[1].path: "failed"}

    asyncio.run(main())


def test_what_an_earlier_life_left_in_copying_is_put_back(tmp_path: Path) -> None:
    with running_store(str(tmp_path / "state")) as (store, do):
        do(store.add([a_plan(b"a.mkv"), a_plan(b"b.mkv")], now=NOW))
        do(moved_on(store, do(claimed(store))))

    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start(serving=False)

            assert {each.state for each in await works.transfers()} == {State.QUEUED}
            assert works.lane.littered

    asyncio.run(main())
