"""Ended in the middle by the operator or a reload, and a store that cannot commit."""

import asyncio
import errno
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import Event
from fakes.target import an_error
from pipelooks import arrives, queued
from pipework import a_spec, working


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


# ---- ended by somebody -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Event.CANCEL, Event.DEFER])
def test_ended_before_its_work_has_begun(tmp_path: Path, event: Event) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            ended: list[int] = []

            def end() -> None:
                (id,) = works.lane.moving
                ended.append(works.dispatcher.cancel([id], event, because(Code.CANCELLED_OPERATOR, by="me")))

            async def met(step: str) -> None:
                if step == "claim.end" and not ended:
                    asyncio.get_running_loop().call_soon(end)  # runs when the claim is taken up and nothing more

            works.store.met = met
            await works.queue(b"a.mkv")
            await works.rest()
            found = await works.one()

            assert ended == [1]
            assert found.state == ("cancelled" if event is Event.CANCEL else "done")  # put back, it goes again at once
            assert works.target.count("copy.begin") == (0 if event is Event.CANCEL else 1)

    run(main())


@pytest.mark.parametrize("step", ["copy.begin", "copy.open", "copy.write", "copy.close"])
def test_cancelled_while_it_is_copied(tmp_path: Path, step: str) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hang(step)
            await works.queue(b"a.mkv")
            found = await works.one()
            assert found.state == "copying"

            assert works.dispatcher.cancel([found.id], Event.CANCEL, because(Code.CANCELLED_OPERATOR, by="me")) == 1
            await works.rest()

            assert (await works.one()).state == "cancelled"
            assert works.target.files == {}
            assert await works.debris() == []

    run(main())


@pytest.mark.parametrize("step", ["move:publish.begin", "move:publish.end", "move:write.begin", "move:write.end"])
@pytest.mark.parametrize("event", [Event.CANCEL, Event.DEFER])
def test_ended_while_a_move_is_recorded(tmp_path: Path, step: str, event: Event) -> None:
    """Whether or not the move was committed: the row never stays where nobody works on it."""

    async def main() -> None:
        async with working(tmp_path) as works:
            cancelled: list[int] = []

            async def met(at: str) -> None:
                if at == step and not cancelled:
                    moving = next(iter(works.lane.moving))
                    reason = because(Code.CANCELLED_OPERATOR, by="me")
                    cancelled.append(works.dispatcher.cancel([moving], event, reason))
                    await asyncio.sleep(0)

            works.store.met = met
            await works.queue(b"a.mkv")
            await works.advance(60)

            assert cancelled == [1]
            found = await works.one()
            if event is Event.CANCEL and step == "move:publish.begin":
                assert found.state == "cancelled"
                assert works.target.files == {}
            else:
                await arrives(works)
            assert works.lane.unresolved == set()

    run(main())


@pytest.mark.parametrize("at", ["move:defer.begin", "move:defer.end"])
def test_cancelled_while_its_failure_is_recorded(tmp_path: Path, at: str) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.write", an_error(errno.EIO))
            cancelled: list[int] = []

            async def met(step: str) -> None:
                if step == at and not cancelled:
                    moving = next(iter(works.lane.moving))
                    reason = because(Code.CANCELLED_OPERATOR, by="me")
                    cancelled.append(works.dispatcher.cancel([moving], Event.CANCEL, reason))
                    await asyncio.sleep(0)

            works.store.met = met
            await works.queue(b"a.mkv")
            await works.advance(60)

            assert cancelled == [1]
            assert (await works.one()).state == "cancelled"
            assert works.target.files == {}

    run(main())


def test_a_task_that_was_removed_meanwhile_cancels_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await queued(works)
            del works.board.tasks["films"]
            works.serve()
            await works.rest()

            assert (await works.one()).state == "cancelled"
            assert works.store.calls["claim"] <= 3

    run(main())


# ---- a store that cannot commit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        "claim",
        "add",
        "move:publish",
        "move:write",
        "move:confirm",
        "remember_task",
        "swept",
        "debris",
        "transfer",
        "known",
        "next_due",
        "start_run",
        "note_run",
        "unknown",
    ],
)
@pytest.mark.parametrize("times", [1, 4])
def test_a_store_that_cannot_commit_is_waited_for(tmp_path: Path, step: str, times: int) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.errands.start(works.scanner.serve("films", works.dispatcher.wake))
            works.store.refuse(step, times=times)
            works.world.source.write(b"a.mkv", age=3600)
            if step in ("debris", "swept"):
                works.target.fail("copy.write", an_error(errno.EIO))
            if step == "transfer":
                works.target.fail("publish.begin", an_error(errno.EIO))
            works.scanner.ask("films", "manual")
            await works.advance(600)

            assert works.store.refused[step] == times
            assert works.board.store_hold is None
            await arrives(works)

    run(main())


def test_a_store_that_cannot_commit_at_all_holds_everything_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hang("copy.write")
            await works.queue(b"a.mkv", b"b.mkv")
            works.store.refuse("*", times=10_000)
            works.target.hang("copy.write").set()
            await works.advance(600)

            assert [reason.code for reason in works.board.holds_of_daemon()] == [Code.HELD_STATE_FULL]
            assert works.target.published == []
            works.store.accept()
            await works.advance(10)
            assert works.board.store_hold is None
            await works.advance(30)
            assert await works.states() == {b"a.mkv": "done", b"b.mkv": "done"}
            assert sorted(works.target.published) == [b"films/a.mkv", b"films/b.mkv"]

    run(main())


def test_adoption_waits_for_the_store(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.put(b"films/a.mkv", b"CONTENT")
            works.store.refuse("adopt", times=3)
            works.store.refuse("ledger", times=0)
            await works.queue(b"a.mkv")
            await works.advance(30)

            assert (await works.one()).state == "cancelled"
            assert works.store.refused["adopt"] == 3

    run(main())
