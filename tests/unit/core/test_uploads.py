"""What a written file comes to by what rclone and the cloud say of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.transfer import Sent, State, Transfer, Version
from cloudgather.core.uploads import MISSED, Listed, Lost, NotYet, Refused, Stored, Upload, judge_listed, judge_pending

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = 1_000_000_000
OLD, NEW = 5_000 * SECOND, 9_000 * SECOND
IDLE = Upload(pending=False)
DAY = timedelta(days=1)


def a_transfer(*, standing: tuple[int, int] | None = None, mtime_ns: int | None = NEW, attempts: int = 0) -> Transfer:
    return Transfer(
        id=1,
        task="films",
        path=b"a.mkv",
        target="cloud",
        destination=b"films/a.mkv",
        version=Version(size=100, mtime_ns=NEW, device=1, inode=1),
        generation=0,
        state=State.WRITTEN,
        priority=0,
        attempts=attempts,
        tries=1,
        temporary=None,
        sent=Sent(size=100, mtime_ns=mtime_ns, digest=b"0" * 16, standing=standing),
        reason=None,
        plan_reason=because(Code.GO_MISSING),
        replace=False,
        guessed=True,
        due=None,
        run=None,
        created=NOW,
        updated=NOW,
    )


def judged(transfer: Transfer, listed: Listed | None, missed: timedelta = timedelta(0)) -> object:
    return judge_listed(transfer, IDLE, listed, missed=missed, attempts=3)


@pytest.mark.parametrize(
    ("standing", "mtime_ns", "listed", "stored"),
    [
        (None, NEW, Listed(size=100, mtime_ns=NEW), True),
        (None, NEW, Listed(size=100, mtime_ns=0), True),  # a cloud that keeps no times
        (None, NEW, Listed(size=99, mtime_ns=NEW), False),
        (None, NEW, None, False),
        ((100, OLD), NEW, Listed(size=100, mtime_ns=OLD), False),  # the file that stood there before
        ((100, OLD), NEW, Listed(size=100, mtime_ns=OLD + SECOND // 2), False),
        ((100, OLD), NEW, Listed(size=100, mtime_ns=NEW), True),
        ((100, OLD), NEW, Listed(size=100, mtime_ns=NEW + 500 * SECOND), True),  # shows when it was uploaded
        ((100, OLD), None, Listed(size=100, mtime_ns=OLD), False),
        ((100, NEW), NEW, Listed(size=100, mtime_ns=NEW), True),  # nothing tells them apart
        ((50, OLD), NEW, Listed(size=100, mtime_ns=OLD), True),
    ],
)
def test_what_the_cloud_lists_proves_it_or_not(
    standing: tuple[int, int] | None, mtime_ns: int | None, listed: Listed | None, stored: bool
) -> None:
    assert isinstance(judged(a_transfer(standing=standing, mtime_ns=mtime_ns), listed), Stored) is stored


def test_a_cloud_that_lags_behind_is_given_time() -> None:
    assert judged(a_transfer(), None, MISSED - timedelta(seconds=1)) == NotYet(
        why=because(Code.CONFIRM_NOT_SHOWN, size=100)
    )
    assert isinstance(judged(a_transfer(), None, MISSED), Lost)


def test_what_was_lost_with_the_last_attempt_has_failed_with_rclones_error() -> None:
    upload = replace(IDLE, failures=2, message="quota exceeded")

    verdict = judge_listed(a_transfer(attempts=2), upload, Listed(size=7, mtime_ns=0), missed=MISSED, attempts=3)

    assert isinstance(verdict, Refused)
    assert verdict.why == because(
        Code.FAIL_RCLONE, step="upload", message="quota exceeded", tries=2, size=100, target_size=7
    )


@pytest.mark.parametrize(
    ("upload", "age", "expected"),
    [
        (Upload(pending=True), DAY * 9, NotYet(why=because(Code.CONFIRM_UPLOADING))),
        (Upload(pending=True, others=4), DAY * 9, NotYet(why=because(Code.CONFIRM_BUSY, files=4))),
        (
            Upload(pending=True, failures=3, message="full"),
            DAY / 2,
            NotYet(why=because(Code.CONFIRM_UPLOADING, tries=3, message="full")),
        ),
        (
            Upload(pending=True, failures=3, message="full"),
            DAY * 1.1,
            Refused(why=because(Code.FAIL_RCLONE, step="upload", message="full", tries=3)),
        ),
    ],
)
def test_only_an_upload_that_fails_for_long_is_given_up(upload: Upload, age: timedelta, expected: object) -> None:
    assert judge_pending(upload, age=age, within=DAY) == expected
