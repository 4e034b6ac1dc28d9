"""Limits of a target, as cgctl shows and changes them."""

import errno
import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from e2e.expecting import until_held
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

MIB = 1 << 20


def a_disk(tmp_path: Path, target: str) -> Running:
    (tmp_path / "target").mkdir()
    return Running(tmp_path, root=tmp_path / "target", kind="directory", target=f'profile = "lan"\n{target}')


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

        assert wrong.returncode == forever.returncode == 1
        assert '"fast" is not a rate' in wrong.stderr
        assert '"9w" is not allowed; use "1m" to "30d"' in forever.stderr


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
        assert f"{sentence}; the next file has 2.00 MiB and may go at " in running.cgctl("status").stdout
        assert sentence[1:] in running.cgctl("why", running.path("c.mkv")).stdout
        assert "2.00 MiB / 3.00 MiB a day" in running.cgctl("status").stdout
        shown = running.cgctl("target", "show", "cloud").stdout
        assert "sent within 24 hours  2.00 MiB / 3.00 MiB" in shown
        assert "daily_limit" in shown


def test_a_cache_disk_that_fills_up_holds_what_is_queued(tmp_path: Path) -> None:
    with a_disk(tmp_path, f'cache_dir = "{tmp_path}"\nmin_free = "1000000TiB"') as running:
        running.write("a.mkv", b"content")
        running.until("a.mkv", "queued")

        eventually_sync(lambda: "held.min-free" in running.codes("a.mkv"), what="the disk holds it")

        assert "the disk with the cache of the target cloud is nearly full (" in running.cgctl("status").stdout
        assert "min_free" in running.cgctl("target", "show", "cloud").stdout


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
        assert "film: a.mkv" in running.cgctl("status").stdout
        assert running.sent() == {b"a.mkv": b"first"}


def everywhere(running: Running, name: str, sentence: str) -> None:
    """`status`, `why` and `target show` all say it."""
    for words in (("status",), ("why", running.path(name)), ("target", "show", "cloud")):
        said = running.cgctl(*words).stdout
        assert sentence in said, said


def test_what_waits_until_the_target_may_be_asked_again_says_so(tmp_path: Path) -> None:
    with a_disk(tmp_path, "parallel = 1\nmetadata_per_second = 0.2") as running:
        for name in ("a.mkv", "b.mkv"):
            running.write(name, b"content")
        eventually_sync(lambda: "held.metadata" in running.codes("b.mkv"), what="it waits for its turn")

        assert running.states()[b"b.mkv"] == "copying"
        for words in (("status",), ("queue", "list"), ("why", running.path("b.mkv"))):
            assert "aiting until the target cloud may be asked again" in running.cgctl(*words).stdout
        assert "metadata_per_second" in running.cgctl("target", "show", "cloud").stdout
        running.until("b.mkv", "done")


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
