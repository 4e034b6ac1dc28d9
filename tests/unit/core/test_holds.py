"""What holds a queued transfer, read off what is true now."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import holds
from cloudgather.core.retry import Breaker
from cloudgather.core.task import Window
from cloudgather.core.transfer import State, Transfer, Version

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
FULL = because(Code.HELD_STATE_FULL, file="/state")
CAUSE = because(Code.FAIL_FULL, step="write", message="ENOSPC", errno="ENOSPC")
NIGHT, NOON = Window(begin=time(1), end=time(7)), Window(begin=time(11), end=time(13))


def outside(whose: str) -> Reason:
    opens = datetime(2026, 11, 22, 1, 0, tzinfo=UTC).timestamp()
    return because(Code.HELD_WINDOW, until=opens, window="01:00-07:00", whose=whose)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ()),
        ({"queue_paused": True}, (because(Code.HELD_QUEUE_PAUSED),)),
        ({"stopping": True}, (because(Code.HELD_STOPPING),)),
        ({"store": FULL}, (FULL,)),
        (
            {"store": FULL, "queue_paused": True, "stopping": True},
            (because(Code.HELD_STOPPING), FULL, because(Code.HELD_QUEUE_PAUSED)),
        ),
    ],
)
def test_what_holds_everything(facts: dict[str, Any], expected: tuple[Reason, ...]) -> None:
    assert holds.of_daemon(holds.DaemonFacts(**facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ()),
        ({"paused": True}, (because(Code.HELD_TARGET_PAUSED, target="cloud"),)),
        ({"hold": because(Code.HELD_MOUNT_DEAD, target="cloud")}, (because(Code.HELD_MOUNT_DEAD, target="cloud"),)),
        (
            {"breaker": Breaker(opened=1, until=LATER, reason=CAUSE)},
            (because(Code.HELD_BREAKER, target="cloud", until=LATER.timestamp(), cause=CAUSE.to_wire()),),
        ),
        ({"breaker": Breaker(opened=1, until=NOW, reason=CAUSE)}, ()),
        ({"upload_window": NIGHT}, (outside("target"),)),
        ({"upload_window": NOON}, ()),
    ],
)
def test_what_holds_a_target(facts: dict[str, Any], expected: tuple[Reason, ...]) -> None:
    found = {"breaker": Breaker(), **facts}

    assert holds.of_target(holds.TargetFacts(name="cloud", local_now=NOW, **found)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ()),
        ({"paused": True}, (because(Code.HELD_TASK_PAUSED, task="films"),)),
        ({"broken": True}, (because(Code.HELD_TASK_BROKEN, task="films"),)),
        (
            {"source": because(Code.SOURCE_GONE, source=b"/downloads")},
            (because(Code.HELD_SOURCE, cause={"code": "source.gone", "source": b"/downloads"}),),
        ),
        ({"upload_window": NIGHT}, (outside("task"),)),
        ({"upload_window": NOON}, ()),
    ],
)
def test_what_holds_a_task(facts: dict[str, Any], expected: tuple[Reason, ...]) -> None:
    assert holds.of_task(holds.TaskFacts(name="films", local_now=NOW, **facts)) == expected


@pytest.mark.parametrize(("due", "held"), [(None, False), (NOW, False), (NOW - timedelta(1), False), (LATER, True)])
def test_a_retry_that_is_due_later_holds_one_transfer(due: datetime | None, held: bool) -> None:
    transfer = Transfer(
        id=1,
        task="films",
        path=b"a.mkv",
        target="cloud",
        destination=b"films/a.mkv",
        version=Version(size=1, mtime_ns=1, device=1, inode=1),
        generation=1,
        state=State.QUEUED,
        priority=0,
        attempts=2,
        tries=2,
        temporary=None,
        sent=None,
        reason=CAUSE,
        plan_reason=because(Code.GO_MISSING),
        replace=False,
        guessed=True,
        due=due,
        run=None,
        created=NOW,
        updated=NOW,
    )

    expected = because(Code.HELD_RETRY, until=LATER.timestamp(), cause=CAUSE.to_wire(), attempt=2, attempts=3)
    assert holds.of_transfer(transfer, attempts=3, now=NOW) == ((expected,) if held else ())


def test_an_instant_that_was_named_and_has_passed_is_not_told_any_more() -> None:
    silent = because(Code.WAIT_DOWNLOADER_SILENT, downloader="qb", until=LATER.timestamp())

    assert holds.as_of(silent, NOW) == silent
    assert holds.as_of(silent, LATER) == because(Code.WAIT_DOWNLOADER_SILENT, downloader="qb")
    assert holds.as_of(CAUSE, LATER) == CAUSE
