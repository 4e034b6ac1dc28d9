"""The states of a transfer: every move there is, and that there is no other."""

from itertools import product

import pytest

from cloudgather.core.transfer import LIVE, MOVES, Event, ImpossibleMove, State, Version, moved

ALLOWED = {
    ("queued", "claim"): "copying",
    ("queued", "change"): "queued",
    ("queued", "cancel"): "cancelled",
    ("queued", "vanish"): "vanished",
    ("copying", "defer"): "queued",
    ("copying", "change"): "queued",
    ("copying", "publish"): "publishing",
    ("publishing", "give-up"): "failed",
    ("copying", "give-up"): "failed",
    ("copying", "cancel"): "cancelled",
    ("copying", "vanish"): "vanished",
    ("publishing", "write"): "written",
    ("publishing", "unpublish"): "queued",
    ("written", "confirm"): "done",
    ("written", "lose"): "queued",
    ("written", "give-up"): "failed",
    ("failed", "requeue"): "queued",
    ("failed", "cancel"): "cancelled",
    ("failed", "vanish"): "vanished",
    ("cancelled", "requeue"): "queued",
}


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)), ids=lambda each: str(each))
def test_every_move_is_in_the_table_or_raises(state: State, event: Event) -> None:
    if (expected := ALLOWED.get((state, event))) is not None:
        assert moved(state, event) is State(expected)
        return
    with pytest.raises(ImpossibleMove) as impossible:
        moved(state, event)
    assert (impossible.value.state, impossible.value.event) == (state, event)


def test_every_state_has_its_row() -> None:
    assert set(MOVES) == set(State)


def test_nothing_leaves_done_and_vanished() -> None:
    assert {state for state in State if not MOVES[state]} == {State.DONE, State.VANISHED}


def test_a_rename_happens_in_publishing_only() -> None:
    """What is not recorded as publishing is never under its final name by our doing; what is, is not cancelled."""
    ways = {state for state in State if State.WRITTEN in MOVES[state].values()}

    assert ways == {State.PUBLISHING}
    assert set(MOVES[State.PUBLISHING]) == {Event.WRITE, Event.UNPUBLISH, Event.GIVE_UP}
    assert {State.QUEUED, State.COPYING, State.PUBLISHING} == LIVE


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Version(size=1, mtime_ns=2, device=3, inode=4), True),
        (Version(size=1, mtime_ns=2, device=9, inode=9), True),
        (Version(size=9, mtime_ns=2, device=3, inode=4), False),
        (Version(size=1, mtime_ns=9, device=3, inode=4), False),
    ],
)
def test_a_disk_that_was_mounted_anew_changes_no_content(other: Version, same: bool) -> None:
    assert Version(size=1, mtime_ns=2, device=3, inode=4).same_content_as(other) is same
