"""Confirmation: what was never shown, and targets that rest."""

import asyncio
import errno
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm
from cloudgather.core.transfer import State
from cloudgather.ports.queue import Chosen
from cloudgather.ports.target import Failed, Stalled
from fakes.target import an_error
from pipework import Works, a_spec, a_task, working

HUNG = Stalled(errno=None, step="stat", side="target", message="no answer", limit=30)


def cuts(works: Works, *, only: bytes = b"") -> None:
    """What is published from now on, and has `only` in its path, loses its end at once."""

    async def met(step: str, path: bytes) -> None:
        if step == "publish.end" and only in path:
            works.target.put(path, b"cut")

    works.target.met = met


def cuts_nothing_more(works: Works) -> None:
    async def met(step: str, path: bytes) -> None:
        pass

    works.target.met = met


def test_what_the_target_never_showed_can_be_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            cuts(works)
            await works.queue(b"a.mkv", content=b"whole content")
            await works.advance(1200)
            assert await works.states() == {b"a.mkv": "failed"}

            cuts_nothing_more(works)
            await works.store.requeue(Chosen(states=frozenset({State.FAILED})), now=works.clock.now())
            works.dispatcher.wake()
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "done"}
            assert works.target.files[b"films/a.mkv"].content == b"whole content"

    asyncio.run(main())


def test_a_folder_under_the_name_of_an_empty_file_is_not_that_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:

            async def replaced(step: str, path: bytes) -> None:
                if step == "look" and works.target.files.pop(path, None) is not None:
                    works.target.folders.add(path)

            works.target.met = replaced
            await works.queue(b"a.mkv", content=b"")
            await works.advance(1200)

            assert b"films/a.mkv" in works.target.folders
            assert await works.states() == {b"a.mkv": "failed"}

    asyncio.run(main())


def test_a_target_that_rests_is_not_looked_at(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000)
            await works.queue(b"a.mkv")
            await works.advance(60)
            assert await works.states() == {b"a.mkv": "written"}
            works.lane.breaker = works.lane.breaker.__class__(
                opened=1, until=works.clock.now() + timedelta(hours=1), reason=because(Code.FAIL_IO)
            )
            works.target.steps.clear()

            works.confirmer.offer(works.lane)
            await works.advance(600)

            assert works.target.count("look") == 0
            works.target.mend()
            await works.advance(timedelta(hours=1))
            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_target_that_was_away_for_long_is_given_time_to_show_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000)
            await works.queue(b"a.mkv")
            await works.advance(3600)
            works.target.mend()
            standing = works.target.files.pop(b"films/a.mkv")
            await works.advance(120)
            assert await works.states() == {b"a.mkv": "written"}
            works.target.files[b"films/a.mkv"] = standing
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_target_that_hangs_keeps_no_other_from_being_confirmed(tmp_path: Path) -> None:
    async def main() -> None:
        tasks = [a_task("one", source=b"/one"), a_task("two", source=b"/two", target="disk")]
        specs = [a_spec(confirm=Confirm.SEEN), a_spec("disk", confirm=Confirm.SEEN)]
        async with working(tmp_path, tasks=tasks, specs=specs) as works:
            works.world.targets["cloud"].hang("look")
            await works.queue(b"a.mkv", task="one")
            await works.queue(b"b.mkv", task="two")
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "written", b"b.mkv": "done"}

    asyncio.run(main())


@pytest.mark.parametrize("confirm", [Confirm.NONE, Confirm.STORED])
def test_what_is_written_is_done_as_the_target_proves_things_now(tmp_path: Path, confirm: Confirm) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000)
            await works.queue(b"a.mkv")
            works.target.steps.clear()
            await works.take(specs=[a_spec(confirm=confirm)])
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "done"}
            assert works.target.count("barrier") == (confirm is Confirm.STORED)

    asyncio.run(main())


def test_files_that_are_not_shown_keep_no_others_from_being_confirmed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            cuts(works, only=b"cut")
            short = [b"cut %d.mkv" % number for number in range(150)]
            await works.queue(*short, content=b"whole content")
            await works.advance(60)
            works.target.steps.clear()
            await works.queue(b"whole.mkv")
            await works.advance(60)

            states = await works.states()
            assert states.pop(b"whole.mkv") == "done"
            assert set(states.values()) == {"written"}

            await works.advance(3600)

            assert set((await works.states()).values()) == {"failed", "done"}
            looks = [path for step, path in works.target.steps if step == "look" and path == b"films/" + short[0]]
            assert 3 <= len(looks) <= 15

    asyncio.run(main())


