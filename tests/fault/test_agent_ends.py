"""An agent that dies, leaves or is told to: its callers hear of it, and nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agents import SHORT, a_file, a_fleet, a_target, agent_pids, an_order
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.spawning import Child
from cloudgather.ports.target import AgentLost
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually, eventually_sync

SIZE = 50_000_000  # of what is to be met while it is copied: some fifty writes


def ignore(_: int) -> None:
    """Progress that nobody wants to hear of."""


@needs_sick
def test_an_agent_killed_in_the_middle_of_a_copy_is_lost_for_all_that_it_worked_on(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, sick.root)
            sick.slow("write", 0.5)
            names = ("one", "two")
            copies = [
                asyncio.create_task(target.copy(an_order(a_file(tmp_path, name, SIZE), root=sick.root), ignore))
                for name in names
            ]
            await eventually(lambda: sick.struck("write") >= 2)

            (agent,) = fleet.agents()
            os.kill(agent.pid, signal.SIGKILL)
            await asyncio.wait(copies)

            for copy in copies:
                with pytest.raises(AgentLost) as lost:
                    copy.result()
                assert "was killed by signal 9" in lost.value.message
            sick.heal()
            sent = await target.copy(an_order(os.fsencode(tmp_path / "one"), root=sick.root, temporary=b".2"), ignore)
            assert sent.size == SIZE
            assert agent.pid not in {facts.pid for facts in fleet.agents()}

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@needs_sick
def test_a_cancelled_copy_removes_its_temporary(tmp_path: Path) -> None:
    async def main(sick: SickMount) -> None:
        async with a_fleet(Deadlines(cancel=30.0)) as fleet:
            target = a_target(fleet, sick.root)
            sick.slow("write", 0.2)
            progress: list[int] = []
            order = an_order(a_file(tmp_path, "film", SIZE), root=sick.root)
            copying = asyncio.create_task(target.copy(order, progress.append))
            await eventually(lambda: progress and progress[-1] > 0)

            copying.cancel()
            await asyncio.wait({copying})

            assert copying.cancelled()
            assert os.listdir(sick.backing) == []
            assert not fleet.may_still_act(order.temporary)
            assert [facts.usable for facts in fleet.agents()] == [True]

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


@needs_sick
def test_a_bug_of_whoever_hears_of_progress_fails_that_copy_alone(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise ZeroDivisionError("a bug")

    async def main(sick: SickMount) -> None:
        async with a_fleet(Deadlines(cancel=30.0)) as fleet:
            target = a_target(fleet, sick.root)
            sick.slow("write", 0.2)
            film, other = (a_file(tmp_path, name, SIZE) for name in ("film", "other"))
            whole = asyncio.create_task(target.copy(an_order(other, root=sick.root, temporary=b".2"), ignore))
            order = an_order(film, root=sick.root)

            with pytest.raises(ZeroDivisionError):
                await target.copy(order, fail)

            await eventually(lambda: not fleet.may_still_act(order.temporary))  # it is told to stop
            assert order.temporary not in map(os.fsencode, os.listdir(sick.backing))
            sick.heal()
            assert (await whole).size == SIZE

    with SickMount(tmp_path) as sick:
        asyncio.run(main(sick))


def test_an_agent_that_was_to_get_ready_does_the_work_that_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))
            target.get_ready()
            target.get_ready()
            (ready,) = fleet.agents()

            await target.look([b"film"])
            assert [agent.pid for agent in fleet.agents()] == [ready.pid]

            await fleet.stop(20.0)
            target.get_ready()  # it cannot, and whoever asks it something hears why
            assert fleet.agents() == []

    asyncio.run(main())


def test_an_idle_agent_leaves_and_another_comes_when_there_is_work(tmp_path: Path) -> None:
    async def main() -> None:
        before = agent_pids()
        async with a_fleet(replace(SHORT, idle=1.0)) as fleet:
            target = a_target(fleet, os.fsencode(tmp_path))
            assert await target.look([b"absent"]) == [None]
            assert len(agent_pids() - before) == 1

            await eventually(lambda: agent_pids() == before)

            assert fleet.agents() == []
            assert await target.look([b"absent"]) == [None]

    asyncio.run(main())


DAEMON = """
import asyncio, sys
from agents import a_fleet, a_target

async def main():
    async with a_fleet() as fleet:
        await a_target(fleet, sys.argv[1].encode()).look([b"absent"])
        print(fleet.agents()[0].pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def test_an_agent_ends_with_the_daemon_even_if_that_is_killed(tmp_path: Path) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(tmp_path)], cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE
    )
    assert daemon.stdout is not None
    with daemon.stdout as said:
        agent = int(said.readline())
        assert os.path.exists(f"/proc/{agent}")

        daemon.kill()
        daemon.wait()

    eventually_sync(lambda: not is_running(agent))


def is_running(pid: int) -> bool:
    """Whether there is such a process; whoever inherited a zombie reaps it when it likes."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_is_reaped_also_where_the_kernel_has_no_pidfd() -> None:
    async def main(pid: int) -> None:
        ended = asyncio.Event()
        child = Child(pid, ended.set, pidfd=None)

        await asyncio.wait_for(ended.wait(), 40)

        assert child.how == "exited with 3"

    asyncio.run(main(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {})))


def test_a_bandwidth_limit_holds_for_all_copies_together_and_changes_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            folder = tmp_path / "target"
            folder.mkdir()
            target = a_target(fleet, os.fsencode(folder), bandwidth=100_000)
            orders = [an_order(a_file(tmp_path, name, 10_000_000), root=os.fsencode(folder)) for name in ("a", "b")]
            done = [0, 0]
            copies = [
                asyncio.create_task(target.copy(order, lambda size, at=at: done.__setitem__(at, size)))  # type: ignore[misc]
                for at, order in enumerate(orders)
            ]
            begun = asyncio.get_running_loop().time()
            await eventually(lambda: all(done))
            elapsed = asyncio.get_running_loop().time() - begun

            assert sum(done) <= 100_000 * (elapsed + 1.0)
            assert not any(copy.done() for copy in copies)
            target.limits(None)

            assert [sent.size for sent in await asyncio.gather(*copies)] == [10_000_000, 10_000_000]

    asyncio.run(main())
