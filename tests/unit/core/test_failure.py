"""Which failures are a file's, which its target's, and which nobody's retry mends."""

import errno

import pytest

from cgwire.codes import Code
from cloudgather.core.failure import Sort, sort_errno, sort_other


@pytest.mark.parametrize(
    ("number", "step", "sort", "code"),
    [
        (errno.EIO, "write", Sort.TRANSIENT, Code.FAIL_IO),
        (errno.EIO, "close", Sort.TRANSIENT, Code.FAIL_IO),
        (errno.EIO, "root", Sort.TARGET_WIDE, Code.FAIL_IO),
        (errno.ENOSPC, "write", Sort.TARGET_WIDE, Code.FAIL_FULL),
        (errno.EDQUOT, "close", Sort.TARGET_WIDE, Code.FAIL_FULL),
        (errno.EROFS, "open", Sort.TARGET_WIDE, Code.FAIL_READ_ONLY),
        (errno.ENOTCONN, "write", Sort.TARGET_WIDE, Code.FAIL_MOUNT),
        (errno.EACCES, "open", Sort.TRANSIENT, Code.FAIL_DENIED),
        (errno.ENAMETOOLONG, "open", Sort.PERMANENT, Code.FAIL_NAME),
        (errno.EINVAL, "open", Sort.PERMANENT, Code.FAIL_NAME),
        (errno.EINVAL, "write", Sort.TRANSIENT, Code.FAIL_IO),
        (errno.EFBIG, "write", Sort.PERMANENT, Code.FAIL_TOO_LARGE),
        (errno.EEXIST, "rename", Sort.PERMANENT, Code.FAIL_OCCUPIED),
        (errno.EEXIST, "open", Sort.TRANSIENT, Code.FAIL_IO),
        (errno.ETIMEDOUT, "fsync", Sort.TRANSIENT, Code.FAIL_IO),
        (errno.EAGAIN, "write", Sort.TRANSIENT, Code.FAIL_IO),
    ],
)
def test_an_errno_of_the_target(number: int, step: str, sort: Sort, code: Code) -> None:
    failure = sort_errno(number, step=step, side="target", message="it failed")

    assert (failure.sort, failure.reason.code) == (sort, code)
    assert failure.reason.facts["errno"] == errno.errorcode[number]


@pytest.mark.parametrize(
    ("number", "sort", "code"),
    [
        (errno.EACCES, Sort.PERMANENT, Code.FAIL_SOURCE_DENIED),
        (errno.ENOSPC, Sort.TRANSIENT, Code.FAIL_SOURCE_READ),
        (errno.EIO, Sort.TRANSIENT, Code.FAIL_SOURCE_READ),
    ],
)
def test_an_errno_of_the_source_says_nothing_of_the_target(number: int, sort: Sort, code: Code) -> None:
    failure = sort_errno(number, step="read", side="source", message="it failed")

    assert (failure.sort, failure.reason.code) == (sort, code)


@pytest.mark.parametrize(
    ("step", "limit", "sort", "code"),
    [
        ("write", 120.0, Sort.TRANSIENT, Code.FAIL_TIMEOUT),
        ("root", 30.0, Sort.TARGET_WIDE, Code.FAIL_TIMEOUT),
        ("length", None, Sort.TRANSIENT, Code.FAIL_LENGTH),
        ("digest", None, Sort.TRANSIENT, Code.FAIL_DIGEST),
        ("occupied", None, Sort.PERMANENT, Code.FAIL_OCCUPIED),
        ("copy", None, Sort.TRANSIENT, Code.FAIL_AGENT),
    ],
)
def test_a_failure_that_is_no_errno(step: str, limit: float | None, sort: Sort, code: Code) -> None:
    failure = sort_other(step, message="it failed", limit=limit)

    assert (failure.sort, failure.reason.code) == (sort, code)
