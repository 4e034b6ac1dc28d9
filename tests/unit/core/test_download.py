"""The states of a download, and what the downloader's word comes to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgather.core.download import (
    ARRIVING,
    MOVES,
    Allowance,
    Event,
    ImpossibleMove,
    Rules,
    State,
    moved,
    seeding_left,
    seen,
    widest,
)
from cloudgather.core.downloader import Item, Phase, SeedingGoal

RULES = Rules(stalled_after=timedelta(seconds=60))
SOON = timedelta(seconds=1)


def an_item(**changes: Any) -> Item:
    item = Item(id="1", name="film", phase=Phase.DOWNLOADING, final=b"/d", current=b"/d", size=100, done=40)
    return replace(item, **changes)


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_no_way_leads_to_a_removal_of_data_but_over_an_upload_or_an_order(events: list[Event]) -> None:
    state, past = State.QUEUED, set[Event]()

    for event in events:
        if event is Event.RESEND and Event.COMPLETE not in past:
            continue  # ordered only of one whose files are recorded: they are with COMPLETE
        try:
            state = moved(state, event)
        except ImpossibleMove:
            assert event not in MOVES[state]
            continue
        past.add(event)
        assert state in MOVES
        assert (state is State.REMOVED) == (event is Event.REMOVE)
        if state in (State.SEEDING, State.DONE):
            assert past >= {Event.COMPLETE, Event.UPLOAD, Event.UPLOADED}
        if state is State.UPLOADING:
            assert Event.COMPLETE in past


@pytest.mark.parametrize("state", [each for each in State if each is not State.REMOVED])
def test_whatever_it_is_doing_it_can_be_removed(state: State) -> None:
    assert moved(state, Event.REMOVE) is State.REMOVED


@pytest.mark.parametrize("state", sorted(ARRIVING | {State.DOWNLOADED, State.UPLOADING}))
def test_what_has_not_arrived_can_fail_and_a_failed_one_can_be_tried_again(state: State) -> None:
    assert moved(state, Event.FAIL) is State.FAILED
    assert moved(State.FAILED, Event.REQUEUE) is State.QUEUED
    assert moved(State.FAILED, Event.RESEND) is State.DOWNLOADED


def test_what_has_ended_goes_nowhere_by_itself() -> None:
    by_order = {Event.REMOVE, Event.REQUEUE, Event.RESEND}

    assert all(set(MOVES[state]) <= by_order for state in (State.DONE, State.FAILED, State.REMOVED))


@given(st.sampled_from(sorted(ARRIVING)), st.sampled_from(Phase), st.booleans(), st.booleans(), st.integers(0, 200))
def test_whatever_the_downloader_says_is_a_move_or_the_state_it_is_in(
    state: State, phase: Phase, paused: bool, choosing: bool, idle: int
) -> None:
    item = an_item(phase=phase, paused=paused, done=100)

    event = seen(item, choosing=choosing, idle=timedelta(seconds=idle), rules=RULES)

    if event is not None and event not in MOVES[state]:
        assert any(MOVES[other].get(event) is state for other in MOVES)


@pytest.mark.parametrize(
    ("item", "event"),
    [
        (an_item(phase=Phase.QUEUED), None),
        (an_item(phase=Phase.QUEUED, paused=True), Event.CHOOSE),
        (an_item(phase=Phase.METADATA), Event.FETCH),
        (an_item(phase=Phase.STALLED), Event.DOWNLOAD),
        (an_item(phase=Phase.CHECKING), Event.DOWNLOAD),
        (an_item(phase=Phase.CHECKING, done=100), Event.MOVE),
        (an_item(phase=Phase.MOVING, done=100), Event.MOVE),
        (an_item(phase=Phase.SEEDING, done=100), Event.COMPLETE),
        (an_item(phase=Phase.COMPLETE, done=100), Event.COMPLETE),
        (an_item(phase=Phase.SEEDING, done=99), Event.MOVE),
        (an_item(phase=Phase.SEEDING, done=100, current=b"/temporary"), Event.MOVE),
        (an_item(phase=Phase.FAILED), Event.FAIL),
        (an_item(phase=Phase.MISSING), Event.FAIL),
    ],
    ids=lambda value: str(getattr(value, "phase", value)),
)
def test_the_downloaders_word(item: Item, event: Event | None) -> None:
    assert seen(item, choosing=True, idle=SOON, rules=RULES) is event


def test_only_after_a_while_without_a_byte_it_is_stalled() -> None:
    for phase in (Phase.STALLED, Phase.DOWNLOADING, Phase.METADATA):
        item = an_item(phase=phase)
        assert seen(item, choosing=False, idle=timedelta(seconds=59), rules=RULES) is not Event.STALL
        assert seen(item, choosing=False, idle=timedelta(seconds=60), rules=RULES) is Event.STALL


@pytest.mark.parametrize(
    ("item", "left"),
    [
        (an_item(phase=Phase.COMPLETE), None),
        (an_item(phase=Phase.SEEDING, ratio=0.99, seeding=600.0), timedelta(minutes=50)),
        (an_item(phase=Phase.SEEDING, ratio=1.0, seeding=0.0), None),
        (an_item(phase=Phase.SEEDING, ratio=0.0, seeding=3600.0), None),
    ],
    ids=["stopped", "seeding", "ratio", "time"],
)
def test_seeding_ends_with_the_ratio_or_the_time_or_the_downloaders_own_end(item: Item, left: timedelta | None) -> None:
    assert seeding_left(item, SeedingGoal(ratio=1.0, time=timedelta(hours=1))) == left


def test_of_several_groups_each_limit_is_the_one_that_allows_most() -> None:
    narrow = Allowance(max_active=1, max_size=10, downloaders=frozenset({"a"}), options={"split": 1})
    wide = Allowance(max_active=2, max_size=None, downloaders=frozenset({"b"}), options={"split": 2})

    assert widest([]) == Allowance()
    assert widest([narrow]) == narrow
    assert widest([narrow, wide]) == Allowance(
        max_active=2, max_size=None, downloaders=frozenset({"a", "b"}), options={"split": 2}
    )
