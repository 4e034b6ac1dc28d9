"""How long the batches for a mount are."""

from dataclasses import replace
from typing import cast

import pytest

from cloudgather.core.target import Profile
from cloudgather.pipeline.board import TargetState
from cloudgather.pipeline.portions import learn, portion
from cloudgather.ports.queue import TargetMemory
from cloudgather.ports.target import Target
from pipework import a_spec


def a_lane(*, parallel: int = 4, together: int = 8) -> TargetState:
    """Of a mount that is not asked at a pace."""
    spec = a_spec(metadata_per_second=None, parallel=parallel)
    return TargetState(spec=spec, memory=TargetMemory(name="cloud"), port=cast("Target", None), together=together)


@pytest.mark.parametrize(
    ("together", "files", "arrived", "seconds", "expected"),
    [
        (8, 8, 8, 0.9, 16),  # twice as long at least
        (8, 8, 8, 0.2, 40),  # what a second takes
        (8, 8, 8, 0.001, 64),
        (8, 8, 8, 0.0, 64),  # on a clock that did not move
        (8, 8, 8, 1.0, 8),
        (8, 8, 7, 0.1, 8),  # one of them failed
        (32, 8, 8, 0.1, 32),  # a short batch says nothing of a long one
        (64, 64, 64, 4.1, 32),
        (64, 10, 0, 9.0, 5),
        (8, 1, 1, 30.0, 8),  # it may have been large
        (1, 1, 1, 0.001, 2),  # or empty
    ],
)
def test_a_batch_teaches_how_long_the_next_ones_are(
    together: int, files: int, arrived: int, seconds: float, expected: int
) -> None:
    lane = a_lane(together=together)

    learn(lane, files, arrived, seconds)

    assert lane.together == expected


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [(0, 64), (1000, 64), (256, 64), (255, 64), (200, 50), (17, 5), (16, 4), (3, 4), (1, 4)],
)
def test_towards_the_end_batches_are_shorter(waiting: int, expected: int) -> None:
    """0: nothing is known of what waits, as after a restart."""
    lane = a_lane(together=64)
    lane.backlog.added(waiting)

    assert portion(lane, 2, singly=False).files == expected


def test_all_that_waits_is_dealt_out_so_that_all_end_together() -> None:
    lane, ends = a_lane(together=64), [0] * 4
    lane.backlog.added(waiting := 1000)

    while waiting:
        files = min(waiting, portion(lane, 1, singly=False).files)
        ends[ends.index(min(ends))] += files  # the one that has ended takes the next
        waiting -= files
        lane.backlog.claimed(files)

    assert sum(ends) == 1000
    assert max(ends) - min(ends) <= 4


@pytest.mark.parametrize(("profile", "apart"), [(Profile.LAN, True), (Profile.DISK, False)])
def test_batches_for_a_mount_are_better_apart(profile: Profile, apart: bool) -> None:
    lane = a_lane(together=64)
    lane.spec = replace(lane.spec, profile=profile)

    assert portion(lane, 2, singly=False).apart is apart
