"""Limits of a target, as cgctl shows and changes them."""

import errno
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cgwire import queue as queue_wire
from disks import filled, small_disk
from e2e.expecting import all_arrive, attempts, events, half_way, until_held
from e2e.running import ENDED, Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

MIB = 1 << 20


def a_disk(tmp_path: Path, target: str) -> Running:
    (tmp_path / "target").mkdir()
    return Running(tmp_path, root=tmp_path / "target", kind="directory", target=f'profile = "lan"\n{target}')


def everywhere(running: Running, name: str, sentence: str) -> None:
    """`status`, `why` and `target show` all say it."""
    for words in (("status",), ("why", running.path(name)), ("target", "show", "cloud")):
        said = running.cgctl(*words).stdout
        assert sentence in said, said


def all_ended(running: Running) -> bool:
    """Whether all transfers have; what waits until another task has sent the same file is looked at again at once."""
    if waiting := [each["id"] for each in running.transfers() if each["state"] == "queued"]:
        running.ask(queue_wire.Retry(ids=tuple(waiting)))
    return all(each["state"] in ENDED for each in running.transfers())


def test_another_bandwidth_for_a_while_takes_effect_on_what_runs_and_outlives_a_restart(tmp_path: Path) -> None:
    content = os.urandom(64 * MIB)
    with a_disk(tmp_path, 'bandwidth = ["00:00 256KiB/s"]') as running:
        running.write("a.mkv", content)
        running.until("a.mkv", "copying")
        assert "limit 256 KiB/s" in running.cgctl("status").stdout

        said = running.cgctl("target", "limit", "cloud", "--bandwidth", "unlimited", "--for", "2h").stdout

        assert said.startswith("target cloud: unlimited until ")
        running.until("a.mkv", "done")
        assert running.sent() == {b"a.mkv": content}
        running.stop()
        running.start()
        shown = running.cgctl("target", "show", "cloud").stdout
        assert "(by order)" in shown
        assert "[00:00 256KiB/s]" in shown
        assert "target cloud: 256 KiB/s" in running.cgctl("target", "limit", "cloud", "--clear").stdout
        assert json.loads(running.cgctl("target", "show", "cloud", "--json").stdout)["bandwidth_ordered"] is False


def test_a_limit_that_is_none_is_refused_with_what_is_one(tmp_path: Path) -> None:
    with a_disk(tmp_path, "") as running:
        wrong = running.cgctl("target", "limit", "cloud", "--bandwidth", "fast", "--for", "2h", check=False)
        forever = running.cgctl("target", "limit", "cloud", "--bandwidth", "2MiB/s", "--for", "9w", check=False)
        order = ("target", "limit", "cloud", "--bandwidth", "fast", "--for", "2h")
        in_chinese = running.cgctl(*order, lang="zh_CN.UTF-8", check=False)

        assert wrong.returncode == forever.returncode == 1
        assert '"fast" is not a rate' in wrong.stderr
        assert '"9w" is not allowed; use "1m" to "30d"' in forever.stderr
        assert (
            '无法执行：bandwidth："fast" 不是有效的速率；请写成 "2MiB/s"、"10Mbit/s"，或用 "unlimited" 表示不限'
            in in_chinese.stderr
        )


def test_a_spent_limit_holds_the_rest_and_says_until_when_after_a_crash_too(tmp_path: Path) -> None:
    with a_disk(tmp_path, 'daily_limit = "3MiB"') as running:
        for name in ("a.mkv", "b.mkv"):
            running.write(name, os.urandom(MIB))
            running.until(name, "done")
        running.write("c.mkv", os.urandom(2 * MIB))
        running.until("c.mkv", "queued")
        running.kill()
        running.start()

        eventually_sync(lambda: "held.daily-limit" in running.codes("c.mkv"), what="the limit holds it")

        sentence = "the daily limit of the target cloud is spent (2.00 MiB of 3.00 MiB within 24 hours)"
        everywhere(running, "c.mkv", f"{sentence[1:]}; the next file has 2.00 MiB and may go at ")
        assert "2.00 MiB / 3.00 MiB a day" in running.cgctl("status").stdout
        shown = running.cgctl("target", "show", "cloud").stdout
        assert "sent within 24 hours  2.00 MiB / 3.00 MiB" in shown
        assert "daily_limit" in shown


def test_a_cache_disk_that_fills_up_holds_what_is_queued_until_it_has_room(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "cache") as cache,
        a_disk(tmp_path, f'cache_dir = "{cache}"\nmin_free = "1MiB"') as running,
    ):
        ballast = filled(cache)
        running.write("a.mkv", b"content")
        running.until_code("a.mkv", "held.min-free")
        everywhere(running, "a.mkv", "he disk with the cache of the target cloud is nearly full (")
        running.kill()
        running.start()
        running.until_code("a.mkv", "held.min-free")
        assert running.sent() == {}

        ballast.unlink()

        running.until("a.mkv", "done")


def test_two_files_for_one_place_are_told_by_name_and_neither_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "other").mkdir()
    rules = 'target = "cloud:films"\nsettle = "1s"\nrules = ["missing", "changed", "size"]\n'
    tasks = {
        "film": f'source = "{tmp_path / "source"}"\n{rules}',
        "series": f'source = "{tmp_path / "other"}"\n{rules}',
    }
    with Running(tmp_path, root=tmp_path / "target", kind="directory", tasks=tasks) as running:
        running.write("a.mkv", b"first")
        running.until("a.mkv", "done")
        (tmp_path / "other" / "a.mkv").write_bytes(b"second one")

        path = os.fsencode(tmp_path / "other" / "a.mkv")
        eventually_sync(lambda: "nother file has the same name" in running.cgctl("why", path).stdout, what="it is told")

        assert "takes for the same: film: a.mkv" in running.cgctl("why", path).stdout
        for words in (("status",), ("target", "show", "cloud")):
            assert "takes for the same: film: a.mkv" in running.cgctl(*words).stdout
        assert running.sent() == {b"a.mkv": b"first"}


