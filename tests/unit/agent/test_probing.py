"""A test of a target finds out what it can do and leaves nothing behind."""

import errno
import os
from pathlib import Path

import pytest

from cloudgather.agent.job import Trouble
from cloudgather.agent.probing import test as probe_target
from unit.agent.orders import EventfulJob, Pair
from unit.agent.overmounts import Mounts


def report_of(pair: Pair, base: bytes = b"", job: EventfulJob | None = None) -> dict[str, object]:
    return probe_target(
        job or EventfulJob(), root=os.fsencode(pair.target), identity=None, base=base, dir_mode=None, file_mode=None
    )


def test_a_disk_can_do_everything_and_is_left_as_it_was(pair: Pair) -> None:
    (pair.target / "library").mkdir()

    report = report_of(pair, b"library")

    assert all(step[1] for step in report["steps"])  # type: ignore[attr-defined]  # the report is a loose map
    assert [step[0] for step in report["steps"]] == [  # type: ignore[attr-defined]
        "mkdir", "open", "write", "fsync", "close", "read", "utime", "rename", "rename-over", "list", "names", "delete",
    ]  # fmt: skip
    rates = (report.pop("write_rate"), report.pop("read_rate"))
    assert all(isinstance(rate, float) and rate > 0 for rate in rates)
    del report["steps"]
    assert report == {
        "case_sensitive": True,
        "unicode_form": "keeps",
        "keeps_mtime": True,
        "rename_over": True,
        "fsync": True,
        "name_max": 255,
        "bad_chars": [],
    }
    assert pair.at_target() == [b"library"]


def test_a_base_that_is_not_there_is_not_made(pair: Pair) -> None:
    report = report_of(pair, b"library")

    assert all(step[1] for step in report["steps"])  # type: ignore[attr-defined]
    assert pair.at_target() == []


def test_a_full_target_says_so_and_is_left_as_it_was(pair: Pair, mounts: Mounts) -> None:
    mounts.tmpfs(pair.target, options=b"size=2m")

    report = report_of(pair)

    failed = [step for step in report["steps"] if not step[1]]  # type: ignore[attr-defined]
    assert [(step[0], step[3]) for step in failed] == [("write", os.strerror(errno.ENOSPC))]
    assert report["write_rate"] is None
    assert pair.at_target() == []


def test_a_read_only_target_says_so(pair: Pair, mounts: Mounts) -> None:
    mounts.tmpfs(pair.target, options=b"ro")

    report = report_of(pair)

    assert [step[:2] + step[3:] for step in report["steps"]] == [  # type: ignore[attr-defined]
        ("mkdir", False, os.strerror(errno.EROFS))
    ]


def test_a_cancelled_test_leaves_nothing(pair: Pair) -> None:
    job = EventfulJob(list=lambda: job.cancel())

    with pytest.raises(Trouble) as trouble:
        report_of(pair, job=job)

    assert trouble.value.kind == "cancelled"
    assert pair.at_target() == []


def test_a_root_that_is_gone_is_an_identity_error(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.target.rmdir()

    with pytest.raises(Trouble) as trouble:
        report_of(pair)

    assert trouble.value.facts["what"] == "root-gone"
