"""What `cgctl status` and `watch` show."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cgctl.table import width
from fakes.canned import Denied
from fakes.replies import NOW, a_download, a_downloader, a_status, a_target, a_task


def test_a_screenful_names_everything_that_matters(cgctl: Any) -> None:
    cgctl.daemon(daemon_status=a_status())

    said = cgctl("status")

    assert said.code == 0
    for words in (
        "cloudgatherd 0.1.0, running for 2 h 1 min (pid 4711)",
        "c115  1 moving, 2.00 MiB/s, limit 2.00 MiB/s  queue 2 (1.00 GiB)",
        "last: 3 uploaded (5.00 GiB)",
        "1.00 GiB / 3.00 GiB  2.00 MiB/s  17 min 4 s left",
        "Waiting (12)",
        "waiting for its turn, 3 transfers ahead of it",
        "and 11 more: cgctl queue list",
        "电影: new.mkv  1.00 MiB  quiet: not yet, last written 12 s ago, 18 s to go",
        "the target cannot take this name",
        "Uploaded so far: 40 (1.00 TiB)",
    ):
        assert words in said.out
    assert len(said.out.splitlines()) <= 25


def test_tasks_with_chinese_and_latin_names_line_up(cgctl: Any) -> None:
    cgctl.daemon(daemon_status=a_status())

    lines = cgctl("status").out.splitlines()

    rows = [line for line in lines if "last:" in line]
    assert len({width(row.partition("last:")[0]) for row in rows}) == 1


def test_it_speaks_chinese_where_the_locale_does(cgctl: Any, chinese: Callable[..., Any]) -> None:
    cgctl.daemon(daemon_status=a_status())

    said = chinese("status")

    assert "排队中，前面还有 3 个" in said.out
    assert "Waiting" not in said.out


def test_the_language_can_be_chosen_before_and_after_the_command(cgctl: Any) -> None:
    cgctl.daemon(daemon_status=a_status())

    assert "正在上传" in cgctl("--lang", "zh-CN", "status").out
    assert "正在上传" in cgctl("status", "--lang", "zh-CN").out
    assert "Moving" in cgctl("status", "--lang", "en", LANG="zh_CN.UTF-8").out


@pytest.mark.parametrize(
    ("environ", "marker"),
    [
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "目标"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_US.UTF-8"}, "目标"),
        ({"LC_MESSAGES": "de_DE", "LANG": "zh_CN"}, "Targets"),
        ({"LANG": "zh"}, "目标"),
        ({"LANG": "C"}, "Targets"),
    ],
)
def test_the_first_locale_variable_that_is_set_decides(cgctl: Any, environ: dict[str, str], marker: str) -> None:
    cgctl.daemon(daemon_status=a_status())

    assert marker in cgctl("status", **environ).out


def test_holds_are_shown_with_what_would_help(cgctl: Any) -> None:
    gone = {"code": "held.not-mounted", "target": "c115", "root": b"/CloudDrive/115", "expected": b"/CloudDrive"}
    watch = {"mode": "polling", "reason": {"code": "watch.limit", "limit": 8192, "directories": 9000}, "directories": 0}
    cgctl.daemon(daemon_status=a_status(targets=[a_target(state="held", held=[gone])], tasks=[a_task(watch=watch)]))

    said = cgctl("status")

    assert "the cloud drive of the target c115 is not mounted at /CloudDrive" in said.out
    assert "mount it again" in said.out
    assert "too many folders to watch (9000; the kernel allows 8192)" in said.out
    assert "fs.inotify.max_user_watches" in said.out


def test_a_target_that_is_held_or_paused_is_not_called_idle(cgctl: Any, chinese: Callable[..., Any]) -> None:
    until = {"bandwidth": None, "bandwidth_until": NOW, "rate": None, "active": 0}
    targets = [
        a_target(name="a", **until),
        a_target(name="b", state="held", held=[{"code": "held.full", "target": "b"}], confirm="seen", **until),
        a_target(name="c", paused=True, state="held", **until),
    ]
    cgctl.daemon(daemon_status=a_status(targets=targets))

    told = [line[4:].split("  ")[1].partition(" until")[0] for line in cgctl("status").out.splitlines()[3:6]]
    in_chinese = chinese("status").out

    assert told == ["idle, unlimited", "held, unlimited", "paused, unlimited"]
    assert "b  受阻，不限速，到 " in in_chinese
    assert "，确认：已看到，未确认" in in_chinese


def test_a_task_whose_source_is_away_is_not_said_to_run_by_hand_only(cgctl: Any) -> None:
    gone = {"code": "source.gone", "source": b"/downloads"}
    away = a_task(watch={"mode": "off", "reason": gone, "directories": 0}, next=None, last_run=None, counts={})
    by_hand = a_task(name="b", watch=None, next=None, last_run=None, counts={})
    cgctl.daemon(daemon_status=a_status(tasks=[away, by_hand]))

    said = cgctl("status").out

    assert "电影  not watching now  1 settling  never ran" in said
    assert "b     by hand only      1 settling  never ran" in said


def test_what_holds_many_tasks_is_said_once(cgctl: Any) -> None:
    gone = {"code": "held.not-mounted", "target": "c115", "root": b"/CloudDrive/115", "expected": b"/CloudDrive"}
    denied = {"code": "source.denied", "source": b"/downloads", "user": "cloudgather"}
    held = [gone, {"code": "held.source", "cause": denied}]
    watch = {"mode": "off", "reason": denied, "directories": 0}
    tasks = [a_task(name=name, held=held, watch=watch) for name in ("films", "series")]
    cgctl.daemon(daemon_status=a_status(targets=[a_target(state="held", held=[gone])], tasks=tasks))

    said = cgctl("status").out

    assert said.count("is not mounted at /CloudDrive") == 1
    assert said.count("may not be read by cloudgather") == 1


def test_downloaders_that_are_silent_and_downloads_that_stall_say_what_may_be_the_cause(
    cgctl: Any, chinese: Callable[..., Any]
) -> None:
    refused = {"code": "downloader.unreachable", "downloader": "tr", "url": "http://nas:9091", "message": "refused"}
    downloaders = [a_downloader(stalled=1), a_downloader(name="tr", kind="transmission", silent=refused, speed=0)]
    stalled = a_download(state="stalled", speed=0, reason={"code": "download.stalled", "seconds": 600})
    downloads = [stalled, *(a_download(id=18 + number) for number in range(5))]
    cgctl.daemon(daemon_status=a_status(downloaders=downloaders, downloads=downloads, downloads_total=7))

    said, in_chinese = cgctl("status").out, chinese("status").out

    for words in (
        "qBittorrent   3 unfinished, 1 stalled  1.00 MiB/s",
        "tr  Transmission  3 unfinished             -\n",  # not idle: nobody knows
        "tr: it does not answer at http://nas:9091: refused",
        "is it running, and are address and port right? cgctl downloader test tr",
        "Downloads (7)",
        "! 17  film  █████░░░░░   50 %  1.00 GiB  stalled  nothing has come for 10 min",
        "perhaps nobody who has it is online, its trackers do not answer, or no port is open",
        "and 2 more: cgctl download list",
    ):
        assert words in said, said
    for words in (
        "3 个未完成，1 个停滞",
        "tr: 它没有回答，地址 http://nas:9091：refused",
        "下载任务 (7)",
        "可能没有人在线做种",
    ):
        assert words in in_chinese, in_chinese


def test_a_file_that_was_not_looked_at_yet_has_no_size(cgctl: Any) -> None:
    unseen: dict[str, Any] = {"task": "film", "path": b"new.mkv", "size": None, "reasons": []}
    cgctl.daemon(daemon_status=a_status(settling=[unseen], settling_total=1))

    said = cgctl("status")

    assert said.code == 0
    assert "film: new.mkv" in said.out


def test_what_is_wrong_with_the_file_of_a_task_is_told_with_its_line(cgctl: Any, chinese: Any) -> None:
    problem = {
        "code": "config.missing-key",
        "file": "film.toml",
        "line": None,
        "where": "film.toml: source",
        "reason": {"code": "flaw.missing", "key": "source", "example": '"/vol1"'},
        "text": 'film.toml: source: is missing; write for example source = "/vol1"',
    }
    reply = a_status()
    reply["daemon"]["problems"] = [problem, {"code": "log.dropped", "lines": 3}]
    cgctl.daemon(daemon_status=reply)

    said, in_chinese = cgctl("status").out, chinese("status").out

    assert '  ✗ film.toml: source: is missing; write for example source = "/vol1"\n' in said
    assert "  ! the log cannot be written, its lines are lost (3 lines so far)\n" in said
    assert '  ✗ film.toml: source: 缺少此项；例如：source = "/vol1"\n' in in_chinese


def test_a_new_daemon_has_a_screen_too(cgctl: Any) -> None:
    empty: dict[str, Any] = {"targets": [], "tasks": [], "active": [], "waiting": [], "settling": [], "failed": []}
    cgctl.daemon(daemon_status=a_status(**empty, waiting_total=0, settling_total=0, failed_total=0, totals={}))

    said = cgctl("status")

    assert said.code == 0
    assert "cgctl task add" in said.out


def test_json_is_the_reply_with_paths_as_text(cgctl: Any) -> None:
    cgctl.daemon(daemon_status=a_status(targets=[a_target(root=b"/mnt/\xff")]))

    reply = json.loads(cgctl("status", "--json").out)

    assert reply["tasks"][0]["source"] == "/vol1/downloads/电影"
    assert "source_b64" not in reply["tasks"][0]
    assert (reply["targets"][0]["root"], reply["targets"][0]["root_b64"]) == ("/mnt/\\xff", "L21udC//")


def test_watch_shows_it_as_often_as_asked(cgctl: Any) -> None:
    daemon = cgctl.daemon(daemon_status=a_status())

    said = cgctl("watch", "-i", "0.2", "-n", "2")

    assert said.out.count("cloudgatherd 0.1.0") == 2
    assert len(daemon.asked_for("daemon.status")) == 2


HEALTH = {
    "version": "0.1.0",
    "started": 0.0,
    "now": 90.0,
    "tasks": 2,
    "targets": 1,
    "problems": 0,
    "moving": 1,
    "settling": 2,
    "queued": 3,
    "failed": 0,
    "done": 40,
    "held": [],
}


def not_a_member(params: Any) -> Any:
    raise Denied("error.denied", needed="view", user="bob", group="cloudgather")


def test_whoever_is_in_no_group_sees_the_health_and_how_to_see_more(cgctl: Any) -> None:
    held = ["held.mount-denied"]
    cgctl.daemon(daemon_status=not_a_member, daemon_health={**HEALTH, "held": held, "problems": 2})

    said = cgctl("status")

    assert (said.code, said.out.splitlines()) == (
        0,
        [
            "! cloudgatherd 0.1.0, running for 1 min 30 s",
            "  1 moving, 3 queued, 2 settling, 0 failed, 40 uploaded",
            "  ! the mount of the target … does not let the daemon in, and was mounted without allow_other",
            "  ! problems: 2",
        ],
    )
    assert said.err == "→ ask root: sudo usermod -aG cloudgather bob, then log in again\n"


def test_the_health_is_json_as_well(cgctl: Any) -> None:
    cgctl.daemon(daemon_status=not_a_member, daemon_health=HEALTH)

    assert json.loads(cgctl("status", "--json").out) == HEALTH