def test_what_waits_until_the_target_may_be_asked_again_says_so(tmp_path: Path) -> None:
    seldom = "metadata_per_second = 0.02"
    with a_disk(tmp_path, f"parallel = 1\n{seldom}") as running:
        names = ("a.mkv", "b.mkv")
        for name in names:
            running.write(name, b"content")

        def waiting() -> list[str]:
            return [name for name in names if "held.metadata" in running.codes(name)]

        eventually_sync(waiting, what="one waits for its turn")

        name = waiting()[0]
        assert running.states()[name.encode()] == "copying"
        for words in (("status",), ("queue", "list"), ("why", running.path(name))):
            assert "aiting until the target cloud may be asked again" in running.cgctl(*words).stdout
        assert "metadata_per_second" in running.cgctl("target", "show", "cloud").stdout
        running.stop()
        running.config.write_text(running.config.read_text().replace(seldom, ""))
        running.start()
        running.until_idle(len(names))


def test_outside_its_window_a_target_holds_what_is_queued_after_a_restart_too(tmp_path: Path) -> None:
    begin = datetime.now() + timedelta(hours=2)
    window = f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"
    with a_disk(tmp_path, f'upload_window = "{window}"\nwindow_end = "stop"') as running:
        running.write("a.mkv", b"content")
        running.until_code("a.mkv", "held.window")
        everywhere(running, "a.mkv", f"utside the upload window {window} of the target; it opens at ")
        running.kill()
        running.start()
        running.until_code("a.mkv", "held.window")

        running.config.write_text(running.config.read_text().replace("upload_window", "# upload_window"))
        running.cgctl("config", "reload")
        running.until("a.mkv", "done")


@pytest.mark.parametrize("end", ["stop", pytest.param("finish", marks=pytest.mark.full)])
def test_a_window_that_shuts_amid_a_copy_ends_it_or_lets_it_finish(tmp_path: Path, end: str) -> None:
    content = os.urandom(16 * MIB)
    begin = datetime.now() + timedelta(hours=2)
    window = f'upload_window = "{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"\nwindow_end = "{end}"\n'
    slow = 'bandwidth = "512KiB/s"\n'
    with a_disk(tmp_path, f"parallel = 1\n{slow}") as running:
        open_always = running.config.read_text().replace(slow, "")
        running.write("a.mkv", content)
        half_way(running)
        running.config.write_text(open_always + window + (slow if end == "stop" else ""))
        running.cgctl("config", "reload")
        running.write("b.mkv", b"content")
        running.until_code("b.mkv", "held.window")
        if end == "stop":
            running.until_code("a.mkv", "held.window")
            eventually_sync(lambda: running.sent() == {}, what="nothing of it is left")
        else:
            running.until("a.mkv", "done")
        assert running.states()[b"b.mkv"] == "queued"
        running.config.write_text(open_always)
        running.cgctl("config", "reload")

        all_arrive(running, running.root, {b"a.mkv": content, b"b.mkv": b"content"})
        expected = ["claim", "defer", "claim"] if end == "stop" else ["claim"]
        assert events(running, "a.mkv") == [*expected, "publish", "write", "confirm"]
        assert attempts(running) == {0}


@pytest.mark.full
@pytest.mark.timeout(300)
def test_files_of_two_tasks_that_overlap_are_sent_once_whoever_is_killed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    rest = 'settle = "1s"\nrules = ["missing", "changed", "size"]\n'
    tasks = {
        "all": f'source = "{tmp_path / "source"}"\ntarget = "cloud:films"\n{rest}',
        "new": f'source = "{tmp_path / "source" / "new"}"\ntarget = "cloud:films/new"\n{rest}',
    }
    target = 'profile = "lan"\nparallel = 2\nbandwidth = "512KiB/s"'
    contents = {b"new/%d.mkv" % number: os.urandom(100_000) for number in range(10)}
    running = Running(tmp_path, root=tmp_path / "target", kind="directory", target=target, tasks=tasks)
    for name, content in contents.items():
        running.write(name, content)
    with running:
        eventually_sync(lambda: len(running.sent()) > 3, what="some are there")
        running.kill()
        running.start()
        eventually_sync(lambda: running.sent() == contents, within=60, what="all are there, alone")
        for number in (0, 1):
            contents[b"new/%d.mkv" % number] = changed = os.urandom(50_000)
            running.write(f"new/{number}.mkv", changed)
        eventually_sync(lambda: running.sent() == contents, within=60, what="what has changed")
        eventually_sync(lambda: all_ended(running), within=120, what="the end of all transfers")

        assert running.sent() == contents
        assert [running.times_written(name) for name in contents] == [2, 2, *[1] * 8]


@needs_sick
@pytest.mark.full
def test_a_target_that_rests_is_shown_everywhere(tmp_path: Path) -> None:
    with SickMount(tmp_path) as sick:
        sick.fail("write", errno.EDQUOT)
        with Running(tmp_path, root=sick.root, target='profile = "lan"', retry="10m") as running:
            running.write("a.mkv", b"content")
            until_held(running, "a.mkv", "held.breaker", cause="fail.full")
            everywhere(running, "a.mkv", "is given a rest until ")
            everywhere(running, "a.mkv", "the target is full, or its quota is used up (step write)")
