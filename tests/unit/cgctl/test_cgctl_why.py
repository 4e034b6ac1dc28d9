"""What `cgctl why` tells a person."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.replies import NOW, a_transfer


def a_why(**changes: Any) -> dict[str, Any]:
    return {
        "path": b"/downloads/film.mkv",
        "task": "films",
        "relative": b"film.mkv",
        "verdict": "waiting",
        "settle": None,
        "reasons": [],
        "transfer": None,
        "ledger": None,
        "also": [],
        **changes,
    }


CONDITIONS = [
    {"code": "wait.quiet", "since": 12, "left": 18, "needed": 30},
    {"code": "wait.writer", "writers": [[4711, "qbittorrent-nox"]]},
    {"code": "met.name"},
    {"code": "met.no-downloader"},
]


def test_each_condition_has_its_mark_and_its_facts(cgctl: Any) -> None:
    cgctl.daemon(path_why=a_why(settle={"conditions": CONDITIONS, "guessed": True}))

    said = cgctl("why", "/downloads/film.mkv")

    lines = said.out.splitlines()
    assert lines[:2] == ["/downloads/film.mkv", "… It is not uploaded yet: it may not be complete."]
    assert "Is it complete? (a guess from these signs)" in lines
    assert "  … quiet: not yet, last written 12 s ago, 18 s to go" in lines
    assert "  … writer: still open for writing by pid 4711 (qbittorrent-nox)" in lines
    assert "  ✓ name: not the name of an unfinished download" in lines


def test_it_explains_in_chinese(cgctl: Any, chinese: Callable[..., Any]) -> None:
    cgctl.daemon(path_why=a_why(settle={"conditions": CONDITIONS, "guessed": True}))

    said = chinese("why", "/downloads/film.mkv")

    assert "… 静默：还不够久，12 秒前还有写入，还需 18 秒" in said.out
    assert "写入者：文件仍被打开写入（pid 4711 (qbittorrent-nox)）" in said.out


def test_a_condition_is_not_told_twice(cgctl: Any) -> None:
    cgctl.daemon(path_why=a_why(settle={"conditions": CONDITIONS, "guessed": True}, reasons=CONDITIONS[:2]))

    assert cgctl("why", "/x").out.lower().count("quiet: not yet") == 1


def test_a_path_that_no_task_covers_says_what_to_do(cgctl: Any) -> None:
    reason = {"code": "skip.no-task", "path": b"/x"}
    cgctl.daemon(path_why=a_why(path=b"/x", task=None, verdict="unclaimed", reasons=[reason]))

    said = cgctl("why", "/x").out.splitlines()

    assert said[:2] == ["/x", "- No task covers it."]
    assert len(said) == 3 and "cgctl task add makes a task" in said[2]


def test_a_failure_says_what_would_help_and_says_it_once(cgctl: Any) -> None:
    reason = {"code": "fail.name", "step": "create", "message": "Invalid argument"}
    cgctl.daemon(
        path_why=a_why(verdict="failed", reasons=[reason], transfer=a_transfer(state="failed", held=[], reason=reason))
    )

    said = cgctl("why", "/downloads/film.mkv")

    assert "✗ The upload failed." in said.out
    assert said.out.count("this name (step create): Invalid argument") == 1
    assert "→ rename the file" in said.out


def test_the_queue_place_and_what_holds_it_are_told(cgctl: Any) -> None:
    held = [
        {"code": "held.window", "until": NOW, "window": "01:00-07:00", "whose": "task"},
        {"code": "held.turn", "ahead": 1},
    ]
    cgctl.daemon(path_why=a_why(verdict="queued", transfer=a_transfer(held=held, attempts=2)))

    said = cgctl("why", "/downloads/film.mkv")

    assert "outside the upload window 01:00-07:00 of the task; it opens at 2026-09-2" in said.out
    assert "waiting for its turn, 1 transfer ahead of it" in said.out
    assert "attempts: 2 of 8" in said.out


def test_why_a_transfer_was_planned_is_told_once(cgctl: Any) -> None:
    cgctl.daemon(path_why=a_why(verdict="queued", transfer=a_transfer(held=[], reason={"code": "go.missing"})))

    assert cgctl("why", "/downloads/film.mkv").out.count("the target does not have it") == 1


def test_an_upload_says_when_and_where_to(cgctl: Any) -> None:
    ledger = {
        "size": 2**20,
        "mtime": NOW,
        "at": NOW,
        "target": "c115",
        "destination": b"films/film.mkv",
        "strength": "seen",
        "origin": "sent",
    }
    cgctl.daemon(path_why=a_why(verdict="uploaded", ledger=ledger))

    said = cgctl("why", "/downloads/film.mkv")

    assert "✓ It is uploaded." in said.out
    assert "to c115:films/film.mkv" in said.out
    assert "confirmation: seen, not confirmed" in said.out


def test_a_verdict_of_a_later_daemon_is_shown_as_it_is(cgctl: Any) -> None:
    cgctl.daemon(path_why=a_why(verdict="levitating", task=None, reasons=[{"code": "new.thing", "fact": 1}]))

    said = cgctl("why", "/x")

    assert "levitating" in said.out
    assert "new.thing (fact=1)" in said.out


def test_json_has_the_codes(cgctl: Any) -> None:
    cgctl.daemon(path_why=a_why(settle={"conditions": CONDITIONS, "guessed": True}))

    reply = json.loads(cgctl("why", "/x", "--json").out)

    assert [condition["code"] for condition in reply["settle"]["conditions"]][:2] == ["wait.quiet", "wait.writer"]


def test_a_relative_path_is_taken_from_here_without_following_links(
    cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    daemon = cgctl.daemon(path_why=a_why())

    cgctl("why", "./a/../film.mkv")
    cgctl("why", os.fsdecode(b"\xff.mkv"))

    folder = os.fsencode(tmp_path / "link")
    assert [params["path"] for params in daemon.asked_for("path.why")] == [folder + b"/film.mkv", folder + b"/\xff.mkv"]


def test_a_stale_pwd_is_not_believed(cgctl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", "/")
    daemon = cgctl.daemon(path_why=a_why())

    cgctl("why", "film.mkv")

    assert daemon.asked_for("path.why") == [{"path": os.fsencode(tmp_path) + b"/film.mkv"}]
