"""A task's life as its owner sees it with cgctl: made, looked at, edited, paused, run, removed."""

import json
import os
import re
from pathlib import Path
from typing import Any

from cgwire import run as run_wire
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync


def by_hand(tmp_path: Path, *, task: str = "", environ: dict[str, str] | None = None) -> Running:
    """A daemon whose only task runs when it is told to."""
    (tmp_path / "target" / "films").mkdir(parents=True)
    return Running(tmp_path, root=tmp_path / "target", kind="directory", task=f"watch = false\n{task}", environ=environ)


def names(running: Running) -> list[str]:
    """All tasks."""
    return [task["name"] for task in json.loads(running.cgctl("task", "list", "--json").stdout)["tasks"]]


def a_task(running: Running, name: str) -> Any:
    """task.show."""
    return json.loads(running.cgctl("task", "show", name, "--json").stdout)


# ---- made ------------------------------------------------------------------------------------------------------------


def test_a_task_is_made_from_flags_alone(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / "a.mkv").write_bytes(b"film")
    (downloads / "a.txt").write_bytes(b"text")
    (tmp_path / "target").mkdir()

    with Running(tmp_path, root=tmp_path / "target", kind="directory", tasks={}) as running:
        said = running.cgctl(
            "task", "add", "影片", "--from", str(downloads), "--to", "cloud:films", "--settle", "1s", "--filter-preset",
            "video", "--rules", "missing,size", "--send", "folder", "--initial", "send", "--yes",
        ).stdout  # fmt: skip
        running.until("a.mkv", "done")

        assert "There now: 1 file to send, 4 B (of 2 in the folder)" in said
        assert "task 影片 is made" in said
        assert running.sent() == {b"a.mkv": b"film"}
        config = a_task(running, "影片")["config"]
        assert (config["rules"], config["send"], config["settle"]) == (["missing", "size"], "folder", 1.0)
        assert (tmp_path / "tasks.d" / "影片.toml").read_text().startswith("# 影片: a task of CloudGather")


def test_a_plain_disk_as_destination_waits_until_it_is_accepted(tmp_path: Path) -> None:
    downloads, plain = tmp_path / "downloads", tmp_path / "plain disk" / "films"
    downloads.mkdir()
    plain.mkdir(parents=True)
    (downloads / "a.mkv").write_bytes(b"film")
    (tmp_path / "target").mkdir()

    with Running(tmp_path, root=tmp_path / "target", kind="directory", tasks={}) as running:
        said = running.cgctl(
            "task", "add", "films", "--from", str(downloads), "--to", str(plain), "--settle", "1s", "--yes"
        ).stdout
        assert f"no cloud drive was ever seen mounted at {plain}" in said
        assert f"cgctl target accept '{plain}'" in said
        eventually_sync(lambda: "held.never-mounted" in codes(running, downloads / "a.mkv"), what="it is held")
        assert f"cgctl target accept '{plain}'" in running.cgctl("why", str(downloads / "a.mkv")).stdout
        assert f"cgctl target accept '{plain}'" in running.cgctl("status").stdout
        assert list(plain.iterdir()) == []

        refused = running.cgctl("target", "accept", str(plain), check=False)
        assert refused.returncode == 2
        assert "--yes" in refused.stderr
        running.cgctl("target", "accept", str(plain), "--yes")
        running.until("a.mkv", "done")

        assert (plain / "a.mkv").read_bytes() == b"film"


def codes(running: Running, path: Path) -> set[str]:
    """The codes of what holds the file's transfer."""
    transfer = json.loads(running.cgctl("why", "--json", str(path)).stdout)["transfer"]
    return {reason["code"] for reason in transfer["held"]} if transfer else set()


