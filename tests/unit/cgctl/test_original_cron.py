"""The original's cron, which counts Monday as 0, in the standard notation."""

import pytest

from cgctl.original.cron import standard
from cloudgather.core.cron import parse_cron


def days_meant(expression: str) -> set[int]:
    """The days of the week that the daemon understands, counted as the original does."""
    return {(day - 1) % 7 for day in parse_cron(expression, "task").weekdays}


@pytest.mark.parametrize("step", range(1, 8))
@pytest.mark.parametrize(("low", "high"), [(low, high) for low in range(7) for high in range(low, 7)])
def test_every_range_with_every_step_means_the_same_days(low: int, high: int, step: int) -> None:
    assert days_meant(standard(f"0 3 * * {low}-{high}/{step}")) == set(range(low, high + 1, step))


@pytest.mark.parametrize("step", range(1, 8))
def test_a_star_steps_from_monday(step: int) -> None:
    assert days_meant(standard(f"0 3 * * */{step}")) == set(range(0, 7, step))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("0 3 * * 0", "0 3 * * 1"),
        ("0 3 * * 6", "0 3 * * 7"),
        ("0 3 * * 5,6", "0 3 * * 6,7"),
        ("0 3 * * 4-6", "0 3 * * 5-7"),
        ("0 3 * * 0-4", "0 3 * * 1-5"),
        ("0 3 * * 6,0", "0 3 * * 1,7"),
        ("0 3 * * 0-2,4,6", "0 3 * * 1-3,5,7"),
        ("0 3 * * 3/2", "0 3 * * 4,6"),
        ("0 3 * * mon-fri", "0 3 * * 1-5"),
        ("0 3 * * SAT,sun", "0 3 * * 6,7"),
        ("*/15 8-18/2 1,15 jan-jun *", "*/15 8-18/2 1,15 jan-jun *"),
        ("30 2 */2 * 0", "30 2 */2 * 1"),  # a day that begins with * must match beside the weekday in both
        ("0 3 1 * 0-6", "0 3 1 * *"),
        (" 0  3 * * * ", "0 3 * * *"),
    ],
)
def test_expressions(given: str, meant: str) -> None:
    assert standard(given) == meant
    parse_cron(standard(given), "task")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "five fields"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("0 3 last * *", "standard cron does not have"),
        ("0 3 * * 1#2", "standard cron does not have"),
        ("0 3 * * mon-fri/2", "standard cron does not have"),
        ("0 3 * * 7", "a day that there is not"),
        ("0 3 * * 5-1", "a day that there is not"),
        ("0 3 * * xyz", "a day that there is not"),
        ("0 3 * * */0", "a day that there is not"),
        ("0 3 1 * 0", "at once"),  # the original wants both, standard cron is content with one
        ("0 3 1-7 * 6", "at once"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_reason(given: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        standard(given)
