"""A configuration taken into effect: what is new, what leaves, what stays as it was; and the wall clock's jumps."""

import asyncio
import errno
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import Confirm
from cloudgather.pipeline.effect import Difference
from cloudgather.pipeline.upkeep import Pruning, Upkeep
from fakes.target import an_error
from fakes.watched import REFUSAL
from pipework import a_spec, a_task, a_world, working


def test_the_difference_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        first = [a_task("stays"), a_task("changes"), a_task("leaves"), a_task("breaks")]
        async with working(tmp_path, tasks=first, specs=[a_spec(), a_spec("old")]) as works:
            difference = await works.take(
                tasks=[a_task("stays"), a_task("changes", priority=7), a_task("comes")],
                specs=[a_spec(), a_spec("new")],
                broken={"breaks": ()},
            )

            assert difference == Difference(
                added=("comes",),
                removed=("leaves",),
                changed=("changes",),
                targets_added=("new",),
                targets_removed=("old",),
            )
            assert set(works.board.tasks) == {"stays", "changes", "comes"}
            assert set(works.board.targets) == {"cloud", "new"}

    asyncio.run(main())


def test_nothing_that_stays_is_disturbed(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            gate = works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            lane, task = works.lane, works.board.tasks["films"]

            await works.take(tasks=[a_task(priority=3)], specs=[a_spec(parallel=5, attempts=1)])
            gate.set()
            await works.rest()

            assert works.lane is lane
            assert works.board.tasks["films"] is task
            assert (lane.spec.parallel, task.task.priority, works.target.spec.attempts) == (5, 3, 1)
            assert await works.states() == {b"a.mkv": "done"}
            assert works.target.count("copy.begin") == 1

    asyncio.run(main())


def test_a_task_that_left_has_everything_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.target.hang("copy.write")
            await works.queue(b"a.mkv", b"b.mkv")
            works.world.source.write(b"new.mkv")
            works.intake.sight("films", b"new.mkv")
            await works.advance(1)

            await works.take(tasks=[])
            await works.advance(120)

            found = await works.transfers()
            assert [each.state for each in found] == ["cancelled", "cancelled"]
            assert [each.reason for each in found] == [because(Code.CANCELLED_TASK_REMOVED)] * 2
            assert works.target.files == {}
            assert len(works.intake.pending) == 0

    asyncio.run(main())


def test_a_broken_task_waits_for_its_mending(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, serving=False) as works:
            await works.queue(b"a.mkv")
            await works.take(tasks=[], broken={"films": ()})
            works.serve()
            await works.advance(600)
            found = await works.one()
            assert found.state == "queued"
            assert [reason.code for reason in works.board.holds_of(found)] == [Code.HELD_TASK_BROKEN]
            assert works.store.calls["claim"] == 0

            await works.take(tasks=[a_task()], broken={})
            works.dispatcher.wake()
            await works.rest()

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_what_is_pending_in_a_source_that_was_left_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            works.world.source.write(b"a.mkv")
            works.intake.sight("films", b"a.mkv")
            works.board.tasks["films"].source_hold = because(Code.SOURCE_GONE, source=b"/downloads")

            await works.take(tasks=[a_task(source=b"/elsewhere")])

            assert len(works.intake.pending) == 0
            assert works.board.tasks["films"].source_hold is None
            assert works.board.tasks["films"].source is works.world.source_at(b"/elsewhere")

    asyncio.run(main())


def test_a_pause_and_what_was_found_out_survive_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_world(tmp_path) as world:
            works = await world.new_works().start()
            await works.queue(b"a.mkv")
            memory = works.board.tasks["films"].memory
            await works.die()

            works = await world.new_works().start()

            assert works.board.tasks["films"].memory == memory
            assert memory.initialised
            assert memory.base_made

    asyncio.run(main())


# ---- confirmation ----------------------------------------------------------------------------------------------------


def test_what_the_target_shows_is_confirmed_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            await works.queue(*[b"%d.mkv" % number for number in range(100)])

            assert set((await works.states()).values()) == {"done"}
            assert (await works.store.real.ledger("films", [b"0.mkv"]))[b"0.mkv"].strength == "seen"

    asyncio.run(main())


def test_what_the_target_shows_late_is_confirmed_late(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:
            late = dict(works.target.files)

            async def hides(step: str, path: bytes) -> None:
                if step == "publish.end":
                    late[path] = works.target.files.pop(path)
                    works.target.put(path, b"")

            works.target.met = hides
            await works.queue(b"a.mkv")
            await works.advance(300)
            assert await works.states() == {b"a.mkv": "written"}

            works.target.files.update(late)
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_a_jump_of_the_clock_fails_nothing_that_was_just_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(confirm=Confirm.SEEN)]) as works:

            async def hides(step: str, path: bytes) -> None:
                if step == "publish.end":
                    works.target.put(path, b"")

            works.target.met = hides
            await works.queue(b"a.mkv")
            works.clock.jump(timedelta(days=20_000))
            await works.advance(120)

            assert await works.states() == {b"a.mkv": "written"}

    asyncio.run(main())


