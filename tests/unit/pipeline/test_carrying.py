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
from cloudgather.core.target import Confirm
from cloudgather.core.task import Rule
from cloudgather.core.transfer import Event
from cloudgather.ports import AgentLost, Failed, SourceChanged, SourceGone, Stalled, TargetHeld
from fakes.target import an_error
from pipework import Works, a_spec, a_task, working

FIRST_RETRY = timedelta(seconds=30)
HELD = TargetHeld(because(Code.HELD_NOT_MOUNTED, target="cloud", root=b"/cloud"))


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def contents(works: Works) -> dict[bytes, bytes]:
    """Everything at the target."""
    return {path: file.content for path, file in works.target.files.items()}


async def arrives(works: Works, path: bytes = b"a.mkv", content: bytes = b"content") -> None:
    """It stands there once and whole, its transfer is done, and nothing is left behind."""
    assert (await works.one(path)).state == "done"
    assert contents(works) == {b"films/" + path: content}
    assert works.target.published == [b"films/" + path]
    assert await works.debris() == []


def test_a_file_arrives(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv", content=b"0123456789")

            await arrives(works, content=b"0123456789")
            assert await works.events((await works.one()).id) == ["claim", "publish", "write", "confirm"]
            assert works.target.orders[0].durable
            assert works.target.orders[0].make_base
            assert works.board.tasks["films"].memory.base_made

    run(main())


def test_nothing_is_renamed_before_its_row_is_committed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            order: list[str] = []

            async def committed(step: str) -> None:
                if step in ("claim.end", "move:publish.end", "move:confirm+write.end"):
                    order.append(step)

            async def met(step: str, path: bytes) -> None:
                if step in ("copy.begin", "copy.close", "publish.begin", "publish.end"):
                    order.append(step)

            works.store.met, works.target.met = committed, met
            await works.queue(b"a.mkv")

            assert order == [
                "claim.end",
                "copy.begin",
                "copy.close",
                "move:publish.end",
                "publish.begin",
                "publish.end",
                "move:confirm+write.end",
            ]

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
        (SourceGone(), "vanished", Code.GONE_SOURCE, 0, None, 0),
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


async def queued(works: Works) -> None:
    """a.mkv is queued and its target not served yet."""
    await works.queue(b"a.mkv")
    assert (await works.one()).state == "queued"


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


# ---- ended by somebody -----------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "step", ["move:publish.begin", "move:publish.end", "move:confirm+write.begin", "move:confirm+write.end"]
)
@pytest.mark.parametrize("event", [Event.CANCEL, Event.DEFER])
def test_ended_while_a_move_is_recorded(tmp_path: Path, step: str, event: Event) -> None:
    """Whether or not the move was committed: the row never stays where nobody works on it."""

    async def main() -> None:
        async with working(tmp_path) as works:
            cancelled = []

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
            cancelled = []

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
        "ledger",
        "next_due",
        "start_run",
        "note_run",
        "live",
        "bound",
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
