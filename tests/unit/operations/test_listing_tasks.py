"""Answers that take a while, while the configuration changes."""

import asyncio
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cgwire import task as wire
from cloudgather.core.caller import Caller
from cloudgather.operations.tasks import TaskOperations
from cloudgather.operations.world import World
from pipework import Works, a_task, working


class StoreOfAReload:
    """A task leaves while runs are read."""

    def __init__(self, works: Works) -> None:
        self._works = works

    async def counts(self) -> Any:
        return await self._works.store.counts()

    async def runs(self, task: str | None, *, limit: int) -> Any:
        self._works.board.tasks.pop("leaves", None)
        return await self._works.store.runs(task, limit=limit)


def test_a_task_that_leaves_while_tasks_are_listed_is_no_bug(tmp_path: Path) -> None:
    async def main() -> None:
        async with working(tmp_path, tasks=[a_task("stays"), a_task("leaves")]) as works:
            world = SimpleNamespace(
                board=works.board,
                clock=works.clock,
                store=StoreOfAReload(works),
                scanner=works.scanner,
                intake=works.intake,
                watch=lambda name: None,
            )
            world.configured = partial(World.configured, cast(World, world))

            listed = await TaskOperations(cast(World, world)).task_list(wire.List(), cast(Caller, None))

            assert "stays" in [each["name"] for each in listed["tasks"]]
            assert "leaves" not in works.board.tasks

    asyncio.run(main())


def test_what_uploads_a_download_is_no_task_of_anybody() -> None:
    board = SimpleNamespace(tasks={"films": "films", "download:7": "download:7"})
    world = cast(World, SimpleNamespace(board=board))

    assert list(World.configured(world)) == ["films"]
