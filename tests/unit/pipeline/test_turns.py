"""A full batch is copied while the next waits for its turn: what may befall that meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import time, timedelta
from errno import EIO
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.task import Window
from cloudgather.core.transfer import Event, State
from cloudgather.ports.target import TargetHeld
from fakes.target import an_error
from pipework import Works, a_disk, working

NAMES = [b"%d.mkv" % number for number in range(5)]
NOT_FROM_TEN_TO_TWENTY_PAST = Window(begin=time(12, 20), end=time(12, 10))  # the clock begins at noon


@asynccontextmanager
async def one_waiting(folder: Path, **changes: Any) -> AsyncIterator[Works]:
    """256 files hang in being copied to a disk, and 44 wait for their turn."""
    async with working(folder, specs=[a_disk(**changes)], serving=False) as works:
        await works.queue(*[b"%d.mkv" % number for number in range(300)])
        works.target.hang("copy.write")
        works.serve()
        await works.rest()
        assert set((await works.states()).values()) == {"copying"}
        yield works


@asynccontextmanager
async def many_hanging(folder: Path, step: str) -> AsyncIterator[Works]:
    """1056 files, all that reaches this step hangs there. Three batches are copied if it comes after that."""
    async with working(folder, specs=[a_disk()], serving=False) as works:
        await works.queue(*[b"%04d.mkv" % number for number in range(1056)])
        works.target.hang(step)
        works.serve()
        await works.rest()
        assert works.target.count("copy.begin") == (1 if step == "copy.write" else 768)
        yield works


async def all_arrive_once(works: Works) -> None:
    """Let time pass until they have."""
    await works.advance(3600)
    assert set((await works.states()).values()) == {"done"}
    assert max(Counter(works.target.published).values()) == 1
    assert works.target.temporaries() == set()
    assert await works.debris() == []
    assert works.lane.unresolved == set()


def test_two_batches_are_published_while_the_next_is_copied_and_no_fourth_one_is(tmp_path: Path) -> None:
    """That one is claimed by then, so that the agent need not wait for it, and nothing after it."""

    async def main() -> None:
        async with many_hanging(tmp_path, "publish.begin") as works:
            assert Counter((await works.states()).values()) == {"publishing": 768, "copying": 256, "queued": 32}
            works.target.release()
            await all_arrive_once(works)

    asyncio.run(main())


@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize(("step", "state"), [("barrier", "copying"), ("publish.rename", "publishing")])
def test_a_daemon_that_ends_with_three_batches_copied_loses_and_repeats_nothing(
    tmp_path: Path, step: str, state: str, killed: bool
) -> None:
    async def main() -> None:
        async with many_hanging(tmp_path, step) as works:
            assert Counter((await works.states()).values())[state] >= 768

            await (works.die() if killed else works.stop())
            works.target.release()
            after = works.world.new_works(specs=[a_disk()])
            await after.start()

            await all_arrive_once(after)

    asyncio.run(main())


def test_one_of_a_copied_batch_that_waits_to_be_recorded_is_cancelled_and_the_others_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with many_hanging(tmp_path, "barrier") as works:
            ones = (await works.transfers())[100:768:256]

            reason = because(Code.CANCELLED_OPERATOR, by="me")
            assert works.dispatcher.cancel([one.id for one in ones], Event.CANCEL, reason) == 3
            works.target.release()
            await works.advance(60)

            found = await works.states()
            assert {found.pop(one.path) for one in ones} == {"cancelled"}
            assert set(found.values()) == {"done"}
            assert len(works.target.files) == 1053
            assert await works.debris() == []

    asyncio.run(main())


@pytest.mark.parametrize("step", ["barrier", "publish.begin"])
@pytest.mark.parametrize("error", [an_error(EIO, "rename"), TargetHeld(because(Code.HELD_MOUNT_DEAD, target="cloud"))])
def test_a_batch_whose_publication_fails_costs_those_behind_it_nothing(
    tmp_path: Path, step: str, error: Exception
) -> None:
    async def main() -> None:
        async with many_hanging(tmp_path, step) as works:
            path = b"films/0000.mkv"
            works.target.fail(step, error, path=path if step == "publish.begin" else None)
            works.target.release()
            await all_arrive_once(works)

            again = "copy.begin" if step == "barrier" else "publish.begin"
            assert works.target.steps.count((again, path)) == 2
            assert {(each.tries, each.attempts) for each in (await works.transfers())[256:768]} == {(1, 0)}

    asyncio.run(main())


def test_what_comes_after_a_batch_that_is_not_full_is_not_claimed_before(tmp_path: Path) -> None:
    """What is put first meanwhile goes first; and larger batches are cheaper."""

    async def main() -> None:
        async with working(tmp_path, specs=[a_disk()], serving=False) as works:
            await works.queue(*NAMES)
            works.target.hang("copy.write")
            works.serve()
            await works.rest()
            await works.queue(b"later.mkv")

            assert Counter((await works.states()).values()) == {"copying": 5, "queued": 1}
            works.target.release()
            await works.rest()
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_what_comes_after_a_full_batch_is_claimed_also_where_a_smaller_one_is_copied_beside_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_disk(parallel=2)], serving=False) as works:
            await works.queue(*[b"%d.mkv" % number for number in range(260)])
            works.target.hang("copy.write")
            works.serve()
            await works.rest()
            await works.queue(b"later.mkv")

            assert Counter((await works.states()).values()) == {"copying": 261}
            works.target.release()
            await works.rest()
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


@pytest.mark.parametrize("step", ["copy.write", "publish.begin"])
def test_a_pause_puts_back_what_was_claimed_and_waits_for_its_turn(tmp_path: Path, step: str) -> None:
    async def main() -> None:
        async with many_hanging(tmp_path, step) as works:
            waiting = {each.path for each in (await works.transfers(states=frozenset({State.COPYING})))[-256:]}
            assert len(waiting) == 256

            works.board.queue_paused = True
            works.dispatcher.cancel(list(works.lane.moving), Event.DEFER, because(Code.HELD_QUEUE_PAUSED))
            await works.rest()

            found = await works.states()
            assert {found[path] for path in waiting} == {"queued"}
            works.target.release()
            await works.rest()
            assert not waiting & {path.removeprefix(b"films/") for at, path in works.target.steps if at == "copy.begin"}
            works.board.queue_paused = False
            works.dispatcher.wake()
            await works.rest()
            assert set((await works.states()).values()) == {"done"}
            assert max(Counter(works.target.published).values()) == 1
            assert works.target.temporaries() == set()

    asyncio.run(main())


@pytest.mark.parametrize("held", ["queue", "target", "task", "window"])
def test_what_waits_for_its_turn_does_not_begin_under_a_hold_that_came_meanwhile(tmp_path: Path, held: str) -> None:
    async def hold(works: Works, paused: bool) -> None:
        match held:
            case "queue":
                works.board.queue_paused = paused
            case "target":
                await works.remember(paused=paused)
            case "task":
                task = works.board.tasks["films"]
                task.memory = replace(task.memory, paused=paused)
            case _:
                await works.advance(timedelta(minutes=11))

    async def main() -> None:
        async with one_waiting(tmp_path, upload_window=NOT_FROM_TEN_TO_TWENTY_PAST) as works:
            await hold(works, True)
            works.target.release()
            await works.rest()

            assert Counter((await works.states()).values()) == {"done": 256, "queued": 44}
            assert works.target.count("copy.begin") == 256
            assert await works.debris() == []
            await hold(works, False)
            works.dispatcher.wake()
            await works.rest()
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_what_waits_for_its_turn_does_not_go_to_the_root_that_its_target_had(tmp_path: Path) -> None:
    async def main() -> None:
        async with one_waiting(tmp_path) as works:
            waits = (await works.transfers())[-1].id

            await works.take(specs=[a_disk(root=b"/another")])
            works.target.release()
            await works.rest()

            assert await works.events(waits) == ["claim", "defer", "claim", "publish", "write", "confirm"]
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_what_waits_for_its_turn_says_so_until_it_is_copied(tmp_path: Path) -> None:
    async def main() -> None:
        async with one_waiting(tmp_path) as works:
            being_copied, *_, waits = await works.transfers()

            assert works.board.not_begun(waits) == (because(Code.HELD_TURN),)
            assert works.board.not_begun(being_copied) == ()
            works.target.release()
            works.target.hang("barrier")
            await works.rest()
            assert set((await works.states()).values()) == {"copying"}
            assert works.target.count("copy.begin") == 300
            assert works.board.not_begun(waits) == ()

    asyncio.run(main())


def test_one_that_waits_for_its_turn_is_cancelled_at_once_and_the_others_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with one_waiting(tmp_path) as works:
            one = (await works.transfers())[-1]

            assert works.dispatcher.cancel([one.id], Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="me")) == 1
            await works.rest()

            assert Counter((await works.states()).values()) == {"copying": 299, "cancelled": 1}
            assert works.board.moving(one.id) is None
            assert await works.debris() == []
            works.target.release()
            await works.rest()

            found = await works.states()
            assert found.pop(one.path) == "cancelled"
            assert set(found.values()) == {"done"}
            assert b"films/" + one.path not in works.target.files
            assert works.target.count("copy.begin") == 299

    asyncio.run(main())


def test_what_waits_for_its_turn_is_put_back_at_once_when_its_target_leaves(tmp_path: Path) -> None:
    async def main() -> None:
        async with one_waiting(tmp_path) as works:
            await works.take(specs=[])
            works.serve()
            await works.rest()

            assert set((await works.states()).values()) == {"queued"}
            assert works.store.calls["move:defer"] == 2

    asyncio.run(main())


def test_what_waits_for_its_turn_does_not_go_to_a_target_that_fell_ill_meanwhile(tmp_path: Path) -> None:
    async def main() -> None:
        async with one_waiting(tmp_path) as works:
            held = TargetHeld(because(Code.HELD_MOUNT_DEAD, target="cloud"))
            works.target.fail("copy.close", held, path=b"films/0.mkv")
            works.target.fail("probe", held, times=1000)
            works.target.release()
            await works.rest()

            assert set((await works.states()).values()) == {"queued"}
            assert works.target.count("copy.begin") == 256
            assert [await works.events(each.id) for each in (await works.transfers())[256:]] == [
                ["claim", "defer"]
            ] * 44

    asyncio.run(main())
