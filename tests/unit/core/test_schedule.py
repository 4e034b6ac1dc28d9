"""When schedules are due. Expected times were worked out by hand from crontab(5) and the calendars."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgather.core.cron import parse_cron
from cloudgather.core.schedule import Cron, Every, Schedule, due_since, schedule_of, upcoming
from cloudgather.core.task import Task

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DUBLIN = ZoneInfo("Europe/Dublin")  # its daylight saving is negative in the database
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # shifts by half an hour
CAIRO = ZoneInfo("Africa/Cairo")  # shifts at midnight
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011

# (expression, zone, after, the next due times; all ISO with offset). 2026-03-29 and 2026-10-25 are Berlin's changes,
# 2026-03-08 and 2026-11-01 New York's.
TABLE = [
    # plain, without a change of the clock
    ("0 3 * * *", SHANGHAI, "2026-11-21T02:59:59+08:00", ["2026-11-21T03:00+08:00", "2026-11-22T03:00+08:00"]),
    ("0 3 * * *", SHANGHAI, "2026-11-21T03:00:00+08:00", ["2026-11-22T03:00+08:00"]),
    ("*/20 * * * *", SHANGHAI, "2026-11-21T03:10+08:00", ["2026-11-21T03:20+08:00", "2026-11-21T03:40+08:00"]),
    ("5/20 4 * * *", SHANGHAI, "2026-11-21T03:10+08:00", ["2026-11-21T04:05+08:00", "2026-11-21T04:25+08:00"]),
    ("10-30/10 9,21 * * *", UTC, "2026-11-21T09:20Z", ["2026-11-21T09:30Z", "2026-11-21T21:10Z"]),
    ("7-7 5-5 * * *", UTC, "2026-11-21T09:20Z", ["2026-11-22T05:07Z", "2026-11-23T05:07Z"]),
    # days of the week: 2026-11-21 is a Saturday, Sunday is 0 and 7
    ("0 0 * * 0", UTC, "2026-11-21T12:00Z", ["2026-11-22T00:00Z", "2026-11-29T00:00Z"]),
    ("0 0 * * 7", UTC, "2026-11-21T12:00Z", ["2026-11-22T00:00Z", "2026-11-29T00:00Z"]),
    ("0 0 * * SUN", UTC, "2026-11-21T12:00Z", ["2026-11-22T00:00Z", "2026-11-29T00:00Z"]),
    ("0 0 * * 6-7", UTC, "2026-11-21T12:00Z", ["2026-11-22T00:00Z", "2026-11-28T00:00Z"]),
    ("0 0 * * fri-sun", UTC, "2026-11-21T12:00Z", ["2026-11-22T00:00Z", "2026-11-27T00:00Z", "2026-11-28T00:00Z"]),
    ("0 8 * * Mon-Fri", UTC, "2026-11-21T12:00Z", ["2026-11-23T08:00Z", "2026-11-24T08:00Z"]),
    ("0 8 * * */2", UTC, "2026-11-21T12:00Z", ["2026-11-22T08:00Z", "2026-11-24T08:00Z", "2026-11-26T08:00Z"]),
    # months, ends of months, leap years
    ("0 0 1 jan,Jul *", UTC, "2026-11-21T12:00Z", ["2027-01-01T00:00Z", "2027-07-01T00:00Z"]),
    ("0 0 31 * *", UTC, "2026-11-21T12:00Z", ["2026-12-31T00:00Z", "2027-01-31T00:00Z", "2027-03-31T00:00Z"]),
    ("0 0 29 2 *", UTC, "2026-11-21T12:00Z", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]),
    # day of month OR day of week; AND when one begins with a star
    ("0 0 13 * 5", UTC, "2026-11-07T00:00Z", ["2026-11-13T00:00Z", "2026-11-20T00:00Z", "2026-11-27T00:00Z"]),
    ("0 0 13 * 5", UTC, "2026-12-11T00:00Z", ["2026-12-13T00:00Z", "2026-12-18T00:00Z"]),
    ("0 0 1-31 * 5", UTC, "2026-11-07T00:00Z", ["2026-11-08T00:00Z", "2026-11-09T00:00Z"]),
    ("0 0 */15 * 1", UTC, "2026-11-07T00:00Z", ["2026-11-16T00:00Z", "2027-02-01T00:00Z"]),
    ("0 0 30 2 5", UTC, "2026-01-01T00:00Z", ["2026-02-06T00:00Z", "2026-02-13T00:00Z"]),
    # aliases
    ("@hourly", UTC, "2026-11-21T12:34Z", ["2026-11-21T13:00Z", "2026-11-21T14:00Z"]),
    ("@daily", BERLIN, "2026-11-21T12:34+01:00", ["2026-11-22T00:00+01:00"]),
    ("@Midnight", BERLIN, "2026-11-21T12:34+01:00", ["2026-11-22T00:00+01:00"]),
    ("@weekly", UTC, "2026-11-21T12:34Z", ["2026-11-22T00:00Z"]),
    ("@monthly", UTC, "2026-11-21T12:34Z", ["2026-12-01T00:00Z"]),
    ("@yearly", UTC, "2026-11-21T12:34Z", ["2027-01-01T00:00Z"]),
    ("@annually", UTC, "2026-11-21T12:34Z", ["2027-01-01T00:00Z"]),
    # forward: a time of day that the clock passes over runs once, at that moment
    ("30 2 * * *", BERLIN, "2026-03-28T03:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
    ("*/15 2 * * *", BERLIN, "2026-03-28T03:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
    ("30 2,3 * * *", BERLIN, "2026-03-28T04:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
    ("0 2,3 * * *", BERLIN, "2026-03-28T04:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
    ("0 */2 * * *", BERLIN, "2026-03-29T00:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"]),
    ("30 2 29 3 *", BERLIN, "2026-01-01T00:00+01:00", ["2026-03-29T03:00+02:00", "2027-03-29T02:30+02:00"]),
    ("15 2 * * *", NEW_YORK, "2026-03-07T03:00-05:00", ["2026-03-08T03:00-04:00", "2026-03-09T02:15-04:00"]),
    ("0 3 * * *", NEW_YORK, "2026-03-07T03:00-05:00", ["2026-03-08T03:00-04:00", "2026-03-09T03:00-04:00"]),
    ("0 0 * * *", CAIRO, "2026-04-23T12:00+02:00", ["2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"]),
    ("0 3 30 12 *", APIA, "2011-12-29T12:00-10:00", ["2011-12-31T00:00+14:00", "2012-12-30T03:00+14:00"]),
    # back: a time of day runs the first time only
    ("30 2 * * *", BERLIN, "2026-10-24T03:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
    ("30 2 * * *", BERLIN, "2026-10-25T02:45+02:00", ["2026-10-26T02:30+01:00"]),
    ("30 2 * * *", BERLIN, "2026-10-25T02:15+01:00", ["2026-10-26T02:30+01:00"]),
    ("*/30 2 * * *", BERLIN, "2026-10-25T01:00+02:00",
     ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:00+01:00"]),
    ("0 */2 * * *", BERLIN, "2026-10-25T00:00+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T04:00+01:00"]),
    ("30 1 * * *", NEW_YORK, "2026-10-31T02:00-04:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
    ("0 3 * * *", NEW_YORK, "2026-10-31T03:00-04:00", ["2026-11-01T03:00-05:00", "2026-11-02T03:00-05:00"]),
    ("45 1 * * *", LORD_HOWE, "2026-04-04T12:00+11:00", ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"]),
    ("30 1 * * *", DUBLIN, "2026-10-24T12:00+01:00", ["2026-10-25T01:30+01:00", "2026-10-26T01:30+00:00"]),
    # spans: every real half hour or hour, over both changes
    ("*/30 * * * *", BERLIN, "2026-03-29T01:15+01:00",
     ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
    ("*/30 * * * *", BERLIN, "2026-10-25T02:15+02:00",
     ["2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00"]),
    ("0 * * * *", BERLIN, "2026-10-25T01:30+02:00",
     ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]),
    ("0 * * * *", BERLIN, "2026-03-29T00:30+01:00", ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]),
    ("@hourly", NEW_YORK, "2026-11-01T00:30-04:00",
     ["2026-11-01T01:00-04:00", "2026-11-01T01:00-05:00", "2026-11-01T02:00-05:00"]),
    ("0 * 1 7 *", BERLIN, "2026-01-10T00:30+01:00", ["2026-07-01T00:00+02:00", "2026-07-01T01:00+02:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"), TABLE, ids=[f"{row[0]} {row[1]} {row[2][:13]}" for row in TABLE]
)
def test_is_due_at(expression: str, zone: ZoneInfo, after: str, expected: list[str]) -> None:
    schedule = Cron(expression, zone)

    due = upcoming(schedule, datetime.fromisoformat(after), len(expected))

    assert due == [datetime.fromisoformat(each) for each in expected]
    assert all(each.tzinfo is UTC for each in due)


REFUSED = [
    ("*/15 * * * * *", "five fields are needed (minute, hour, day of month, month, day of week), not 6: seconds"),
    ("0 3 * *", "there are 4"),
    ("", "there are 0"),
    ("@every 5m", 'every = "5m"'),
    ("@reboot", "not needed"),
    ("@dayly", "did you mean @daily?"),
    ("*/90 * * * *", "larger than its range of 60"),
    ("0 */25 * * *", "larger than its range of 24"),
    ("59/15 * * * *", "larger than its range of 1"),
    ("10-20/30 * * * *", "larger than its range of 11"),
    ("0 0 30 2 *", "never comes"),
    ("0 0 31 4,6,9,11 *", "never comes"),
    ("R * * * *", "use H"),
    ("R(0-10) 3 * * *", "use H"),
    ("60 * * * *", "minute: '60' is not allowed; use 0-59"),
    ("0 24 * * *", "hour: '24' is not allowed"),
    ("0 0 0 * *", "day of month: '0' is not allowed; use 1-31"),
    ("0 0 1 13 *", "month: '13' is not allowed; use 1-12 or jan"),
    ("0 0 * * 8", "day of week: '8' is not allowed; use 0-7 or sun"),
    ("0 0 * * funday", "day of week: 'funday'"),
    ("59-1 * * * *", "runs backwards"),
    ("0 0 ? * *", "not standard cron"),
    ("0 0 L * *", "not standard cron"),
    ("0 0 15W * *", "not standard cron"),
    ("0 0 * * 5#2", "not standard cron"),
    ("*/0 * * * *", "a number from 1 on"),
    ("*/x * * * *", "a number from 1 on"),
    ("1,,2 * * * *", "minute: ''"),
    ("-5 * * * *", "minute: '-5'"),
    ("٣ * * * *", "minute: '٣'"),
    ("H(30-10) * * * *", "runs backwards"),
    ("H/90 * * * *", "larger than its range"),
]


@pytest.mark.parametrize(("expression", "complaint"), REFUSED)
def test_refuses_what_is_not_cron_and_says_why(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        Cron(expression, UTC)

    assert complaint in str(refused.value)


@given(st.text(alphabet="0123456789*/-,HhRrLW#?()@ abcdefjmnorstuwy", max_size=30))
def test_gives_a_schedule_or_a_value_error(expression: str) -> None:
    try:
        schedule = Cron(expression, BERLIN, "task")
    except ValueError:
        return

    assert schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


def test_h_is_a_stable_slot_that_differs_between_tasks() -> None:
    fields = [parse_cron("H H(2-5) H * H", f"task {n}") for n in range(200)]

    assert fields == [parse_cron("H H(2-5) H * H", f"task {n}") for n in range(200)]
    assert all(len(each.minutes) == len(each.hours) == len(each.days) == len(each.weekdays) == 1 for each in fields)
    assert {hour for each in fields for hour in each.hours} == {2, 3, 4, 5}
    assert {day for each in fields for day in each.days} <= set(range(1, 29))
    assert len({(min(each.minutes), min(each.hours)) for each in fields}) > 100


def test_h_with_a_step_begins_somewhere_within_it() -> None:
    fields = [parse_cron("H/15 * * * *", f"task {n}") for n in range(100)]

    assert all(len(each.minutes) == 4 and max(each.minutes) - min(each.minutes) == 45 for each in fields)
    assert {min(each.minutes) for each in fields} == set(range(15))


def test_daily_is_midnight_for_every_task() -> None:
    assert Cron("@daily", UTC, "a task").next_after(datetime(2026, 11, 21, 5, tzinfo=UTC)) == datetime(
        2026, 11, 22, tzinfo=UTC
    )


def test_every_keeps_its_distance_and_differs_between_tasks() -> None:
    now = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    due = upcoming(Every(timedelta(minutes=90), "film"), now, 5)

    assert now < due[0] <= now + timedelta(minutes=90)
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(minutes=90)}
    assert due != upcoming(Every(timedelta(minutes=90), "series"), now, 5)


def test_what_was_missed_is_one_instant_the_latest() -> None:
    nightly = Cron("0 3 * * *", SHANGHAI)
    minutely = Cron("* * * * *", UTC)

    at = datetime.fromisoformat

    assert due_since(nightly, at("2026-11-01T03:00+08:00"), at("2026-11-21T02:00+08:00")) == at(
        "2026-11-20T03:00+08:00"
    )
    assert due_since(nightly, at("2026-11-20T03:00+08:00"), at("2026-11-21T02:59+08:00")) is None
    assert due_since(nightly, at("2026-11-20T03:00+08:00"), at("2026-11-21T03:00+08:00")) == at(
        "2026-11-21T03:00+08:00"
    )
    assert due_since(minutely, at("2020-01-01T00:00Z"), at("2026-11-21T03:00:30Z")) == at("2026-11-21T03:00Z")


def test_the_end_of_the_calendar_is_the_end() -> None:
    assert Cron("0 0 1 1 *", UTC).next_after(datetime(9999, 12, 31, tzinfo=UTC)) is None
    assert Every(timedelta(days=1)).next_after(datetime(9999, 12, 31, 12, tzinfo=UTC)) is None


def test_a_task_says_what_its_schedule_is() -> None:
    def a_task(**more: object) -> Task:
        return Task(name="t", source=b"/s", target="x", base=b"", **more)  # type: ignore[arg-type]

    cron = schedule_of(a_task(schedule="0 3 * * *", timezone="Asia/Shanghai"), BERLIN)
    local = schedule_of(a_task(schedule="0 3 * * *"), BERLIN)

    assert isinstance(cron, Cron) and cron.timezone.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=8)
    assert isinstance(local, Cron) and local.timezone is BERLIN
    assert isinstance(schedule_of(a_task(every=timedelta(minutes=5)), BERLIN), Every)
    assert schedule_of(a_task(), BERLIN) is None


# ---- against cron's definition, minute by minute ---------------------------------------------------------------------

_minutes = st.sampled_from(["*", "*/30", "0", "15", "30", "0,45", "20-40/10", "59"])
_hours = st.sampled_from(["*", "*/2", "0", "1", "2", "3", "1-3", "0,2", "23"])
_days = st.sampled_from([("*", "*"), ("*", "0"), ("29", "*"), ("25", "6"), ("*/2", "1-5")])
_changes = st.sampled_from(
    [
        (BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (BERLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
        (NEW_YORK, datetime(2026, 3, 8, 7, tzinfo=UTC)),
        (NEW_YORK, datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
        (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (DUBLIN, datetime(2026, 10, 25, 1, tzinfo=UTC)),
        (CAIRO, datetime(2026, 4, 23, 22, tzinfo=UTC)),
        (CAIRO, datetime(2026, 10, 29, 21, tzinfo=UTC)),
    ]
)


def by_definition(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Walk every minute; a time of day runs when it is shown first, or when the clock has just passed over it."""
    fields = parse_cron(expression, "")
    day, weekday = expression.split()[2], expression.split()[4]

    def fits(shown: datetime) -> bool:
        by_day, by_weekday = shown.day in fields.days, (shown.weekday() + 1) % 7 in fields.weekdays
        either = not day.startswith("*") and not weekday.startswith("*")
        days = by_day or by_weekday if either else by_day and by_weekday
        return days and shown.minute in fields.minutes and shown.hour in fields.hours and shown.month in fields.months

    minute = timedelta(minutes=1)
    due, shown_already = [], set[datetime]()
    previous = (start - minute).astimezone(zone).replace(tzinfo=None)
    instant = start
    while instant < end:
        shown = instant.astimezone(zone).replace(tzinfo=None, fold=0)
        passed = []
        while (previous := previous + minute) < shown:
            passed.append(previous)
        if fields.every_hour:
            runs = fits(shown)
        else:
            runs = any(fits(each) for each in (*passed, shown) if each not in shown_already)
        shown_already |= {*passed, shown}
        previous = shown
        if runs:
            due.append(instant)
        instant += minute
    return due


@settings(max_examples=60, deadline=None)
@given(_minutes, _hours, _days, _changes)
def test_agrees_with_the_definition_around_a_change(
    minutes: str, hours: str, days: tuple[str, str], change: tuple[ZoneInfo, datetime]
) -> None:
    expression = f"{minutes} {hours} {days[0]} * {days[1]}"
    zone, at = change
    start, end = at - timedelta(hours=30), at + timedelta(hours=30)
    schedule: Schedule = Cron(expression, zone)

    found = []
    due = schedule.next_after(start - timedelta(seconds=1))
    while due is not None and due < end:
        found.append(due)
        due = schedule.next_after(due)

    assert found == by_definition(expression, zone, start, end)
