"""How long a step may take."""

import pytest

from cloudgather.agent.deadlines import Deadlines, Misses

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("step", "nbytes", "seconds"),
    [
        ("stat", 0, 30.0),
        ("open", 0, 30.0),
        ("lease", 0, 30.0),
        ("write", 0, 120.0),
        ("list", 0, 600.0),
        ("fsync", 0, 600.0),
        ("close", 100 * MIB, 700.0),
        ("rename", 1024 * MIB, 1624.0),
        ("syncfs", 0, 600.0),
    ],
)
def test_each_step_has_its_time_and_what_flushes_has_that_of_its_bytes_too(
    step: str, nbytes: int, seconds: float
) -> None:
    assert Deadlines().of(step, nbytes) == seconds


def test_every_miss_of_a_file_doubles_its_deadlines_and_a_success_ends_that() -> None:
    misses = Misses()
    factors = []

    for _ in range(3):
        misses.missed(b"film")
        factors.append(misses.factor(b"film"))
    other = misses.factor(b"other")
    misses.kept(b"film")

    assert factors == [2.0, 4.0, 8.0]
    assert other == 1.0
    assert misses.factor(b"film") == 1.0


def test_misses_stretch_a_deadline_within_bounds_and_take_bounded_memory() -> None:
    misses = Misses()

    for _ in range(100):
        misses.missed(b"film")
    assert misses.factor(b"film") == 64.0
    for number in range(5000):
        misses.missed(b"%d" % number)

    assert misses.factor(b"film") == 1.0
    assert misses.factor(b"4999") == 2.0
