"""The long run's own criterion, on made-up measures: it must notice a leak and nothing else."""

import random
from collections.abc import Callable, Sequence

import pytest

from churn.gauges import BOUNDS, KIB, MIB
from churn.levelling import Point, growth

SECONDS = 78  # what the two minutes measure
RATE = 40  # transfers a second


def measured(value: Callable[[float], float], *, noise: float, seed: int) -> list[Point]:
    """One point a second; a tenth of them are peaks of twenty times the noise."""
    luck = random.Random(seed)
    work, points = 1000.0, []
    for _ in range(SECONDS):
        work += luck.uniform(0.0, 2.0) * RATE
        peak = 20 * noise if luck.random() < 0.1 else 0.0
        points.append((work, value(work) + luck.uniform(0, noise) + peak))
    return points


def is_leak(name: str, points: Sequence[Point]) -> bool:
    return growth(points) > BOUNDS[name].allowed(points[-1][0] - points[0][0])


@pytest.mark.parametrize(
    ("name", "level", "noise", "leak"),
    [
        ("daemon: memory", 50 * MIB, 300 * KIB, 1.2 * KIB),
        ("agents: memory of the largest", 20 * MIB, 200 * KIB, 1.5 * KIB),
        ("daemon: descriptors", 40, 4, 1),
        ("daemon: descriptors", 40, 4, 0.02),  # for one of fifty
        ("daemon: asyncio tasks", 30, 5, 0.02),
        ("daemon: threads", 12, 1, 0.01),
        ("daemon: zombies", 0, 0, 0.005),
        ("database: ended transfers", 1000, 300, 1),
        ("database: rows of debris", 3, 3, 0.05),
        ("log: bytes", 0, 0, 3 * KIB),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_leak_is_noticed_and_noise_is_not(name: str, level: float, noise: float, leak: float, seed: int) -> None:
    assert not is_leak(name, measured(lambda work: level, noise=noise, seed=seed))
    assert is_leak(name, measured(lambda work: level + leak * work, noise=noise, seed=seed))


@pytest.mark.parametrize("seed", range(5))
def test_growth_is_told_in_the_measures_own_unit(seed: int) -> None:
    points = measured(lambda work: 100 + 0.5 * work, noise=10, seed=seed)

    assert growth(points) == pytest.approx(0.5 * (points[-1][0] - points[0][0]), rel=0.05)


def test_what_goes_up_and_down_does_not_grow() -> None:
    points = [(float(second), float(second % 13)) for second in range(120)]

    assert abs(growth(points)) < 4


def test_a_measure_without_work_says_nothing() -> None:
    with pytest.raises(ValueError, match="cannot be fitted"):
        growth([(5.0, float(second)) for second in range(100)])


def test_two_minutes_are_long_enough() -> None:
    work = SECONDS * RATE

    assert BOUNDS["daemon: descriptors"].notices(0.01, work)
    assert BOUNDS["daemon: memory"].notices(KIB, work)
