"""Which scheduling policy a thread has once it is to stay in the background."""

import errno
import os

import pytest

from cloudgather.outside.scheduling import stay_in_the_background
from policies import may_choose, policy_after


def refusing(*_: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.skipif(not may_choose(), reason="needs to choose a policy")
def test_a_thread_and_those_that_it_starts_later_have_the_policy_of_batch_work() -> None:
    later: list[int] = []

    own = policy_after(stay_in_the_background, lambda: later.append(policy_after()))

    assert [own, *later] == [os.SCHED_BATCH, os.SCHED_BATCH]


@pytest.mark.parametrize(("policy", "chosen"), [(os.SCHED_OTHER, [os.SCHED_BATCH]), (os.SCHED_IDLE, [])])
def test_only_the_default_policy_gives_way(policy: int, chosen: list[int]) -> None:
    made: list[int] = []

    stay_in_the_background(policy=lambda _: policy, choose=lambda _, policy, param: made.append(policy))

    assert made == chosen


def test_where_none_may_be_chosen_all_stays_as_it_is() -> None:
    before = policy_after()

    assert policy_after(lambda: stay_in_the_background(choose=refusing)) == before
