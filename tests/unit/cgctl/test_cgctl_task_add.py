"""`cgctl task add`, with flags and with answers."""

from pathlib import Path
from typing import Any

import pytest

from fakes.canned import Denied
from fakes.terminal import Terminal

SURVEY = {
    "files": 14,
    "bytes": 2**31,
    "wanted": 12,
    "wanted_bytes": 2**30,
    "sample": [["流浪地球.mkv".encode(), 2**20]],
    "skipped": {"skip.junk": 2},
}
COMPOSED = {"text": 'source = "/downloads"\n', "problems": []}
WRITTEN = {"problems": [], "name": "films"}
MOUNTS = {
    "mounts": [
        {"mount_point": b"/", "fs_type": "ext4", "source": b"/dev/sda1", "read_only": False, "is_remote": False},
        {"mount_point": b"/CloudDrive", "fs_type": "fuse.cd", "source": b"CloudDrive", "read_only": False,
         "is_remote": True, "target": "c115"},
        {"mount_point": b"/mnt/nas", "fs_type": "nfs4", "source": b"nas:/x", "read_only": False, "is_remote": True},
    ]
}  # fmt: skip


def a_daemon(cgctl: Any, **replies: Any) -> Any:
    return cgctl.daemon(
        **{
            "task_survey": SURVEY,
            "task_compose": COMPOSED,
            "task_write": WRITTEN,
            "target_mounts": MOUNTS,
            "task_pause": {},
            "task_show": {"held": []},
            **replies,
        }
    )


def test_flags_alone_make_a_task(cgctl: Any) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl(
        "task", "add", "films", "--from", "/downloads/", "--to", "c115:films", "--no-watch", "--schedule", "0 3 * * *",
        "--settle", "5m", "--filter-preset", "video+subtitles", "--min-size", "50MiB", "--exclude", "*sample*",
        "--rules", "missing, size", "--initial", "adopt", "--upload-window", "01:00-07:00",
    )  # fmt: skip

    assert said.code == 0
    assert daemon.asked_for("task.compose") == [
        {
            "name": "films",
            "values": {
                "source": "/downloads",
                "target": "c115:films",
                "watch": False,
                "schedule": "0 3 * * *",
                "settle": "5m",
                "initial": "adopt",
                "upload_window": "01:00-07:00",
                "rules": ["missing", "size"],
                "filter": {"exclude": ["*sample*"], "min_size": "50MiB", "preset": "video+subtitles"},
            },
        }
    ]
    assert daemon.asked_for("task.write") == [{"name": "films", "text": COMPOSED["text"], "new": True}]
    assert "There now: 12 files to send, 1.00 GiB (of 14 in the folder)" in said.out
    assert "流浪地球.mkv  1.00 MiB" in said.out


def test_what_is_missing_is_named_by_its_flags(cgctl: Any) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("task", "add", "films")

    assert said.code == 2
    assert "missing: --from, --to" in said.err
    assert daemon.asked == []


def test_a_dry_run_writes_nothing(cgctl: Any) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("task", "add", "--from", "/downloads/电影", "--to", "c115:x", "--dry-run")

    assert said.code == 0
    assert "电影.toml" in said.out
    assert 'source = "/downloads"' in said.out
    assert daemon.asked_for("task.write") == []


def test_errors_in_it_are_shown_and_nothing_is_written(cgctl: Any) -> None:
    problem = {"text": "films.toml:3: schedule: not a cron expression"}
    daemon = a_daemon(cgctl, task_compose={"text": "x", "problems": [problem]})

    said = cgctl("task", "add", "films", "--from", "/d", "--to", "c115:x", "--schedule", "nonsense")

    assert said.code == 1
    assert "films.toml:3: schedule" in said.err
    assert daemon.asked_for("task.write") == []


def test_a_source_that_is_not_mounted_yet_is_no_error(cgctl: Any) -> None:
    def away(params: Any) -> Any:
        raise Denied("source.gone", source=b"/downloads")

    a_daemon(cgctl, task_survey=away)

    said = cgctl("task", "add", "films", "--from", "/downloads", "--to", "c115:x")

    assert said.code == 0
    assert "the folder does not exist: /downloads" in said.err


def test_a_task_can_be_made_paused(cgctl: Any) -> None:
    daemon = a_daemon(cgctl)

    cgctl("task", "add", "films", "--from", "/d", "--to", "c115:x", "--paused")

    assert [asked["paused"] for asked in daemon.asked_for("task.write")] == [True]


def test_what_holds_the_new_task_is_told_with_what_would_help(cgctl: Any) -> None:
    a_daemon(cgctl, task_show={"held": [{"code": "held.never-mounted", "target": "/mnt/x", "root": b"/mnt/x"}]})

    said = cgctl("task", "add", "films", "--from", "/d", "--to", "/mnt/x")

    assert said.code == 0
    assert "no cloud drive was ever seen mounted at /mnt/x" in said.out
    assert "cgctl target accept /mnt/x" in said.out


def test_a_relative_destination_is_wrong_usage(cgctl: Any) -> None:
    a_daemon(cgctl)

    assert cgctl("task", "add", "films", "--from", "/d", "--to", "./x").code == 2


def test_somebody_at_a_terminal_is_asked(cgctl: Any, tmp_path: Path) -> None:
    daemon = a_daemon(cgctl)
    source = tmp_path / "下载"
    source.mkdir()
    terminal = Terminal(tmp_path, "task", "add")

    terminal.answers(
        [
            ("Which folder do the downloads arrive in?: ", str(source)),
            ("1) /CloudDrive  (c115, CloudDrive, fuse.cd)", ""),
            ("Folder there [下载]: ", "影视库"),
            ("Who puts files there?", ""),
            ("When shall they be sent?", "2"),
            ("12 files (1.00 GiB) are there already. What about them?", "2"),
            ("this release deletes nothing", ""),
            ("Make this task? [Y/n]: ", "y"),
        ]
    )

    assert terminal.end() == 0
    assert daemon.asked_for("task.compose") == [
        {
            "name": "下载",
            "values": {
                "source": str(source),
                "target": "c115:影视库",
                "watch": False,
                "schedule": "H 3 * * *",
                "initial": "adopt",
            },
        }
    ]
    assert len(daemon.asked_for("task.write")) == 1


def test_saying_no_at_the_end_writes_nothing(cgctl: Any, tmp_path: Path) -> None:
    daemon = a_daemon(cgctl)
    terminal = Terminal(
        tmp_path,
        "task",
        "add",
        "films",
        "--from",
        str(tmp_path),
        "--to",
        "c115:x",
        "--watch",
        "--settle",
        "5m",
        "--initial",
        "send",
    )

    terminal.answer("Make this task?", "n")

    assert terminal.end() == 130
    assert daemon.asked_for("task.write") == []


@pytest.mark.parametrize("flag", ["--yes"])
def test_with_yes_nothing_is_asked_at_a_terminal(cgctl: Any, tmp_path: Path, flag: str) -> None:
    daemon = a_daemon(cgctl)
    terminal = Terminal(tmp_path, "task", "add", "films", "--from", str(tmp_path), "--to", "c115:x", flag)

    assert terminal.end() == 0
    assert len(daemon.asked_for("task.write")) == 1
