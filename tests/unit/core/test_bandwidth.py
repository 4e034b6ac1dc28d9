"""Which bandwidth is in effect, and until when."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.bandwidth import Bandwidth, RateFrom, RateNow, RateOrder, rate_now

BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
SLOW, FAST = 2_000_000, 9_000_000


def a_timetable(**rates: int | None) -> tuple[RateFrom, ...]:
    """at0800=SLOW …, in the order of the day."""
    return tuple(
        RateFrom(at=time(int(at[2:4]), int(at[4:])), rate=rate)
        for at, rate in sorted(rates.items(), key=lambda x: x[0])
    )


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)


DAY = a_timetable(at0800=SLOW, at2300=None)
NIGHT = a_timetable(at0230=SLOW, at0700=None)


@pytest.mark.parametrize(
    ("timetable", "now", "rate", "until"),
    [
        (DAY, "2026-11-21T07:59:59+01:00", None, "2026-11-21T08:00+01:00"),
        (DAY, "2026-11-21T08:00+01:00", SLOW, "2026-11-21T23:00+01:00"),
        (DAY, "2026-11-21T23:00+01:00", None, "2026-11-22T08:00+01:00"),
        (DAY, "2026-11-22T03:00+01:00", None, "2026-11-22T08:00+01:00"),
        # the night of the change is an hour shorter, or longer
        (DAY, "2026-03-28T23:30+01:00", None, "2026-03-29T08:00+02:00"),
        (DAY, "2026-10-24T23:30+02:00", None, "2026-10-25T08:00+01:00"),
        # the step is passed over: it holds from that moment
        (NIGHT, "2026-03-29T01:30+01:00", None, "2026-03-29T03:00+02:00"),
        # the clock is put back behind it, and comes to it again
        (NIGHT, "2026-10-25T02:29+02:00", None, "2026-10-25T02:30+02:00"),
        (NIGHT, "2026-10-25T02:30+02:00", SLOW, "2026-10-25T02:00+01:00"),
        (NIGHT, "2026-10-25T02:00+01:00", None, "2026-10-25T02:30+01:00"),
        # lines that change nothing end nothing
        (a_timetable(at0800=SLOW, at1200=SLOW, at2300=None), "2026-11-21T09:00+01:00", SLOW, "2026-11-21T23:00+01:00"),
        (a_timetable(at0800=SLOW, at2300=SLOW), "2026-11-21T09:00+01:00", SLOW, None),
        (a_timetable(at0800=SLOW), "2026-11-21T07:00+01:00", SLOW, None),
        (SLOW, "2026-11-21T07:00+01:00", SLOW, None),
        (None, "2026-11-21T07:00+01:00", None, None),
    ],
)
def test_a_figure_holds_until_the_next_one(timetable: Bandwidth, now: str, rate: int | None, until: str | None) -> None:
    expected = None if until is None else datetime.fromisoformat(until)

    assert rate_now(timetable, None, local(now)) == RateNow(rate=rate, until=expected, ordered=False)


def test_a_day_that_there_was_not_is_passed_over() -> None:
    found = rate_now(DAY, None, local("2011-12-29T23:30-10:00", APIA))

    assert (found.rate, found.until) == (None, datetime.fromisoformat("2011-12-31T08:00+14:00"))


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)), st.integers(0, 3600 * 30))
def test_nothing_changes_before_it_is_said_to(now: datetime, later: int) -> None:
    moment = now + timedelta(seconds=later)
    found = rate_now(NIGHT, None, now.astimezone(BERLIN))
    assert found.until is not None

    then = rate_now(NIGHT, None, moment.astimezone(BERLIN))

    assert now < found.until
    assert (then.rate == found.rate) or moment >= found.until
    assert rate_now(NIGHT, None, found.until.astimezone(BERLIN)).rate != found.rate


def test_an_order_goes_before_the_timetable_until_it_ends() -> None:
    now = local("2026-11-21T22:30+01:00")
    order = RateOrder(rate=FAST, until=now + timedelta(hours=2), span=timedelta(hours=2))

    assert rate_now(DAY, order, now) == RateNow(rate=FAST, until=order.until, ordered=True)
    assert rate_now(DAY, order, now + timedelta(hours=2)).ordered is False
    assert rate_now(DAY, order, now + timedelta(hours=2)).rate is None


def test_an_order_is_never_longer_than_it_was_given_for() -> None:
    now = local("1970-01-01T00:00+00:00")
    order = RateOrder(rate=None, until=local("2026-11-21T12:00+01:00"), span=timedelta(hours=2))

    assert order.clamped(now).until == now + timedelta(hours=2)
    assert order.clamped(order.until) == order
