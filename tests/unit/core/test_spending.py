"""What a limit of bytes a day leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.limits import Spending, first_counted, hour_of

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
H = hour_of(NOW)


@pytest.mark.parametrize(
    ("spending", "size", "fits"),
    [
        (Spending(), 100, True),
        (Spending(), 1000, True),  # larger than the limit, on an unused one
        (Spending(hours=((H, 1),)), 1000, False),
        (Spending(reserved=1), 1000, False),
        (Spending(hours=((H, 60),)), 40, True),
        (Spending(hours=((H, 60),)), 41, False),
        (Spending(hours=((H, 30),), reserved=30), 41, False),
    ],
)
def test_a_file_goes_where_there_is_room_for_it(spending: Spending, size: int, fits: bool) -> None:
    assert spending.fits(size, 100) is fits


@pytest.mark.parametrize(
    ("spending", "size", "hours"),
    [
        (Spending(hours=((H - 3, 50), (H, 50))), 50, 22),  # 24 hours after the end of that hour
        (Spending(hours=((H - 3, 50), (H, 50))), 51, 25),
        (Spending(hours=((H - 3, 50), (H, 50))), 1000, 25),
        (Spending(hours=((H - 3, 50),), reserved=60), 40, 22),
        (Spending(hours=((H - 3, 50),), reserved=60), 41, None),
    ],
)
def test_it_is_known_when_there_is(spending: Spending, size: int, hours: int | None) -> None:
    expected = None if hours is None else NOW.replace(minute=0) + timedelta(hours=hours)

    assert spending.frees_at(size, 100) == expected


@given(st.integers(0, 200), st.integers(0, 3599))
def test_what_was_sent_counts_for_a_day_and_at_most_an_hour_more(minutes: int, second: int) -> None:
    sent = NOW + timedelta(minutes=minutes, seconds=second)

    assert first_counted(sent + timedelta(hours=24)) <= hour_of(sent)
    assert first_counted(sent + timedelta(hours=25)) > hour_of(sent)
