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


class Ordered:
    """Serves by calling the steps, and remembers each batch; each waits until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def serve(self, batch: Sequence[Request]) -> None:
        self.begun.release()
        assert self.go_on.acquire(timeout=20)
        for request in batch:
            request.result = request.step(None)  # type: ignore[arg-type]  # no step here looks at its connection
        self.batches.append([request.result for request in batch])

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=20)


async def asked(lane: Lane, *names: str, urgent: bool = False) -> Sequence["asyncio.Task[Any]"]:
    tasks = [asyncio.create_task(lane.do(answering(name), urgent=urgent)) for name in names]
    await asyncio.sleep(0)
    return tasks


def test_urgent_requests_are_a_batch_of_their_own_before_the_others() -> None:
    served = Ordered()

    async def scenario() -> None:
        lane = Lane("lane", served.serve, lambda: None)
        tasks = [*await asked(lane, "first")]
        await served.has_begun()
        tasks += await asked(lane, "a", "b")
        tasks += await asked(lane, "x", "y", urgent=True)
        tasks += await asked(lane, "c")
        for _ in range(3):
            served.go_on.release()
        await asyncio.gather(*tasks)
        await lane.close()

    asyncio.run(scenario())

    assert served.batches == [["first"], ["x", "y"], ["a", "b", "c"]]


def test_no_request_is_passed_over_by_urgent_ones_for_ever() -> None:
    served = Ordered()

    async def scenario() -> None:
        lane = Lane("lane", served.serve, lambda: None)
        tasks = [*await asked(lane, "first")]
        await served.has_begun()
        tasks += await asked(lane, "patient")
        for number in range(20):
            tasks += await asked(lane, str(number), urgent=True)
            served.go_on.release()
            await served.has_begun()  # with what was asked before
        served.go_on.release(20)
        await asyncio.gather(*tasks)
        await lane.close()

    asyncio.run(scenario())

    assert served.batches[:10] == [["first"], *([str(number)] for number in range(8)), ["patient", "8"]]


def test_the_lane_goes_on_when_all_that_waited_is_cancelled() -> None:
    served = Ordered()

    async def scenario() -> str:
        lane = Lane("lane", served.serve, lambda: None)
        first = asyncio.create_task(lane.do(answering("first")))
        await served.has_begun()
        waiting = [*await asked(lane, "a"), *await asked(lane, "x", urgent=True)]
        for task in waiting:
            task.cancel()
        await asyncio.sleep(0)
        served.go_on.release(2)
        await first
        result: str = await asyncio.wait_for(lane.do(answering("last")), 20)
        await lane.close()
        return result

    assert asyncio.run(scenario()) == "last"
    assert served.batches == [["first"], ["last"]]


def test_closing_serves_what_urgent_requests_were_served_before() -> None:
    served = Ordered()

    async def scenario() -> None:
        lane = Lane("lane", served.serve, lambda: None)
        tasks = [*await asked(lane, "first")]
        await served.has_begun()
        tasks += [*await asked(lane, "a"), *await asked(lane, "x", urgent=True)]
        served.go_on.release(3)
        await lane.close()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())

    assert served.batches == [["first"], ["x"], ["a"]]