def test_a_task_that_would_be_wrong_is_not_made(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        source = os.fsdecode(running.source)
        wrong = {
            ("--from", source, "--to", "nowhere:x"): 'there is no target "nowhere"',
            ("--from", source, "--to", "cloud:x", "--schedule", "61 * * * *"): "minute: '61' is not allowed",
            ("--from", source, "--to", f"{source}/below"): "lies inside the source",
            ("--from", source, "--to", "cloud:x", "--settle", "soon"): '"soon" is not a duration',
        }
        for flags, told in wrong.items():
            done = running.cgctl("task", "add", "other", *flags, "--yes", check=False)
            assert done.returncode == 1, flags
            assert told in done.stderr
            assert "nothing was written" in done.stderr

        again = running.cgctl("task", "add", "film", "--from", source, "--to", "cloud:y", "--yes", check=False)
        assert again.returncode == 1
        assert "there is a task named film already" in again.stderr
        assert names(running) == ["film"]


def test_a_dry_run_of_making_makes_nothing(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        source = os.fsdecode(running.source)
        said = running.cgctl("task", "add", "x", "--from", source, "--to", "cloud:x", "--yes", "--dry-run").stdout

        assert 'target = "cloud:x"' in said
        assert names(running) == ["film"]


def test_a_task_made_paused_sends_nothing_until_resumed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with Running(tmp_path, root=tmp_path / "target", kind="directory", tasks={}) as running:
        running.write("a.mkv", b"film")
        source = os.fsdecode(running.source)
        running.cgctl("task", "add", "f", "--from", source, "--to", "cloud:films", "--settle", "1s", "--paused", "-y")

        assert a_task(running, "f")["paused"]
        assert running.why("a.mkv")["verdict"] == "waiting"
        assert "held.task-paused" in running.codes("a.mkv")
        running.cgctl("task", "resume", "f")
        running.until("a.mkv", "done")


# ---- edited ----------------------------------------------------------------------------------------------------------


def test_an_edit_with_errors_is_refused_and_its_text_kept(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    editor = {"EDITOR": "sed -i -e s/settle/setle/ -e $a#mine", "TMPDIR": str(tmp_path / "tmp")}
    with by_hand(tmp_path, environ=editor) as running:
        file = tmp_path / "tasks.d" / "film.toml"
        before = file.read_text()

        done = running.cgctl("task", "edit", "film", check=False)

        assert done.returncode == 1
        assert f"{file}:3: setle: is unknown (did you mean settle?)" in done.stderr
        kept = re.search(r"your text is kept in (\S+)", done.stderr)
        assert kept is not None
        assert Path(kept[1]).read_text() == before.replace("settle", "setle") + "#mine\n"
        assert file.read_text() == before


def test_an_edit_takes_effect_and_keeps_comments(tmp_path: Path) -> None:
    with by_hand(tmp_path, task="# mine\n") as running:
        running.cgctl("task", "edit", "film", "--set", "settle=7s", "--set", "filter.min_size=1MiB")

        assert a_task(running, "film")["config"]["settle"] == 7
        assert a_task(running, "film")["config"]["filter"]["min_size"] == 1 << 20
        assert "# mine" in (tmp_path / "tasks.d" / "film.toml").read_text()
        refused = running.cgctl("task", "edit", "film", "--set", "settle=soon", check=False)
        assert refused.returncode == 1
        assert a_task(running, "film")["config"]["settle"] == 7
        running.cgctl("task", "edit", "film", "--unset", "settle")
        assert a_task(running, "film")["config"]["settle"] is None


# ---- paused and removed ----------------------------------------------------------------------------------------------


def test_a_paused_task_sends_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with Running(tmp_path, root=tmp_path / "target", kind="directory") as running:
        running.cgctl("task", "pause", "film")
        running.write("a.mkv", b"film")
        assert "paused" in running.cgctl("status").stdout
        assert "held.task-paused" in running.codes("a.mkv")

        running.cgctl("task", "resume", "film")
        running.until("a.mkv", "done")


def test_removing_a_task_cancels_its_queue_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with Running(tmp_path, root=tmp_path / "target", kind="directory") as running:
        running.write("sent.mkv", b"sent")
        running.until("sent.mkv", "done")
        running.cgctl("queue", "pause")
        running.write("queued.mkv", b"queued")
        running.until("queued.mkv", "queued")

        assert running.cgctl("task", "remove", "film", check=False).returncode == 2
        said = running.cgctl("task", "remove", "film", "--yes").stdout

        assert "task film is removed; transfers cancelled: 1" in said
        assert names(running) == []
        assert running.states() == {b"sent.mkv": "done", b"queued.mkv": "cancelled"}
        (cancelled,) = [each for each in running.transfers() if each["state"] == "cancelled"]
        assert cancelled["reason"]["code"] == "cancelled.task-removed"
        assert running.sent() == {b"sent.mkv": b"sent"}
        assert sorted(os.listdir(running.source)) == [b"queued.mkv", b"sent.mkv"]


# ---- run -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_lists_what_would_go_and_why(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        running.write("sent.mkv", b"sent")
        running.write("changed.mkv", b"before")
        running.cgctl("task", "run", "film", "--wait")
        running.write("changed.mkv", b"after!!")
        running.write("new.mkv", b"new")
        running.write("unfinished.mkv.part", b"new")
        running.write("Thumbs.db", b"junk")
        os.symlink("new.mkv", running.path("link.mkv"))

        def dry(*flags: str) -> Any:
            return json.loads(running.cgctl("task", "run", "film", "--dry-run", "--json", *flags).stdout)

        eventually_sync(lambda: dry()["files"] == 2, what="both are quiet")
        reply = dry()
        assert {path: reason["code"] for path, _, reason in reply["go"]} == {
            "changed.mkv": "go.changed",
            "new.mkv": "go.missing",
        }
        assert reply["skip"] == {"skip.sent": 1, "skip.symlink": 1, "wait.partial-name": 1}
        text = running.cgctl("task", "run", "film", "--dry-run").stdout
        assert re.search(r"new\.mkv +3 B +the target does not have it", text)
        assert "would go: 2 files, 10 B" in text
        assert {path for path, _, _ in dry("--overwrite")["go"]} == {"changed.mkv", "new.mkv", "sent.mkv"}
        assert running.sent() == {b"sent.mkv": b"sent", b"changed.mkv": b"before"}


def test_waiting_for_a_run_tells_how_it_went(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        running.write("good.mkv", b"good")
        went = running.cgctl("task", "run", "film", "--wait")
        assert "✓ film: good.mkv - uploaded" in went.stdout
        assert "1 uploaded (4 B)" in went.stdout

        os.makedirs(running.base + b"/bad.mkv")  # a folder stands where the file should go
        running.write("bad.mkv", b"bad")
        failed = running.cgctl("task", "run", "film", "--wait", check=False)

        assert failed.returncode == 1
        assert "✗ film: bad.mkv - failed: a folder stands where the file should go" in failed.stdout
        status = running.cgctl("status").stdout
        assert "Failed (1)" in status
        assert "bad.mkv" in status
        assert "cgctl queue retry" in running.cgctl("why", running.path("bad.mkv")).stdout
        runs = json.loads(running.cgctl("task", "run", "film", "--wait", "--json").stdout)["runs"]
        assert [(run["failed"], run["uploaded"]) for run in runs] == [(0, 0)]  # what failed is left until retried
        os.rmdir(running.base + b"/bad.mkv")
        running.cgctl("queue", "retry", "--state", "failed")
        running.until("bad.mkv", "done")


@needs_sick
def test_an_ordered_run_takes_its_turn_after_a_scan_of_the_daemons_own(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with SickMount(tmp_path, name="downloads") as source:
        body = f'source = "{os.fsdecode(source.root)}"\ntarget = "cloud:films"\nsettle = "1s"\n'
        with Running(tmp_path, root=tmp_path / "target", kind="directory", tasks={"film": body}) as running:
            source.hang("readdir")
            running.stop()
            running.start()
            eventually_sync(lambda: a_task(running, "film")["scanning"] and source.hanging("readdir"), what="a scan")

            ordered = json.loads(running.cgctl("task", "run", "film", "--json").stdout)["run"]
            again = running.cgctl("task", "run", "film", check=False)
            assert (again.returncode, again.stderr) == (1, "cgctl: the task film is running already\n")
            (Path(os.fsdecode(source.backing)) / "a.mkv").write_bytes(b"film")
            source.release("readdir")
            eventually_sync(lambda: running.ask(run_wire.Show(id=ordered))["scanned"], what="its end")

            assert running.ask(run_wire.Show(id=ordered))["seen"] == 1
            running.cgctl("task", "run", "film")


def test_overwriting_sends_everything_again(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        contents = {f"{number}.mkv".encode(): f"film {number}".encode() for number in range(3)}
        for name, content in contents.items():
            running.write(name, content)
        running.cgctl("task", "run", "film", "--wait")
        with open(running.base + b"/1.mkv", "wb") as file:
            file.write(b"other")

        assert "nothing to do" in running.cgctl("task", "run", "film", "--wait").stdout
        assert running.sent()[b"1.mkv"] == b"other"
        assert "3 uploaded" in running.cgctl("task", "run", "film", "--overwrite", "--wait").stdout
        assert running.sent() == contents


def test_uploading_by_name(tmp_path: Path) -> None:
    with by_hand(tmp_path) as running:
        running.cgctl("task", "edit", "film", "--set", "settle=1h")
        path = running.write("show/a.mkv", b"film")

        refused = running.cgctl("upload", "/etc/hostname", "--wait", check=False)
        assert refused.returncode == 1
        assert "no task covers /etc/hostname" in refused.stderr
        assert "accepted: 1" in running.cgctl("upload", path).stdout
        assert "wait.quiet" in running.codes("show/a.mkv")
        done = running.cgctl("upload", os.path.dirname(path), "--skip-settle", "--wait")

        assert "✓ film: show/a.mkv - uploaded" in done.stdout
        assert running.states() == {b"show/a.mkv": "done"}
