"""The bandwidth limit holds over all threads, shared evenly, and may change while it is used."""

import heapq
import threading
import time

import pytest

from cloudgather.agent.throttle import Throttle


class Time:
    """Virtual: passes only while somebody pauses."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def send(throttle: Throttle, virtual: Time, total: int) -> float:
    """How long it takes."""
    begun, sent = virtual.now, 0
    while sent < total:
        size = throttle.chunk(1 << 20)
        throttle.take(size, virtual.pause)
        sent += size
    return virtual.now - begun


@pytest.mark.parametrize("rate", [1000, 1 << 20, 100 << 20])
def test_the_rate_is_kept(rate: int) -> None:
    virtual = Time()

    assert send(Throttle(rate, clock=virtual.clock), virtual, rate * 20) == pytest.approx(20, abs=0.6)


def test_without_a_rate_nothing_waits() -> None:
    virtual = Time()
    throttle = Throttle(clock=virtual.clock)

    assert throttle.chunk(1 << 20) == 1 << 20
    assert send(throttle, virtual, 1 << 40) == 0


def test_idle_time_is_not_saved_up() -> None:
    virtual = Time()
    throttle = Throttle(1 << 20, clock=virtual.clock)
    virtual.now += 3600

    assert send(throttle, virtual, 10 << 20) == pytest.approx(10, abs=0.6)


def test_a_chunk_is_at_most_a_quarter_of_a_second() -> None:
    throttle = Throttle(1 << 20)

    assert throttle.chunk(1 << 20) == 1 << 18
    assert throttle.chunk(1 << 10) == 1 << 10
    throttle.limit(2)
    assert throttle.chunk(1 << 20) == 1


def test_the_rate_may_change_at_any_time() -> None:
    virtual = Time()
    throttle = Throttle(1000, clock=virtual.clock)
    send(throttle, virtual, 5000)

    throttle.limit(100_000)
    assert send(throttle, virtual, 1_000_000) == pytest.approx(10, abs=0.6)
    throttle.limit(None)
    assert send(throttle, virtual, 1 << 30) == 0
    throttle.limit(1000)
    assert send(throttle, virtual, 10_000) == pytest.approx(10, abs=0.6)


def test_a_limit_may_be_lifted_while_somebody_takes_his_turn() -> None:
    def clock() -> float:
        for instant in at_first:
            return instant
        throttle.limit(None)
        return 1.0

    at_first = iter([1.0])
    throttle = Throttle(1000, clock=clock)

    throttle.take(1000, lambda _: None)

    assert throttle.chunk(1 << 20) == 1 << 20


def test_a_chunk_of_another_rate_does_not_block_for_long() -> None:
    virtual = Time()
    throttle = Throttle(clock=virtual.clock)
    size = throttle.chunk(1 << 20)
    throttle.limit(1000)

    throttle.take(size, virtual.pause)
    begun = virtual.now
    throttle.take(250, virtual.pause)

    assert virtual.now - begun <= 1.0


@pytest.mark.parametrize("rate", [8 << 20, 64 << 20])
def test_four_takers_share_the_rate_evenly(rate: int) -> None:
    virtual = Time()
    throttle = Throttle(rate, clock=virtual.clock)
    shares = [0] * 4
    end = virtual.now + 10.0
    takers = [(virtual.now, number) for number in range(4)]  # when each of them asks again

    while (turn := heapq.heappop(takers))[0] < end:
        virtual.now, number = turn
        pauses: list[float] = []
        size = throttle.chunk(rate >> 6)
        throttle.take(size, pauses.append)
        shares[number] += size
        heapq.heappush(takers, (virtual.now + sum(pauses), number))

    assert sum(shares) / 10.0 == pytest.approx(rate, rel=0.02)
    assert max(shares) - min(shares) <= 0.02 * sum(shares)


def test_threads_together_do_not_exceed_the_rate() -> None:
    rate, count, chunks = 64 << 20, 4, 16
    throttle = Throttle(rate)
    begun = time.monotonic()

    def pause(seconds: float) -> None:
        threading.Event().wait(seconds)

    def take() -> None:
        for _ in range(chunks):
            throttle.take(1 << 20, pause)

    threads = [threading.Thread(target=take) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # The first goes at once; a loaded machine can only make it slower.
    assert time.monotonic() - begun >= (count * chunks - 1) * (1 << 20) / rate - 0.1