def test_what_was_overtaken_before_it_was_seen_is_not_looked_for_any_longer(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            cuts(works)
            await works.queue(b"a.mkv", content=b"whole content")
            cuts_nothing_more(works)
            await works.queue(b"a.mkv", content=b"another content", age=1800)
            await works.advance(120)

            older, newer = await works.transfers()
            assert (older.state, newer.state) == (State.FAILED, State.DONE)
            assert older.reason is not None
            assert older.reason.facts["message"] == "another version of it was sent since"
            ledger = await works.store.asked(lambda store: store.ledger("films", [b"a.mkv"]))
            assert (ledger[b"a.mkv"].transfer, ledger[b"a.mkv"].strength) == (newer.id, "seen")

    asyncio.run(main())


def test_a_retry_sends_nothing_again_that_another_version_has_overtaken(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            await works.queue(b"a.mkv", content=b"first")
            cuts(works)
            await works.queue(b"a.mkv", content=b"the second", age=2400)
            cuts_nothing_more(works)
            await works.queue(b"a.mkv", content=b"the third one", age=1800)
            await works.advance(120)
            assert [str(each.state) for each in await works.transfers()] == ["done", "failed", "done"]
            assert works.target.published == [b"films/a.mkv"] * 3

            await works.store.requeue(Chosen(), now=works.clock.now())
            works.dispatcher.wake()
            await works.advance(3600)

            assert [str(each.state) for each in await works.transfers()] == ["done", "failed", "done"]
            assert works.target.published == [b"films/a.mkv"] * 3

    asyncio.run(main())


@pytest.mark.parametrize("error", [an_error(errno.EIO, "look"), HUNG])
def test_a_file_that_cannot_be_looked_at_keeps_no_other_from_being_confirmed(tmp_path: Path, error: Failed) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            others = [b"%d.mkv" % number for number in range(30)]
            works.target.fail("look", error, times=10_000, path=b"films/bad.mkv")
            await works.queue(*others[:15], b"bad.mkv")
            await works.queue(*others[15:])
            await works.advance(120)

            states = await works.states()
            assert states.pop(b"bad.mkv") == "written"
            assert states == dict.fromkeys(others, "done")
            await works.advance(3600)
            assert (await works.states())[b"bad.mkv"] == "written"  # a look that fails is no evidence
            looks = Counter(path for step, path in works.target.steps if step == "look")
            assert 30 < looks.pop(b"films/bad.mkv") < 80
            assert max(looks.values()) <= 2

            works.target.mend()
            await works.advance(120)
            assert (await works.states())[b"bad.mkv"] == "done"

    asyncio.run(main())


def test_a_target_where_every_look_fails_is_not_asked_for_each_file(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            names = [b"%d.mkv" % number for number in range(200)]
            works.target.fail("look", an_error(errno.EIO, "look"), times=100_000)
            await works.queue(*names)
            works.target.steps.clear()
            await works.advance(3600)

            assert set((await works.states()).values()) == {"written"}
            assert works.target.count("look") < 5 * 62  # once a minute at most, and a few of them by themselves
            works.target.mend()
            await works.advance(120)
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_a_written_file_that_is_not_done_says_why(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:

            async def why(path: bytes) -> list[tuple[str, dict[str, object]]]:
                return [(each.code, dict(each.facts)) for each in works.board.unconfirmed(await works.one(path))]

            cuts(works, only=b"short.mkv")
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000, path=b"films/bad.mkv")
            await works.queue(b"short.mkv", b"bad.mkv", b"good.mkv", content=b"whole content")
            await works.advance(60)

            assert await why(b"good.mkv") == []
            assert await why(b"short.mkv") == [(Code.CONFIRM_NOT_SEEN, {"size": 13, "target_size": 3})]
            ((code, facts),) = await why(b"bad.mkv")
            assert (code, facts["size"]) == (Code.CONFIRM_NOT_SEEN, 13)
            assert facts["cause"] == {"code": "fail.io", "step": "look", "message": "EIO", "errno": "EIO"}

            await works.remember(paused=True)
            assert [code for code, _ in await why(b"short.mkv")] == [Code.HELD_TARGET_PAUSED]

            await works.remember(paused=False)
            works.target.mend()
            works.target.put(b"films/short.mkv", b"whole content")
            await works.advance(120)
            assert set((await works.states()).values()) == {"done"}
            assert works.lane.unconfirmed == {}

    asyncio.run(main())


def test_what_waits_for_a_target_that_has_left_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000)
            await works.queue(b"a.mkv")
            other = a_spec("other")
            works.world.target(other)
            await works.take(specs=[other], tasks=[a_task(target="other")])
            works.serve()
            await works.advance(120)

            gone = because(Code.ERROR_NO_SUCH_TARGET, target="cloud")
            assert works.board.unconfirmed(await works.one()) == (gone,)
            assert works.board.holds_of_target("cloud") == (gone,)

            await works.take(specs=[a_spec(confirm=Confirm.SEEN)], tasks=[a_task()])
            works.target.mend()
            works.confirmer.offer(works.lane)
            await works.advance(120)
            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_target_where_every_look_fails_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            works.target.fail("look", an_error(errno.EIO, "look"), times=10_000)
            await works.queue(b"a.mkv", b"b.mkv")
            await works.advance(30)

            for path in (b"a.mkv", b"b.mkv"):
                assert [each.code for each in works.board.unconfirmed(await works.one(path))] == [Code.CONFIRM_NOT_SEEN]

            works.target.mend()
            await works.advance(120)
            assert set((await works.states()).values()) == {"done"}
            assert works.lane.unconfirmed_why is None

    asyncio.run(main())


def test_a_file_that_is_not_shown_makes_none_wait_that_comes_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            cuts(works, only=b"short.mkv")
            await works.queue(b"short.mkv", content=b"whole content")
            await works.advance(300)  # it is looked for once a minute by now
            works.target.steps.clear()
            await works.queue(b"next.mkv")
            await works.advance(2)

            assert await works.states() == {b"short.mkv": "written", b"next.mkv": "done"}
            assert ("look", b"films/short.mkv") not in works.target.steps

    asyncio.run(main())


def test_a_bug_of_ours_is_not_the_end_of_confirming(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:

            async def wrong(step: str, path: bytes) -> None:
                if step == "look":
                    raise RuntimeError("wrong")

            works.target.met = wrong
            await works.queue(b"a.mkv")
            works.target.met = nothing
            await works.advance(60)

            assert await works.states() == {b"a.mkv": "done"}

    async def nothing(step: str, path: bytes) -> None:
        pass

    asyncio.run(main())

    assert "cannot confirm what was written to cloud: a bug of ours" in caplog.text
