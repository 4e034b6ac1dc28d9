"""Telling of runs, in the order of what happened."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from cloudgather.app.telling import RunTeller
from cloudgather.operations.world import World
from cloudgather.pipeline.events import Bus
from cloudgather.ports.queue import Run

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ENDED = Run(
    id=7, task="films", trigger="manual", started=NOW, scanned=NOW, ended=NOW, seen=1, planned=1, skipped=0,
    uploaded=1, failed=0, bytes=1, problem=None,
)  # fmt: skip


class AnswersLater:
    """A store whose writer has committed the last file's move, and has not answered whoever asked for it."""

    def __init__(self, answer: Callable[[], None]) -> None:
        self._answer = answer

    async def run(self, id: int) -> Run:
        assert id == ENDED.id
        return ENDED

    async def answers(self) -> None:
        self._answer()


def test_the_end_of_a_run_is_told_after_the_last_of_its_files() -> None:
    async def told() -> list[str]:
        bus = Bus()
        heard = bus.subscribe()
        store = AnswersLater(lambda: bus.publish({"kind": "transfer", "state": "done"}))
        errands: list[Coroutine[Any, Any, object]] = []
        teller = RunTeller(errand=lambda errand, name: errands.append(errand))
        teller.world = cast(World, SimpleNamespace(bus=bus, store=store, runs=SimpleNamespace(current={})))

        teller.changed(ENDED.id)
        for errand in errands:
            await errand

        heard.close()
        return [happening["kind"] async for happening in heard]

    assert asyncio.run(told()) == ["transfer", "run"]
