"""Scheduled tasks are told when they are due, once, whatever the clock does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cloudgather.core.task import Task
from cloudgather.ports.queue import TaskMemory
from cloudgather.triggers.cron import Schedules
from fakes.clock import FakeClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    """An instant in UTC: `03-01 12:00` of 2026."""
    return datetime.strptime("2026-" + text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def a_task(**values: Any) -> Task:
    """A task called films."""
    return Task(**{"name": "films", "source": b"/downloads", "target": "c115", "base": b"films", **values})


def remembering(last_due: datetime, name: str = "films") -> dict[str, TaskMemory]:
    """What a store knows of a task that ran then."""
    return {name: TaskMemory(name=name, last_due=last_due)}


@dataclass
class Fired:
    """What was due so far."""

    schedules: Schedules
    clock: FakeClock
    due: list[tuple[str, str, datetime]]
    passed: list[tuple[str, datetime]]

    @property
    def instants(self) -> list[datetime]:
        return [instant for _, _, instant in self.due]


@contextlib.asynccontextmanager
async def scheduling(
    tasks: Iterable[Task], *, now: datetime, memory: Mapping[str, TaskMemory] | None = None
) -> AsyncIterator[Fired]:
    """Schedules at work on a clock that shows `now`."""
    clock = FakeClock(now)
    due: list[tuple[str, str, datetime]] = []
    passed: list[tuple[str, datetime]] = []
    schedules = Schedules(
        clock=clock,
        due=lambda task, trigger, instant: due.append((task, trigger, instant)),
        passed=lambda task, instant: passed.append((task, instant)),
    )
    fired = Fired(schedules, clock, due, passed)
    schedules.set_tasks(tasks, memory or {}, local=UTC)
    running = asyncio.create_task(schedules.run())
    await clock.advance(0)
    try:
        yield fired
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play an async scenario to its end."""
    asyncio.run(scenario())


def test_a_schedule_is_due_at_its_minute_and_again_the_next_day() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-01 12:00")) as fired:
            await fired.clock.advance(2 * DAY)

            assert fired.due == [("films", "schedule", at("03-02 03:00")), ("films", "schedule", at("03-03 03:00"))]

    run(scenario)


def test_it_is_told_at_the_instant_not_at_the_next_look() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-01 02:59")) as fired:
            await fired.clock.advance(59)
            assert fired.due == []

            await fired.clock.advance(1)

            assert fired.instants == [at("03-01 03:00")]

    run(scenario)


def test_an_interval_is_due_once_in_each() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(every=timedelta(minutes=5))], now=at("03-01 12:00")) as fired:
            await fired.clock.advance(HOUR)

            assert len(fired.due) == 12
            assert {trigger for _, trigger, _ in fired.due} == {"interval"}
            spans = {later - earlier for earlier, later in zip(fired.instants, fired.instants[1:], strict=False)}
            assert spans == {timedelta(minutes=5)}

    run(scenario)


def test_the_time_zone_is_the_tasks() -> None:
    async def scenario() -> None:
        task = a_task(schedule="0 3 * * *", timezone="Asia/Shanghai")
        async with scheduling([task], now=at("03-01 12:00")) as fired:
            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-01 19:00")]

    run(scenario)


def test_what_was_missed_while_down_is_due_once_at_its_latest_instant() -> None:
    async def scenario() -> None:
        memory = remembering(at("03-01 03:00"))
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-05 12:00"), memory=memory) as fired:
            assert fired.instants == [at("03-05 03:00")]

            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-05 03:00"), at("03-06 03:00")]

    run(scenario)


def test_what_ran_already_is_not_caught_up() -> None:
    async def scenario() -> None:
        memory = remembering(at("03-05 03:00"))
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-05 12:00"), memory=memory) as fired:
            assert fired.due == []

    run(scenario)


def test_without_catch_up_what_was_missed_is_passed_over_and_remembered() -> None:
    async def scenario() -> None:
        task, memory = a_task(schedule="0 3 * * *", catch_up=False), remembering(at("03-01 03:00"))
        async with scheduling([task], now=at("03-05 12:00"), memory=memory) as fired:
            assert (fired.due, fired.passed) == ([], [("films", at("03-05 03:00"))])

            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-06 03:00")]

    run(scenario)


def test_a_task_never_seen_has_missed_nothing_and_is_remembered_from_now() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-05 12:00")) as fired:
            assert (fired.due, fired.passed) == ([], [("films", at("03-05 12:00"))])

    run(scenario)


def test_the_clock_set_forward_over_several_instants_makes_one() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 * * * *")], now=at("03-01 12:10")) as fired:
            fired.clock.jump(5 * HOUR)

            await fired.clock.advance(31)

            assert fired.instants == [at("03-01 17:00")]

    run(scenario)


def test_the_clock_set_back_over_an_instant_does_not_repeat_it() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-01 02:50")) as fired:
            await fired.clock.advance(HOUR)
            fired.clock.jump(-HOUR)

            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-01 03:00"), at("03-02 03:00")][: len(fired.instants)]
            assert len(fired.instants) == 1

            await fired.clock.advance(HOUR)

            assert fired.instants == [at("03-01 03:00"), at("03-02 03:00")]

    run(scenario)


