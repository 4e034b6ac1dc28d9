"""A mount that stops answering stalls nothing but the operation that was in it."""

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents import BOUND, SHORT, a_file, a_fleet, a_target, agent_pids, an_order
from cgwire.codes import Code
from cloudgather.core.transfer import Sent
from cloudgather.ports.target import AgentLost, Stalled, TargetHeld
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually

pytestmark = needs_sick


def ignore(_: int) -> None:
    """Progress that nobody wants to hear of."""


async def turns(loop_runs_during: "asyncio.Task[object]") -> int:
    """How often the event loop woke a short sleeper until the task ended."""
    count = 0
    while not loop_runs_during.done():
        await asyncio.sleep(0.01)
        count += 1
    return count


@pytest.mark.parametrize(
    ("op", "step"),
    [("create", "open"), ("write", "write"), ("fsync", "fsync"), ("flush", "close"), ("getattr", None)],
)
def test_a_copy_into_a_mount_that_hangs_stalls_in_time_and_the_loop_runs_on(
    tmp_path: Path, op: str, step: str | None
) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            target = a_target(fleet, sick.root)
            order = an_order(a_file(tmp_path, "film.mkv"), root=sick.root)
            await target.look([b"warm"])
            sick.hang(op)

            copying = asyncio.create_task(target.copy(order, ignore))
            begun = time.monotonic()
            turned = await turns(copying)

            assert sick.struck(op) >= 1
            with pytest.raises(Stalled) as stalled:
                copying.result()
            assert stalled.value.side == "target"
            least = SHORT.of(stalled.value.step, 0)
            assert stalled.value.limit is not None and least <= stalled.value.limit < least + 0.2
            assert step in (None, stalled.value.step)
            assert time.monotonic() - begun < BOUND
            assert turned >= 5  # in a second at least; if it waited itself it would hardly turn at all
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_second_agent_serves_the_target_while_the_first_hangs(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            target = a_target(fleet, sick.root)
            sick.hang("write", path="first")
            with pytest.raises(Stalled):
                await target.copy(an_order(a_file(tmp_path, "first"), root=sick.root), ignore)

            sent = await target.copy(an_order(a_file(tmp_path, "second"), root=sick.root), ignore)
            await target.publish(b"second", b".cloudgather-second", sent.size, durable=True)

            assert sick.hanging("write") == 1
            assert os.path.getsize(sick.backing + b"/second") == 100_000
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_of_several_the_one_that_hangs_is_told_and_those_behind_it_are_as_if_not_ordered(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            target = a_target(fleet, sick.root)
            orders = [an_order(a_file(tmp_path, name, 1000), root=sick.root) for name in ("one", "two", "three")]
            sick.hang("write", path="two")

            one, two, three = await target.copy_all(orders, lambda index, done: None, looked=False)

            assert isinstance(one, Sent)
            assert isinstance(two, Stalled)
            assert three is None
            assert fleet.acting() == {order.temporary for order in orders}
            assert sick.hanging("write") == 1
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_work_that_still_moves_in_a_stalled_agent_is_finished_before_it_is_killed(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(replace(SHORT, write=3.0)) as fleet:
            target = a_target(fleet, sick.root)
            await target.look([b"warm"])
            slow = an_order(a_file(tmp_path, "slow", 16_000_000), root=sick.root)
            sick.slow("write", 0.5, path="slow")  # sixteen times, much longer than the hang
            sick.hang("write", path="hung")
            moving = asyncio.create_task(target.copy(slow, ignore))
            await eventually(lambda: sick.struck("write") >= 1)

            with pytest.raises(Stalled):
                await target.copy(an_order(a_file(tmp_path, "hung"), root=sick.root), ignore)
            assert not moving.done()
            sent = await moving

            assert sent.size == 16_000_000
            await eventually(lambda: all(not facts.usable for facts in fleet.agents()))
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_publish_that_hangs_may_still_happen_until_its_agent_has_died(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            target = a_target(fleet, sick.root)
            sent = await target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore)
            sick.hang("rename")

            with pytest.raises(Stalled) as stalled:
                await target.publish(b"film", b".cloudgather-film", sent.size, durable=True)

            assert stalled.value.step == "rename"
            await eventually(lambda: any(facts.unreaped for facts in fleet.agents()))
            assert fleet.may_still_act(b".cloudgather-film")
            assert fleet.acting() == {b".cloudgather-film"}
            assert not os.path.exists(sick.backing + b"/film")

            sick.release("rename")
            await eventually(lambda: not fleet.may_still_act(b".cloudgather-film"))
            assert os.path.getsize(sick.backing + b"/film") == 100_000

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_after_three_agents_that_cannot_die_the_target_is_held_until_they_do(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            target = a_target(fleet, sick.root)
            sick.hang("readdir")
            for folder in (b"a", b"b", b"c"):
                os.mkdir(sick.backing + b"/" + folder)
                with pytest.raises(Stalled):
                    await target.listing(folder)
            await eventually(lambda: sum(facts.unreaped for facts in fleet.agents()) == 3)

            with pytest.raises(TargetHeld) as held:
                await target.listing(b"a")

            assert held.value.reason.code == Code.HELD_UNREAPED
            assert set(held.value.reason.facts["agents"]) == {facts.pid for facts in fleet.agents()}
            assert sick.hanging("readdir") == 3

            sick.heal()
            await eventually(lambda: fleet.held("cloud") is None)
            assert await target.listing(b"a") == {}

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_file_that_missed_a_deadline_has_twice_as_long_the_next_time(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(replace(SHORT, flush=3.0)) as fleet:
            target = a_target(fleet, sick.root)
            path = a_file(tmp_path, "film")
            sick.hang("flush", times=1)
            sick.slow("flush", 4.0, times=1)
            with pytest.raises(Stalled):
                await target.copy(an_order(path, root=sick.root), ignore)

            sent = await target.copy(an_order(path, root=sick.root, temporary=b".again"), ignore)

            assert sent.size == 100_000
            assert sick.struck("flush") == 2
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_a_source_that_hangs_does_not_count_against_the_target(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(SHORT) as fleet:
            os.mkdir(tmp_path / "disk")
            disk = os.fsencode(tmp_path / "disk")
            target = a_target(fleet, disk, name="disk")
            order = an_order(a_file(os.fsdecode(sick.root), "film"), root=disk)
            sick.hang("open")
            for number in range(3):
                await target.look([b"warm"])
                with pytest.raises(Stalled) as stalled:
                    await target.copy(order._replace(destination=b"%d" % number, temporary=b".%d" % number), ignore)
                assert stalled.value.side == "source"
            await eventually(lambda: sum(facts.unreaped for facts in fleet.agents()) == 3)

            with pytest.raises(Stalled) as refused:
                await target.copy(order._replace(temporary=b".last"), ignore)

            assert refused.value.side == "source"
            assert sick.hanging("open") == 3
            assert fleet.held("disk") is None
            assert await target.look([b"film"]) == [None]
            sick.heal()

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_cancelling_a_copy_that_hangs_is_bounded_and_its_agent_is_killed_at_the_deadline(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(replace(SHORT, write=5.0)) as fleet:  # it is cancelled before that
            target = a_target(fleet, sick.root)
            sick.hang("write")
            copying = asyncio.create_task(target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore))
            await eventually(lambda: sick.hanging("write") == 1)

            begun = time.monotonic()
            copying.cancel()
            await asyncio.wait({copying})

            assert copying.cancelled()
            assert time.monotonic() - begun < BOUND
            assert fleet.may_still_act(b".cloudgather-film")
            await eventually(lambda: all(not facts.usable for facts in fleet.agents()))
            sick.heal()
            await eventually(lambda: not fleet.may_still_act(b".cloudgather-film"))

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_stopping_returns_within_its_grace_while_the_mount_hangs(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        before = agent_pids()
        async with a_fleet(replace(SHORT, write=60.0)) as fleet:
            target = a_target(fleet, sick.root)
            sick.hang("write")
            copying = asyncio.create_task(target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore))
            await eventually(lambda: sick.hanging("write") == 1)

            begun = time.monotonic()
            left = await fleet.stop(2.0)

            assert time.monotonic() - begun < BOUND
            assert set(left) == agent_pids() - before
            assert len(left) == 1
            with pytest.raises(AgentLost):
                await copying
            with pytest.raises(TargetHeld) as held:
                await target.barrier()
            assert held.value.reason.code == Code.HELD_STOPPING

            # Left behind for init to reap; here that is for us to do.
            sick.heal()
            await asyncio.to_thread(os.waitpid, left[0], 0)

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_time_that_the_daemon_itself_did_not_run_counts_against_nobody(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(replace(SHORT, flush=3.0)) as fleet:
            target = a_target(fleet, sick.root)
            await target.look([b"warm"])
            sick.slow("flush", 5.0, times=1)
            copying = asyncio.create_task(target.copy(an_order(a_file(tmp_path, "film"), root=sick.root), ignore))
            await eventually(lambda: sick.struck("flush") == 1)

            time.sleep(4.5)  # noqa: ASYNC251  # the loop must stand still, as while the machine is suspended

            assert (await copying).size == 100_000

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))
