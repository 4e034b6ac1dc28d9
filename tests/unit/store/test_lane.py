"""The threads of the store: batches, errors, cancelling, closing."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any

import pytest

from cloudgather.ports.queue import StoreUnavailable
from cloudgather.store.lane import Lane, Request


class Recorded:
    """Serves by calling the steps; the first batch waits until it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.finished = threading.Event()

    def serve(self, batch: Sequence[Request]) -> None:
        self.sizes.append(len(batch))
        self.begun.set()
        self.go_on.wait(20)
        for request in batch:
            request.result = request.step(None)  # type: ignore[arg-type]  # no step here looks at its connection


def answering(value: Any) -> Callable[[Connection], Any]:
    return lambda _: value


def test_what_comes_together_while_one_is_served_is_one_batch() -> None:
    recorded = Recorded()

    async def scenario() -> list[int]:
        lane = Lane("lane", recorded.serve, recorded.finished.set)
        first = asyncio.create_task(lane.do(answering(-1)))
        await asyncio.to_thread(recorded.begun.wait, 20)
        others = [asyncio.create_task(lane.do(answering(number))) for number in range(100)]
        await asyncio.sleep(0)
        recorded.go_on.set()
        results = await asyncio.gather(first, *others)
        await lane.close()
        return results

    assert asyncio.run(scenario()) == list(range(-1, 100))
    assert recorded.sizes == [1, 64, 36]
    assert recorded.finished.is_set()


def test_a_request_cancelled_before_its_turn_is_not_run() -> None:
    recorded = Recorded()
    run: list[str] = []

    async def scenario() -> None:
        lane = Lane("lane", recorded.serve, recorded.finished.set)
        first = asyncio.create_task(lane.do(answering(None)))
        await asyncio.to_thread(recorded.begun.wait, 20)
        cancelled = asyncio.create_task(lane.do(lambda _: run.append("cancelled")))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.sleep(0)
        recorded.go_on.set()
        await first
        await lane.close()

    asyncio.run(scenario())

    assert run == []


def test_closing_serves_what_was_asked_and_refuses_the_rest() -> None:
    recorded = Recorded()

    async def scenario() -> str:
        lane = Lane("lane", recorded.serve, recorded.finished.set)
        first = asyncio.create_task(lane.do(answering("first")))
        last = asyncio.create_task(lane.do(answering("last")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(lane.close())
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable):
            await lane.do(answering("late"))
        recorded.go_on.set()
        await closing
        await lane.close()
        await first
        result: str = await last
        return result

    assert asyncio.run(scenario()) == "last"


def test_a_bug_in_serving_reaches_the_callers_and_the_lane_goes_on() -> None:
    batches = 0

    def serve(batch: Sequence[Request]) -> None:
        nonlocal batches
        batches += 1
        if batches == 1:
            raise LookupError("a bug")
        for request in batch:
            request.result = "served"

    async def scenario() -> str:
        lane = Lane("lane", serve, lambda: None)
        with pytest.raises(LookupError):
            await lane.do(answering(None))
        result: str = await lane.do(answering(None))
        await lane.close()
        return result

    assert asyncio.run(scenario()) == "served"
