"""When a transfer is tried again, when it is given up, and when a target is rested."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.failure import Failure, Sort
from cloudgather.core.retry import BREAKER_MOST, Breaker, GiveUp, RetryAt, backoff, judge
from cloudgather.core.target import TargetSpec

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPEC = TargetSpec(
    name="cloud",
    root=b"/cloud",
    attempts=3,
    retry_first=timedelta(seconds=30),
    retry_most=timedelta(minutes=1),
)
FIRST = timedelta(seconds=30)
MIDDLING, LUCKY, UNLUCKY = 0.5, 0.0, 1.0


def a_failure(sort: Sort) -> Failure:
    return Failure(sort=sort, reason=because(Code.FAIL_IO, step="write", message="EIO", errno="EIO"))


TRANSIENT, TARGET_WIDE, PERMANENT = (a_failure(sort) for sort in Sort)


@pytest.mark.parametrize(
    ("times", "luck", "expected"),
    [
        (0, MIDDLING, 30.0),
        (1, MIDDLING, 60.0),
        (2, MIDDLING, 120.0),
        (3, MIDDLING, 200.0),
        (40, MIDDLING, 200.0),
        (0, LUCKY, 22.5),
        (0, UNLUCKY, 37.5),
        (9, UNLUCKY, 250.0),
    ],
)
def test_the_span_doubles_up_to_its_most(times: int, luck: float, expected: float) -> None:
    assert backoff(FIRST, timedelta(seconds=200), times=times, luck=luck) == timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("failure", "attempts", "expected"),
    [
        (TRANSIENT, 0, RetryAt(when=NOW + timedelta(seconds=30), why=TRANSIENT.reason, spend=True)),
        (TRANSIENT, 1, RetryAt(when=NOW + timedelta(seconds=60), why=TRANSIENT.reason, spend=True)),
        (TRANSIENT, 2, GiveUp(why=TRANSIENT.reason)),
        (TRANSIENT, 7, GiveUp(why=TRANSIENT.reason)),
        (TARGET_WIDE, 0, RetryAt(when=NOW, why=TARGET_WIDE.reason, spend=False)),
        (TARGET_WIDE, 2, RetryAt(when=NOW, why=TARGET_WIDE.reason, spend=False)),
        (PERMANENT, 0, GiveUp(why=PERMANENT.reason)),
    ],
)
def test_what_follows_a_failure(failure: Failure, attempts: int, expected: RetryAt | GiveUp) -> None:
    assert judge(failure, attempts=attempts, spec=SPEC, now=NOW, luck=MIDDLING) == expected


def failed(breaker: Breaker, *failures: Failure, now: datetime = NOW) -> Breaker:
    for failure in failures:
        breaker = breaker.after_failure(failure, now=now, luck=MIDDLING, first=FIRST)
    return breaker


@pytest.mark.parametrize(
    ("failures", "opened"),
    [
        ([TRANSIENT] * 4, 0),
        ([TRANSIENT] * 5, 1),
        ([TARGET_WIDE], 1),
        ([PERMANENT] * 99, 0),
        ([TRANSIENT] * 3 + [PERMANENT] * 9 + [TRANSIENT], 0),
        # those that were under way when it opened say nothing new
        ([TARGET_WIDE] * 64, 1),
        ([TRANSIENT] * 12, 1),
    ],
)
def test_what_opens_a_breaker(failures: list[Failure], opened: int) -> None:
    breaker = failed(Breaker(), *failures)

    assert breaker.opened == opened
    assert breaker.is_open(NOW) is (opened > 0)
    assert breaker.trying is (opened > 0)
    assert breaker.until == (NOW + FIRST if opened else None)


def test_a_breaker_that_is_tried_in_vain_rests_for_longer_each_time() -> None:
    breaker, now, spans = Breaker(), NOW, []
    for _ in range(10):
        breaker = failed(breaker, TARGET_WIDE, now=now)
        assert breaker.until is not None
        spans.append((breaker.until - now).total_seconds())
        now = breaker.until
        assert not breaker.is_open(now)

    assert spans == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800, 1800]
    assert failed(breaker, TRANSIENT, now=now).opened == 11  # the one that tried it is enough


def test_a_success_closes_it() -> None:
    breaker = failed(Breaker(), TARGET_WIDE)

    assert breaker.after_success() == Breaker()


@pytest.mark.parametrize(
    ("until", "clamped"),
    [
        (None, None),
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (NOW + timedelta(minutes=10), NOW + timedelta(minutes=10)),
        (NOW + timedelta(days=9000), NOW + BREAKER_MOST),
    ],
)
def test_a_jump_of_the_clock_keeps_nothing_closed_for_long(until: datetime | None, clamped: datetime | None) -> None:
    assert Breaker(opened=1, until=until).clamped(NOW).until == clamped


# ---- properties ------------------------------------------------------------------------------------------------------

spans = st.timedeltas(timedelta(seconds=1), timedelta(days=30))
lucks = st.floats(0, 1)


@given(spans, spans, st.integers(0, 10_000), lucks)
def test_a_span_keeps_its_bounds(first: timedelta, most: timedelta, times: int, luck: float) -> None:
    span = backoff(first, most, times=times, luck=luck)

    shortest, longest = min(first, most) * 0.75, most * 1.25
    assert shortest - timedelta(microseconds=2) <= span <= longest + timedelta(microseconds=2)
    assert span <= backoff(first, most, times=times + 1, luck=luck) + timedelta(microseconds=2)


@given(st.lists(st.tuples(st.sampled_from(list(Sort)), st.timedeltas(timedelta(0), timedelta(hours=2)), lucks)), spans)
def test_a_breaker_is_never_open_for_longer_than_its_most(
    story: list[tuple[Sort, timedelta, float]], first: timedelta
) -> None:
    breaker, now = Breaker(), NOW
    for sort, later, luck in story:
        now += later
        before = breaker
        breaker = breaker.after_failure(a_failure(sort), now=now, luck=luck, first=first)

        assert breaker.until is None or breaker.until <= now + BREAKER_MOST
        assert breaker.opened <= before.opened + 1
        assert breaker.clamped(now) == breaker
        if before.is_open(now):
            assert breaker == before


@given(st.sampled_from(list(Sort)), st.integers(0, 20), st.integers(1, 20), lucks)
def test_a_failure_is_given_up_or_due_within_bounds(sort: Sort, attempts: int, allowed: int, luck: float) -> None:
    spec = replace(SPEC, attempts=allowed)

    match judge(a_failure(sort), attempts=attempts, spec=spec, now=NOW, luck=luck):
        case RetryAt(when=when, spend=spend):
            assert NOW <= when <= NOW + spec.retry_most * 1.25
            assert spend is (sort is Sort.TRANSIENT)
            assert not spend or attempts + 1 < allowed
        case GiveUp():
            assert sort is Sort.PERMANENT or attempts + 1 >= allowed