# ---- the wall clock --------------------------------------------------------------------------------------------------


def test_a_clock_set_back_delays_nothing_beyond_its_most(tmp_path: Path) -> None:
    async def main() -> None:
        spec = a_spec(retry_most=timedelta(minutes=10))
        async with working(tmp_path, specs=[spec]) as works:
            works.errands.start(works.upkeep.run())
            works.target.fail("copy.write", an_error(errno.EIO))
            works.target.fail("copy.write", an_error(errno.ENOSPC))
            await works.queue(b"a.mkv", b"b.mkv")
            works.clock.jump(timedelta(days=-9000))
            await works.advance(60)

            now = works.clock.now()
            breaker = works.lane.breaker
            assert breaker.until is not None
            assert breaker.until <= now + timedelta(minutes=30)
            dues = [each.due for each in await works.transfers() if each.due is not None]
            assert all(due <= now + timedelta(minutes=12.5) for due in dues)
            await works.advance(timedelta(minutes=31))
            assert set((await works.states()).values()) == {"done"}

    asyncio.run(main())


def test_a_clock_set_forward_ends_waiting(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(retry_first=timedelta(hours=1))]) as works:
            works.errands.start(works.upkeep.run())
            works.target.fail("copy.write", an_error(errno.EIO))
            await works.queue(b"a.mkv")
            works.clock.jump(timedelta(days=9000))

            await works.advance(30)

            assert await works.states() == {b"a.mkv": "done"}

    asyncio.run(main())


def test_old_history_is_pruned_now_and_then(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            await works.queue(b"a.mkv")
            works.errands.start(works.upkeep.run())
            await works.advance(60)
            assert len(await works.transfers()) == 1

            works.clock.jump(timedelta(days=91))
            works.store.refuse("prune", times=2)
            await works.advance(timedelta(hours=7))

            assert await works.transfers() == []
            assert (await works.store.real.ledger("films", [b"a.mkv"])).keys() == {b"a.mkv"}

    asyncio.run(main())


def test_what_is_kept_and_how_often_is_pruned_may_be_given(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            upkeep = Upkeep(
                store=works.store,
                board=works.board,
                clock=works.clock,
                history_days=lambda: 90,
                pruning=Pruning(every=5.0, kept=timedelta(seconds=20)),
            )
            await works.queue(b"a.mkv")
            works.errands.start(upkeep.run())
            await works.advance(15)
            assert len(await works.transfers()) == 1

            await works.advance(15)

            assert await works.transfers() == []

    asyncio.run(main())


def test_a_claim_that_is_under_way_as_its_target_leaves_orphans_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            committed, ended = asyncio.Event(), asyncio.Event()

            async def met(step: str) -> None:
                if step == "claim.end" and not committed.is_set():
                    committed.set()
                    await ended.wait()

            works.store.met = met
            await works.queue(b"a.mkv")
            await committed.wait()
            assert await works.states() == {b"a.mkv": "copying"}

            other = a_spec("other")
            works.world.target(other)
            await works.take(specs=[other], tasks=[a_task(target="other")])
            works.serve()
            await works.rest()

            assert await works.states() == {b"a.mkv": "done"}
            assert works.world.targets["other"].published == [b"films/a.mkv"]

    asyncio.run(main())


def test_a_target_that_comes_and_leaves_again_while_its_first_leaving_takes_long(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            held, released = asyncio.Event(), asyncio.Event()

            async def met(step: str) -> None:
                if step == "move:defer.begin" and not held.is_set():
                    held.set()
                    await released.wait()

            works.store.met = met
            works.target.hang("copy.write")
            await works.queue(b"a.mkv")
            other = a_spec("other")
            works.world.target(other)
            for specs, tasks in (
                ([other], [a_task(target="other")]),
                ([a_spec()], [a_task()]),
                ([other], [a_task(target="other")]),
            ):
                await works.take(specs=specs, tasks=tasks)
                works.serve()
                await works.rest()
            assert held.is_set()
            released.set()
            await works.advance(60)

            assert works.errands.failed == []
            assert await works.states() == {b"a.mkv": "done"}
            assert works.world.targets["other"].published == [b"films/a.mkv"]

    asyncio.run(main())


def test_what_could_not_be_written_of_any_target_is_once_the_disk_has_room(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(), a_spec("other")]) as works:
            for lane in works.board.targets.values():  # as orders of an operator that met the full disk leave them
                lane.memory = replace(lane.memory, paused=True)
            works.board.store_hold = REFUSAL
            works.dispatcher.wake("cloud")
            await works.rest()

            found = await works.store.asked(lambda store: store.targets())
            assert not works.board.store_hold
            assert {name: memory.paused for name, memory in found.items()} == {"cloud": True, "other": True}

    asyncio.run(main())