def test_a_clock_that_was_years_ahead_does_not_keep_a_task_from_running() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-01 12:00")) as fired:
            fired.clock.jump(timedelta(days=1500))
            await fired.clock.advance(60)
            fired.clock.jump(timedelta(days=-1500))
            fired.due.clear()

            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-02 03:00")]

    run(scenario)


def test_a_clock_that_starts_in_the_past_makes_nothing_run_twice_once_it_is_right() -> None:
    async def scenario() -> None:
        memory = remembering(at("03-05 03:00"))
        long_ago = datetime(1970, 1, 1, tzinfo=UTC)
        async with scheduling([a_task(schedule="0 3 * * *")], now=long_ago, memory=memory) as fired:
            await fired.clock.advance(60)
            fired.clock.jump(at("03-05 12:00") - fired.clock.now())

            await fired.clock.advance(60)

            assert fired.due == []

    run(scenario)


def test_an_interval_goes_on_after_the_clock_was_set_back() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(every=timedelta(minutes=5))], now=at("03-01 12:00")) as fired:
            await fired.clock.advance(HOUR)
            fired.due.clear()
            fired.clock.jump(-20 * HOUR)

            await fired.clock.advance(HOUR)

            assert len(fired.due) in (11, 12)

    run(scenario)


def test_through_the_days_on_which_clocks_change_each_time_of_day_comes_once() -> None:
    berlin = ZoneInfo("Europe/Berlin")

    async def scenario(start: str, expected: list[str]) -> None:
        task = a_task(schedule="30 2 * * *", timezone="Europe/Berlin")
        async with scheduling([task], now=at(start)) as fired:
            await fired.clock.advance(3 * DAY)

            shown = [instant.astimezone(berlin).strftime("%d %H:%M %z") for instant in fired.instants]
            assert shown == expected

    run(lambda: scenario("03-28 00:00", ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]))
    run(lambda: scenario("10-23 23:00", ["24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"]))


def test_a_schedule_changed_by_a_reload_counts_from_the_reload() -> None:
    async def scenario() -> None:
        memory = remembering(at("03-01 03:00"))
        async with scheduling([a_task(schedule="0 3 * * 0")], now=at("03-04 12:00"), memory=memory) as fired:
            fired.schedules.set_tasks([a_task(schedule="0 4 * * *")], memory, local=UTC)
            await fired.clock.advance(60)
            assert fired.due == []

            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-05 04:00")]

    run(scenario)


def test_a_zone_changed_by_a_reload_counts_from_the_reload() -> None:
    async def scenario() -> None:
        task = a_task(schedule="0 3 * * *")
        memory = remembering(at("03-03 03:00"))
        async with scheduling([task], now=at("03-04 01:00"), memory=memory) as fired:
            fired.schedules.set_tasks([task], memory, local=ZoneInfo("Asia/Shanghai"))  # there it is 9 o'clock
            await fired.clock.advance(DAY)

            assert fired.instants == [at("03-04 19:00")]

    run(scenario)


def test_a_reload_that_leaves_a_schedule_alone_neither_repeats_nor_misses() -> None:
    async def scenario() -> None:
        task = a_task(schedule="0 * * * *")
        async with scheduling([task], now=at("03-01 12:30")) as fired:
            await fired.clock.advance(HOUR)

            fired.schedules.set_tasks([task, a_task(name="other")], {}, local=UTC)
            await fired.clock.advance(HOUR)

            assert fired.instants == [at("03-01 13:00"), at("03-01 14:00")]

    run(scenario)


def test_a_new_task_is_heeded_at_once() -> None:
    async def scenario() -> None:
        async with scheduling([], now=at("03-01 12:00")) as fired:
            fired.schedules.set_tasks([a_task(every=timedelta(seconds=10))], {}, local=UTC)

            await fired.clock.advance(10)

            assert len(fired.due) == 1

    run(scenario)


def test_next_due_is_what_will_come() -> None:
    async def scenario() -> None:
        async with scheduling([a_task(schedule="0 3 * * *")], now=at("03-01 12:00")) as fired:
            assert fired.schedules.next_due("films") == at("03-02 03:00")
            assert fired.schedules.next_due("nobody") is None

    run(scenario)


def test_a_start_that_fails_does_not_end_the_schedule() -> None:
    told: list[datetime] = []

    def failing(task: str, trigger: str, instant: datetime) -> None:
        told.append(instant)
        raise RuntimeError("bug")

    async def scenario() -> None:
        clock = FakeClock(at("03-01 12:30"))
        schedules = Schedules(clock=clock, due=failing)
        schedules.set_tasks([a_task(schedule="0 * * * *")], {}, local=UTC)
        running = asyncio.create_task(schedules.run())
        await clock.advance(2 * HOUR)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(scenario)

    assert told == [at("03-01 13:00"), at("03-01 14:00")]
