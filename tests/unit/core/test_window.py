"""When an upload window is open, also where clocks are put forward and back."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgather.core.task import Window
from cloudgather.core.window import closes_at, is_open, opens_at

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def a_window(begin: str, end: str) -> Window:
    return Window(begin=time.fromisoformat(begin), end=time.fromisoformat(end))


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)


@pytest.mark.parametrize(
    ("begin", "end", "clock", "expected"),
    [
        ("01:00", "07:00", "00:59:59", False),
        ("01:00", "07:00", "01:00", True),
        ("01:00", "07:00", "06:59:59", True),
        ("01:00", "07:00", "07:00", False),
        ("23:00", "06:00", "22:59", False),
        ("23:00", "06:00", "23:00", True),
        ("23:00", "06:00", "00:00", True),
        ("23:00", "06:00", "06:00", False),
        ("05:00", "05:00", "12:00", True),
    ],
)
def test_is_open_from_its_begin_until_its_end(begin: str, end: str, clock: str, expected: bool) -> None:
    assert is_open(a_window(begin, end), local(f"2026-11-21T{clock}+01:00")) is expected


@pytest.mark.parametrize(
    ("begin", "end", "now", "opens", "closes"),
    [
        ("01:00", "07:00", "2026-11-21T12:00+01:00", "2026-11-22T01:00+01:00", "2026-11-21T12:00+01:00"),
        ("01:00", "07:00", "2026-11-21T02:00+01:00", "2026-11-21T02:00+01:00", "2026-11-21T07:00+01:00"),
        ("23:00", "06:00", "2026-11-21T23:30+01:00", "2026-11-21T23:30+01:00", "2026-11-22T06:00+01:00"),
        # the night of the change is an hour shorter, or longer
        ("01:00", "07:00", "2026-03-29T01:30+01:00", "2026-03-29T01:30+01:00", "2026-03-29T07:00+02:00"),
        ("01:00", "07:00", "2026-10-25T01:30+02:00", "2026-10-25T01:30+02:00", "2026-10-25T07:00+01:00"),
        # the begin is passed over: it opens at that moment
        ("02:30", "07:00", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T01:30+01:00"),
        # the whole window is passed over: it opens the day after
        ("02:10", "02:50", "2026-03-29T01:30+01:00", "2026-03-30T02:10+02:00", "2026-03-29T01:30+01:00"),
        # the end is passed over
        ("01:00", "02:30", "2026-03-29T01:30+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        # the clock shows it twice: open twice
        ("02:10", "02:20", "2026-10-25T02:30+02:00", "2026-10-25T02:10+01:00", "2026-10-25T02:30+02:00"),
        ("01:30", "02:30", "2026-10-25T02:40+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:40+02:00"),
        ("02:30", "07:00", "2026-10-25T02:45+02:00", "2026-10-25T02:45+02:00", "2026-10-25T02:00+01:00"),
    ],
)
def test_opens_and_closes_at(begin: str, end: str, now: str, opens: str, closes: str) -> None:
    window = a_window(begin, end)

    assert opens_at(window, local(now)) == datetime.fromisoformat(opens)
    assert closes_at(window, local(now)) == datetime.fromisoformat(closes)


def test_a_window_of_a_whole_day_never_closes() -> None:
    window = a_window("05:00", "05:00")
    now = local("2026-11-21T12:00+08:00", SHANGHAI)

    assert opens_at(window, now) == now
    assert closes_at(window, now) is None


_clock = st.integers(0, 24 * 12 - 1).map(lambda n: time(n // 12, n % 12 * 5))


@settings(max_examples=50, deadline=None)
@given(_clock, _clock, st.integers(-48 * 12, 48 * 12), st.sampled_from([3, 10]))
def test_nothing_changes_before_the_answer(begin: time, end: time, offset: int, month: int) -> None:
    window = Window(begin=begin, end=end)
    change = datetime(2026, month, 29 if month == 3 else 25, 1, tzinfo=UTC)
    now = change + timedelta(minutes=5 * offset)

    opens, closes = opens_at(window, now.astimezone(BERLIN)), closes_at(window, now.astimezone(BERLIN))

    for answer, state in ((opens, True), (closes, False)):
        if answer is None:
            continue
        assert answer - now < timedelta(hours=49)
        assert is_open(window, answer.astimezone(BERLIN)) is state
        for minutes in range(0, (answer - now) // timedelta(minutes=1), 5):
            assert is_open(window, (now + timedelta(minutes=minutes)).astimezone(BERLIN)) is not state
