"""What is remembered of tasks and targets: nobody undoes what another has changed meanwhile, and what is refused has
changed nothing.
"""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cgwire import target as target_wire
from cgwire import task as wire
from cgwire.access import Access
from cloudgather.config.loading import load
from cloudgather.core.caller import Caller
from cloudgather.core.target import Profile
from cloudgather.core.task import Initial
from cloudgather.operations.targets import TargetOperations
from cloudgather.operations.tasks import TaskOperations
from cloudgather.operations.world import World as OperationsWorld
from cloudgather.ports.queue import StoreUnavailable, TaskMemory
from pipework import Works, a_spec, a_task, working

OPERATOR = Caller(uid=0, gid=0, pid=1, user="root", access=Access.ADMIN, groups=frozenset())


def the_world(works: Works) -> OperationsWorld:
    world: Any = SimpleNamespace(
        clock=works.clock,
        limiter=works.limiter,
        store=works.store,
        board=works.board,
        bus=works.bus,
        dispatcher=works.dispatcher,
        intake=works.intake,
        task=lambda name: works.board.tasks[name],
        target=lambda name: works.board.targets[name],
    )
    return cast(OperationsWorld, world)


def operations(works: Works) -> TaskOperations:
    return TaskOperations(the_world(works))


async def remembered(works: Works) -> TaskMemory:
    """What a restart finds; what runs now must know the same."""
    found = (await works.store.asked(lambda store: store.tasks()))["films"]
    assert found == works.board.tasks["films"].memory
    return found


def test_a_pause_outlives_what_could_not_be_written_before_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, specs=[a_spec(profile=Profile.DISK)]) as works:
            await works.scan()  # the first, which is remembered as such
            works.store.refuse("remember_task")  # the disk of the state is full as its first batch stands aside
            await works.queue(b"a.mkv", b"b.mkv")
            assert works.store.refused["remember_task"] == 1

            await operations(works).task_pause(wire.Pause(name="films"), OPERATOR)
            assert (await remembered(works)).paused
            await works.advance(60)

            found = await remembered(works)
            assert (found.paused, found.base_made) == (True, b"cloud:films")

    asyncio.run(main())


def test_that_a_first_scan_was_dealt_with_is_written_once_the_disk_has_room(tmp_path: Path) -> None:
    """Else the first scan after a restart would ignore what has come since, where `initial` says so."""

    async def main() -> None:
        async with working(tmp_path, tasks=[a_task(initial=Initial.IGNORE)]) as works:
            works.world.source.write(b"old.mkv", age=3600)
            works.store.refuse("remember_task")
            await works.scan()
            assert works.store.refused["remember_task"] == 1
            await works.advance(60)

            assert (await remembered(works)).initialised
            await works.queue(b"new.mkv")
            assert await works.states() == {b"new.mkv": "done"}

    asyncio.run(main())


def test_a_pause_forgets_nothing_that_is_found_out_while_it_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            under_way, written = asyncio.Event(), asyncio.Event()

            async def met(step: str) -> None:
                if step == "remember_task.end" and not under_way.is_set():
                    under_way.set()
                    await written.wait()

            works.store.met = met
            works.world.source.write(b"a.mkv", age=3600)
            works.world.source.gate = asyncio.Event()
            scan = works.errands.start(works.scan())  # the first, which is remembered as such
            await works.rest()
            pausing = works.errands.start(operations(works).task_pause(wire.Pause(name="films"), OPERATOR))
            await under_way.wait()
            works.world.source.gate.set()
            await scan
            written.set()
            await pausing

            found = await remembered(works)
            assert (found.paused, found.initialised) == (True, True)

    asyncio.run(main())


def test_an_order_that_cannot_be_written_is_not_in_effect(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path) as works:
            orders = TargetOperations(the_world(works))
            before = works.lane.memory
            works.store.refuse("remember_target", times=2)

            with pytest.raises(StoreUnavailable):
                await orders.target_pause(target_wire.Pause(name="cloud"), OPERATOR)
            with pytest.raises(StoreUnavailable):
                await orders.target_limit(target_wire.Limit(name="cloud", bandwidth="1MiB", span="1h"), OPERATOR)

            assert works.lane.memory == before
            await works.queue(b"a.mkv")
            assert await works.states() == {b"a.mkv": "done"}

            await orders.target_pause(target_wire.Pause(name="cloud"), OPERATOR)
            assert works.lane.memory.paused
            found = await works.store.asked(lambda store: store.targets())
            assert found["cloud"] == works.lane.memory

    asyncio.run(main())


def test_a_task_whose_pause_cannot_be_written_is_not_added(tmp_path: Path) -> None:
    tasks, main_file = tmp_path / "tasks.d", tmp_path / "cloudgather.toml"
    tasks.mkdir()
    main_file.write_text(
        f'[daemon]\ntasks_dir = "{tasks}"\n[targets.cloud]\nroot = "/cloud"\nkind = "directory"\n', encoding="utf-8"
    )
    configuration = load(str(main_file), mounts=(), remembered_roots={}, environ={})

    async def main() -> None:
        async with working(tmp_path) as works:
            world: Any = the_world(works)
            world.configuration, world.mounts = lambda: configuration, tuple
            text = 'source = "/downloads"\ntarget = "cloud:films"\n'
            works.store.refuse("remember_task")

            with pytest.raises(StoreUnavailable):
                await TaskOperations(world).task_write(
                    wire.Write(name="series", text=text, new=True, paused=True), OPERATOR
                )

            assert works.store.refused["remember_task"] == 1
            assert list(tasks.iterdir()) == []

    asyncio.run(main())
