"""`cgctl target` and `cgctl task` beside add and edit."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from cgctl.table import width
from fakes.replies import NOW, a_run, a_status, a_target, a_task, a_transfer

REPORT = {
    "steps": [["write", True, 0.5, ""], ["rename", False, 0.1, "Permission denied"]],
    "held": [],
    "case_sensitive": True,
    "unicode_form": "keeps",
    "keeps_mtime": False,
    "rename_over": True,
    "fsync": True,
    "write_rate": 2**20,
    "read_rate": 2**21,
    "name_max": 255,
    "bad_chars": [":", "\n"],
}


def test_targets_are_listed_with_what_holds_them(cgctl: Any) -> None:
    gone = {"code": "held.mount-dead", "target": "网盘"}
    cgctl.daemon(
        target_list={"targets": [a_target(), a_target(name="网盘", state="held", held=[gone], bandwidth=None)]}
    )

    lines = cgctl("target", "list").out.splitlines()

    assert len({width(line.partition("/CloudDrive")[0]) for line in lines[1:]}) == 1
    assert "the program behind the mount of the target 网盘 has gone" in lines[2]
    assert "unlimited" in lines[2]


def test_one_target_is_shown_in_full(cgctl: Any) -> None:
    full = a_target(
        identity={"mount_point": b"/CloudDrive", "fs_type": "fuse.x", "source": b"cd"},
        config={"verify": "size", "attempts": 8},
        facts=REPORT,
        tasks=["电影"],
        put_off=[a_transfer(held=[{"code": "held.name-clash", "other": "动漫: Film.mkv"}])],
    )
    cgctl.daemon(target_show=full)

    said = cgctl("target", "show", "c115")

    for words in (
        "expected mount       cd (fuse.x) /CloudDrive",
        "电影",
        "verify    size",
        "writes                       1.00 MiB/s",
        ": \\n",
    ):
        assert words in said.out
    assert "takes for the same: 动漫: Film.mkv" in said.out


def test_a_test_that_fails_ends_with_1(cgctl: Any) -> None:
    cgctl.daemon(target_test=REPORT)

    said = cgctl("target", "test", "c115")

    assert said.code == 1
    assert "✗ rename" in said.out
    assert "Permission denied" in said.out
    assert "keeps modification times" in said.out
    assert "failed the test" in said.err


def test_a_test_that_goes_well_ends_with_0(cgctl: Any, chinese: Callable[..., Any]) -> None:
    cgctl.daemon(target_test={**REPORT, "steps": REPORT["steps"][:1]})  # type: ignore[index]  # a list of steps

    assert cgctl("target", "test", "c115").code == 0
    assert "✓ 写入" in chinese("target", "test", "c115").out


def test_a_trap_is_named_with_its_remedy(cgctl: Any) -> None:
    denied = {"code": "held.mount-denied", "target": "c115", "owner": "alice"}
    cgctl.daemon(target_test={**REPORT, "steps": [], "held": [denied]})

    said = cgctl("target", "test", "c115")

    assert said.code == 1
    assert "mounted without allow_other" in said.out
    assert "user_allow_other in /etc/fuse.conf" in said.out


def test_accepting_names_what_is_taken(cgctl: Any) -> None:
    cgctl.daemon(target_accept={"identity": {"mount_point": b"/CloudDrive", "fs_type": "fuse.x", "source": b"cd"}})

    assert cgctl("target", "accept", "c115", "--yes").out == "accepted: cd (fuse.x) at /CloudDrive\n"


def test_the_bandwidth_in_effect_is_told_with_its_end(cgctl: Any) -> None:
    until = time.time() + 90_000
    cgctl.daemon(
        target_show=a_target(bandwidth_until=until),
        target_list={"targets": [a_target(bandwidth=None, bandwidth_until=until, bandwidth_ordered=True)]},
    )
    clock = time.strftime("%H:%M", time.localtime(until))

    assert re.search(rf"bandwidth +2.00 MiB/s until .*{clock}", cgctl("target", "show", "c115").out)
    assert re.search(rf"unlimited until .*{clock}( tomorrow)? \(by order\)", cgctl("target", "list").out)


def test_what_is_spent_of_a_day_is_told(cgctl: Any) -> None:
    target = a_target(daily_limit=700 * 2**30, daily_spent=120 * 2**30)
    cgctl.daemon(target_show=target, daemon_status=a_status(targets=[target]))

    assert "sent within 24 hours  120 GiB / 700 GiB" in cgctl("target", "show", "c115").out
    assert "120 GiB / 700 GiB a day" in cgctl("status").out


def test_another_bandwidth_for_a_while(cgctl: Any) -> None:
    now = {"bandwidth": 2**21, "bandwidth_until": time.time() + 7200, "bandwidth_ordered": True}
    daemon = cgctl.daemon(target_limit=now)

    said = cgctl("target", "limit", "c115", "--bandwidth", "2MiB/s", "--for", "2h")

    assert said.out.startswith("target c115: 2.00 MiB/s until ")
    assert cgctl("target", "limit", "c115", "--clear").code == 0
    assert daemon.asked_for("target.limit") == [{"name": "c115", "bandwidth": "2MiB/s", "span": "2h"}, {"name": "c115"}]


@pytest.mark.parametrize("options", [(), ("--bandwidth", "1MiB/s"), ("--for", "2h"), ("--clear", "--for", "2h")])
def test_a_limit_needs_a_figure_and_an_end(cgctl: Any, options: tuple[str, ...]) -> None:
    daemon = cgctl.daemon(target_limit={})

    said = cgctl("target", "limit", "c115", *options)

    assert (said.code, daemon.asked) == (2, [])
    assert "give either --bandwidth and --for, or --clear" in said.err


def test_pausing_and_resuming(cgctl: Any) -> None:
    daemon = cgctl.daemon(target_pause={}, target_resume={}, task_pause={}, task_resume={}, queue_resume={})

    for arguments in (
        ("target", "pause", "c115"),
        ("target", "resume", "c115"),
        ("task", "pause", "电影"),
        ("task", "resume", "电影"),
        ("queue", "resume"),
    ):
        assert cgctl(*arguments).code == 0

    assert [params.get("name") for _, params in daemon.asked] == ["c115", "c115", "电影", "电影", None]


def test_tasks_are_listed_and_shown(cgctl: Any) -> None:
    full = a_task(file=b"/etc/tasks.d/x.toml", config={"watch": True, "filter": {"min_size": 1}}, runs=[a_run()])
    cgctl.daemon(task_list={"tasks": [a_task(), a_task(name="series", paused=True)]}, task_show=full)

    lines = cgctl("task", "list").out.splitlines()
    shown = cgctl("task", "show", "电影").out

    assert len({width(line.partition("/vol1")[0]) for line in lines[1:]}) == 1
    for words in (
        "/vol1/downloads/电影 → c115:影视库/电影",
        "/etc/tasks.d/x.toml",
        "queued    2 (1.00 GiB)",
        "[filter]",
    ):
        assert words in shown


def test_removing_says_that_files_stay(cgctl: Any) -> None:
    cgctl.daemon(task_remove={"cancelled": 2, "file": b"x"})

    assert cgctl("task", "remove", "films", "--yes").out == "task films is removed; transfers cancelled: 2\n"


def test_the_next_times_are_listed(cgctl: Any) -> None:
    cgctl.daemon(task_next={"instants": [NOW, NOW + 86400], "timezone": "Asia/Shanghai", "expression": "0 3 * * *"})

    lines = cgctl("task", "next", "films", "-n", "2").out.splitlines()

    assert lines[0] == "0 3 * * *  (Asia/Shanghai)"
    assert len(lines) == 3


def test_a_task_without_a_schedule_has_no_next_time(cgctl: Any) -> None:
    cgctl.daemon(task_next={"instants": [], "timezone": "UTC", "expression": ""})

    assert "no schedule" in cgctl("task", "next", "films").out
