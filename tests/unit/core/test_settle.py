"""When a file counts as complete, and what it waits for until then."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.settle import Evidence, conditions, judge, needed_quiet

MINUTE = timedelta(seconds=60)


def some_evidence(**changes: Any) -> Evidence:
    """A file with nothing against it, seen by a scan a minute ago and not changed since."""
    evidence = Evidence(now=1060.0, quiet_since=1000.0, event_seen=False, ctime_age=60.0, written=False)
    return evidence._replace(**changes)


def codes(evidence: Evidence, settle: timedelta = MINUTE) -> list[str]:
    return [reason.code for reason in conditions(evidence, settle)]


@pytest.mark.parametrize(
    ("changes", "settled", "waits"),
    [
        ({}, True, []),
        # quiet: watched for long enough
        ({"event_seen": True}, True, []),
        ({"event_seen": True, "quiet_since": 1000.1}, False, [Code.WAIT_QUIET]),
        ({"ctime_age": None, "quiet_since": 1060.0}, False, [Code.WAIT_QUIET]),
        # quiet: its ctime is enough, without an event
        ({"quiet_since": 1060.0}, True, []),
        ({"quiet_since": 1060.0, "ctime_age": 59.9}, False, [Code.WAIT_QUIET]),
        ({"quiet_since": 1060.0, "event_seen": True}, False, [Code.WAIT_QUIET]),
        ({"quiet_since": 1060.0, "ctime_age": 86400.0, "event_seen": True}, False, [Code.WAIT_QUIET]),
        # a writer
        ({"written": True}, False, [Code.WAIT_WRITER]),
        # nobody knows of writers: two minutes, and a ctime is nothing
        ({"written": None}, False, [Code.WAIT_QUIET]),
        ({"written": None, "ctime_age": 86400.0}, False, [Code.WAIT_QUIET]),
        ({"written": None, "now": 1119.9}, False, [Code.WAIT_QUIET]),
        ({"written": None, "now": 1120.0}, True, []),
        # names and neighbours
        ({"partial_pattern": "*.part"}, False, [Code.WAIT_PARTIAL_NAME]),
        ({"control_file": b"a.mkv.aria2"}, False, [Code.WAIT_CONTROL_FILE]),
        (
            {"written": True, "partial_pattern": "*.part", "control_file": b"x.aria2", "ctime_age": 1.0, "now": 1001.0},
            False,
            [Code.WAIT_QUIET, Code.WAIT_WRITER, Code.WAIT_PARTIAL_NAME, Code.WAIT_CONTROL_FILE],
        ),
        # downloaders, none of which claims it, must have been asked since it changed
        ({"asked": ("qb",), "asked_since": 1001.0}, True, []),
        ({"asked": ("qb",), "asked_since": 1000.9}, False, [Code.WAIT_ASKING]),
        ({"asked": ("qb",), "asked_since": 1000.9, "ctime_age": 61.0}, True, []),
        ({"asked": ("qb",), "asked_since": 1000.9, "ctime_age": 61.0, "event_seen": True}, False, [Code.WAIT_ASKING]),
        ({"asked": ("qb",), "asked_since": None}, True, []),
        # whoever downloads it knows better, both ways
        ({"downloader": because("downloader.done"), "written": True, "control_file": b"x.aria2"}, True, []),
        ({"downloader": because(Code.WAIT_DOWNLOADER)}, False, [Code.WAIT_DOWNLOADER]),
    ],
)
def test_settled_only_if_every_condition_is_met(changes: dict[str, Any], settled: bool, waits: list[str]) -> None:
    verdict = judge(some_evidence(**changes), MINUTE)

    assert verdict.settled is settled
    assert [reason.code for reason in verdict.reasons if reason.code.startswith("wait.")] == waits
    assert [code for code in codes(some_evidence(**changes)) if code.startswith("wait.")] == waits
    assert verdict.guessed is ("downloader" not in changes)


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"quiet_since": 1030.0, "ctime_age": 30.0}, 1090.0),
        ({"quiet_since": 1030.0, "ctime_age": 45.0}, 1075.0),
        ({"written": True}, 1075.0),
        ({"written": True, "quiet_since": 1050.0, "ctime_age": 10.0}, 1110.0),
        ({"control_file": b"x.aria2"}, 1075.0),
        ({"partial_pattern": "*.part"}, 1660.0),
        ({"asked": ("qb",), "asked_since": 1000.0}, 1061.0),
        ({"downloader": because(Code.WAIT_DOWNLOADER)}, 1070.0),
        ({}, None),
    ],
)
def test_the_next_look_comes_when_the_last_condition_can_be_met(changes: dict[str, Any], again: float | None) -> None:
    assert judge(some_evidence(**changes), MINUTE).look_again == again


def test_each_condition_says_what_it_leans_on() -> None:
    evidence = some_evidence(quiet_since=1040.0, ctime_age=20.0, written=None, blind_because="permission")

    assert conditions(evidence, MINUTE)[0] == because(Code.WAIT_QUIET, since=20.0, left=100.0, needed=120.0)
    assert conditions(evidence, MINUTE)[1] == because(Code.MET_WRITER_UNKNOWN, cause="permission")


def test_who_asks_is_told_what_is_met_as_well() -> None:
    met = (because(Code.MET_NO_WRITER), because(Code.MET_NAME))
    quiet = because(Code.MET_QUIET, since=60.0, needed=60.0)
    unclaimed = because(Code.MET_NO_CLAIM, downloaders=["qb"])

    assert conditions(some_evidence(), MINUTE) == (quiet, *met, because(Code.MET_NO_DOWNLOADER))
    assert conditions(some_evidence(asked=("qb",)), MINUTE) == (quiet, *met, unclaimed)


def test_what_was_noticed_after_the_look_has_been_quiet_for_no_time_and_not_for_less() -> None:
    verdict = judge(some_evidence(now=1000.0, quiet_since=1000.5, event_seen=True), MINUTE)

    assert verdict.reasons == (because(Code.WAIT_QUIET, since=0.0, left=60.0, needed=60.0),)


@pytest.mark.parametrize(
    ("settle", "answers", "expected"),
    [
        (None, False, timedelta(minutes=10)),
        (None, True, timedelta(seconds=10)),
        (timedelta(seconds=3), False, timedelta(seconds=3)),
        (timedelta(hours=3), True, timedelta(hours=3)),
    ],
)
def test_auto_is_long_where_nobody_can_be_asked(settle: timedelta | None, answers: bool, expected: timedelta) -> None:
    assert needed_quiet(settle, downloader_answers=answers) == expected


# ---- properties ------------------------------------------------------------------------------------------------------

spans = st.floats(0, 1e6)
evidences = st.builds(
    lambda quiet_for, **facts: Evidence(now=1e7, quiet_since=1e7 - quiet_for, **facts),
    quiet_for=spans,
    event_seen=st.booleans(),
    ctime_age=st.none() | spans,
    written=st.sampled_from([None, False, True]),
    partial_pattern=st.none() | st.just("*.part"),
    control_file=st.none() | st.just(b"x.aria2"),
)
settles = st.floats(0, 1e5).map(lambda seconds: timedelta(seconds=seconds))


@given(evidences, settles)
def test_never_with_a_writer_a_partial_name_or_a_control_file(evidence: Evidence, settle: timedelta) -> None:
    verdict = judge(evidence, settle)

    if evidence.written or evidence.partial_pattern or evidence.control_file:
        assert not verdict.settled
    assert verdict.guessed


@given(evidences, settles)
def test_never_blind_before_two_minutes_of_watching(evidence: Evidence, settle: timedelta) -> None:
    if judge(evidence, settle).settled and evidence.written is None:
        assert evidence.now - evidence.quiet_since >= max(120.0, settle.total_seconds())


@given(evidences, settles, spans)
def test_never_before_all_that_answer_have_been_asked(evidence: Evidence, settle: timedelta, ago: float) -> None:
    asked = evidence._replace(asked=("qb",), asked_since=evidence.now - ago)

    if judge(asked, settle).settled:
        quiet_for = evidence.now - evidence.quiet_since
        assert ago < max(quiet_for, evidence.ctime_age or 0.0)
        assert ago < quiet_for or not evidence.event_seen


@given(evidences, settles)
def test_a_ctime_is_enough_only_without_an_event_and_with_a_known_writer(evidence: Evidence, settle: timedelta) -> None:
    watched = evidence.now - evidence.quiet_since
    if judge(evidence, settle).settled and watched < settle.total_seconds():
        assert not evidence.event_seen
        assert evidence.written is False
        assert evidence.ctime_age is not None
        assert evidence.ctime_age >= settle.total_seconds()


@given(evidences, settles, spans)
def test_what_is_settled_stays_so_while_nothing_happens(evidence: Evidence, settle: timedelta, later: float) -> None:
    age = None if evidence.ctime_age is None else evidence.ctime_age + later

    if judge(evidence, settle).settled:
        assert judge(evidence._replace(now=evidence.now + later, ctime_age=age), settle).settled


@given(evidences, settles)
def test_a_next_look_lies_ahead_exactly_while_it_waits(evidence: Evidence, settle: timedelta) -> None:
    verdict = judge(evidence, settle)

    assert (verdict.look_again is None) is verdict.settled
    assert verdict.look_again is None or verdict.look_again >= evidence.now
    told = conditions(evidence, settle)
    assert verdict.settled is all(reason.code.startswith("met.") for reason in told)
    assert verdict.reasons == tuple(reason for reason in told if reason.code.startswith("wait."))
