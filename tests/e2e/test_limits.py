"""Limits of a target, as cgctl shows and changes them."""

import json
import os
from pathlib import Path

from e2e.running import Running
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
