"""Bringing one file over: what each failure at each step leads to, and what is recorded before it is done."""

import asyncio
import errno
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.ports.target import AgentLost, Failed, SourceChanged, SourceGone, Stalled, TargetHeld
from fakes.target import an_error
from pipelooks import arrives
from pipework import a_spec, working

FIRST_RETRY = timedelta(seconds=30)
HELD = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud", root=b"/cloud"))


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def test_a_file_arrives(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv", content=b"0123456789")

            await arrives(works, content=b"0123456789")
            assert await works.events((await works.one()).id) == ["claim", "publish", "write", "confirm"]
            assert works.target.orders[0].terms.durable
            assert works.target.orders[0].terms.make_base
            assert works.board.tasks["films"].memory.base_made

    run(main())


def test_listeners_are_told_of_every_move_and_of_the_state_it_led_to(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            told = works.bus.subscribe(frozenset({"transfer"}))
            await works.queue(b"a.mkv")
            await arrives(works)

            told.close()
            heard = [(each["event"], each["state"], (each["reason"] or {}).get("code")) async for each in told]

            assert [(event, state) for event, state, _ in heard][-3:] == [
                ("publish", "publishing"),
                ("write", "written"),
                ("confirm", "done"),
            ]
            assert [code for _, _, code in heard][-2:] == [Code.DONE_WRITTEN, Code.DONE_UNCONFIRMED]

    run(main())


def test_nothing_is_renamed_before_its_row_is_committed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            order: list[str] = []

            async def committed(step: str) -> None:
                if step in ("claim.end", "move:publish.end", "move:write.end"):
                    order.append(step)

            async def met(step: str, path: bytes) -> None:
                if step in ("copy.begin", "copy.close", "publish.begin", "publish.end"):
                    order.append(step)

            works.store.met, works.target.met = committed, met
            await works.queue(b"a.mkv")

            # A claim that finds nothing may come before or after.
            assert [step for step in order if step != "claim.end"] == [
                "copy.begin",
                "copy.close",
                "move:publish.end",
                "publish.begin",
                "publish.end",
                "move:write.end",
            ]
            assert order[0] == "claim.end"

    run(main())


@pytest.mark.parametrize("step", ["copy.begin", "copy.open", "copy.write", "copy.close"])
@pytest.mark.parametrize(
    ("error", "state", "code", "attempts", "after", "breaker"),
    [
        (an_error(errno.EIO), "queued", Code.FAIL_IO, 1, FIRST_RETRY, 1),
        (an_error(errno.EACCES), "queued", Code.FAIL_DENIED, 1, FIRST_RETRY, 1),
        (an_error(errno.ENOSPC), "queued", Code.FAIL_FULL, 0, timedelta(0), 1),
        (an_error(errno.ENOTCONN), "queued", Code.FAIL_MOUNT, 0, timedelta(0), 1),
        (an_error(errno.ENAMETOOLONG, "open"), "failed", Code.FAIL_NAME, 1, None, 0),
        (an_error(errno.EINVAL, "create"), "failed", Code.FAIL_NAME, 1, None, 0),
        (an_error(errno.EFBIG), "failed", Code.FAIL_TOO_LARGE, 1, None, 0),
        (an_error(errno.EIO, "read", "source"), "queued", Code.FAIL_SOURCE_READ, 1, FIRST_RETRY, 0),
        (an_error(errno.EACCES, "open", "source"), "failed", Code.FAIL_SOURCE_DENIED, 1, None, 0),
        (
            Failed(errno=None, step="length", side="target", message="short"),
            "queued",
            Code.FAIL_LENGTH,
            1,
            FIRST_RETRY,
            1,
        ),
        (
            Stalled(errno=None, step="write", side="target", message="no answer", limit=120),
            "queued",
            Code.FAIL_TIMEOUT,
            1,
            FIRST_RETRY,
            1,
        ),
        (
            Stalled(errno=None, step="open", side="source", message="no answer", limit=30),
            "queued",
            Code.HELD_SOURCE,
            0,
            timedelta(seconds=60),
            0,
        ),
        (
            AgentLost(errno=None, step="write", side="target", message="it died"),
            "queued",
            Code.FAIL_AGENT,
            1,
            FIRST_RETRY,
            1,
        ),
        (HELD, "queued", Code.HELD_NOT_MOUNTED, 0, timedelta(0), 0),
        (
            TargetHeld(because(Code.HELD_BASE_GONE, target="cloud", folder=b"films")),
            "queued",
            Code.HELD_BASE_GONE,
            0,
            timedelta(minutes=5),
            0,
        ),
        (SourceChanged(), "queued", Code.RETRY_CHANGED, 0, timedelta(seconds=60), 0),
        # A look still shows it.
        (SourceGone(), "queued", Code.FAIL_SOURCE_READ, 1, FIRST_RETRY, 0),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else type(value).__name__,
)
def test_what_each_failure_of_a_copy_leads_to(
    tmp_path: Path,
    step: str,
    error: Exception,
    state: str,
    code: str,
    attempts: int,
    after: timedelta | None,
    breaker: int,
) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail(step, error)
            ended = asyncio.Event()

            async def met(at: str) -> None:
                """After the move that the failure leads to, time stands still for the looks below."""
                if at.endswith(".end") and at.startswith(("move:defer", "move:give-up", "move:change", "move:vanish")):
                    ended.set()
                    works.board.queue_paused = True

            works.store.met = met
            await works.queue(b"a.mkv")
            found = await works.one()

            assert ended.is_set()
            assert (found.state, found.attempts) == (state, attempts)
            assert found.reason is not None
            assert found.reason.code == code
            if after is not None:
                due = found.due or works.clock.now()
                assert due - works.clock.now() == after
            assert works.lane.breaker.failures == breaker
            assert works.target.published == []
            assert works.target.temporaries() == set()
            works.board.queue_paused = False
            works.dispatcher.wake()
            await works.advance(30)
            assert await works.debris() == []

    run(main())


def test_a_source_that_goes_while_it_is_copied_vanishes(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:

            async def met(at: str, path: bytes) -> None:
                if at == "copy.open":
                    works.world.source.remove(b"a.mkv")

            works.target.met = met
            works.target.fail("copy.write", SourceGone())
            await works.queue(b"a.mkv")
            await works.advance(30)

            found = await works.one()
            assert (found.state, found.attempts, found.reason) == ("vanished", 0, because(Code.GONE_SOURCE))
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    run(main())


def test_a_source_that_a_look_shows_and_an_open_does_not_is_given_up_in_the_end(tmp_path: Path) -> None:
    """A mount that shows what it remembers: nobody is asked for it again and again for ever."""

    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail("copy.begin", SourceGone(), times=1000)
            await works.queue(b"a.mkv")
            await works.advance(timedelta(days=3))

            (found,) = await works.transfers()
            assert (found.state, found.attempts) == ("failed", works.lane.spec.attempts)

    run(main())


@pytest.mark.parametrize(
    ("error", "within"),
    [
        (an_error(errno.EIO), timedelta(seconds=30)),
        (an_error(errno.ENOSPC), timedelta(seconds=30)),
        (SourceChanged(), timedelta(seconds=60)),
        (Stalled(errno=None, step="open", side="source", message="no answer", limit=30), timedelta(seconds=75)),
    ],
    ids=["transient", "target-wide", "changed", "source stalled"],
)
def test_what_waits_goes_as_soon_as_it_may(tmp_path: Path, error: Exception, within: timedelta) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.errands.start(works.scanner.serve("films", works.dispatcher.wake))
            works.target.fail("copy.write", error)
            await works.queue(b"a.mkv")
            assert (await works.one()).state == "queued"

            await works.advance(within)

            await arrives(works)

    run(main())


def test_attempts_are_spent_and_then_it_fails(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(attempts=3)]) as works:
            works.target.fail("copy.write", an_error(errno.EIO), times=99)

            await works.queue(b"a.mkv")
            await works.advance(30)
            assert (await works.one()).attempts == 2
            await works.advance(60)

            found = await works.one()
            assert (found.state, found.attempts) == ("failed", 3)
            await works.scan()
            await works.advance(3600)
            assert works.target.count("copy.begin") == 3  # a version that failed is passed over

    run(main())


# ---- the rename ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["publish.begin", "publish.rename", "publish.end"])
@pytest.mark.parametrize(
    "error",
    [
        an_error(errno.EIO, "rename"),
        AgentLost(errno=None, step="rename", side="target", message="it died"),
        Stalled(errno=None, step="rename", side="target", message="no answer", limit=600),
        HELD,
    ],
    ids=["errno", "agent lost", "stalled", "held"],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_rename_that_fails_or_only_says_so_is_looked_into(
    tmp_path: Path, step: str, error: Exception, times: int
) -> None:
    """Twice: recovery's own rename fails as well, or has happened though it was told that it has not."""

    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.fail(step, error, times=times)

            await works.queue(b"a.mkv")
            await works.advance(120)

            await arrives(works)

    run(main())


def test_a_rename_that_never_works_spends_attempts(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(attempts=3)]) as works:
            works.target.fail("publish.rename", an_error(errno.EACCES, "rename"), times=99)

            await works.queue(b"a.mkv")
            await works.advance(timedelta(hours=4))

            found = await works.one()
            assert (found.state, found.attempts) == ("failed", 3)
            assert works.target.temporaries() == set()
            assert await works.debris() == []

    run(main())
