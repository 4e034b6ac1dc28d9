"""Listing and steering the queue, history and logs."""

import json
from typing import Any

import pytest

from cgctl.table import width
from fakes.replies import NOW, a_run, a_transfer


def test_the_list_lines_up_and_escapes_names(cgctl: Any) -> None:
    odd = a_transfer(id=118, task="x", path=b"a\xffb\n\x1b[31m.mkv", state="copying", done=2**30, held=[])
    cgctl.daemon(queue_list={"transfers": [a_transfer(), odd], "total": 2})

    lines = cgctl("queue", "list").out.splitlines()

    assert lines[0].split() == ["ID", "STATE", "SIZE", "FILE", "WHY"]
    assert "x: a\\xffb\\n\\x1b[31m.mkv" in lines[2]
    where = width(lines[0].partition("FILE")[0])
    assert width(lines[1].partition("电影: ")[0]) == where == width(lines[2].partition("x: a")[0])


def test_what_is_chosen_reaches_the_daemon(cgctl: Any) -> None:
    daemon = cgctl.daemon(queue_list={"transfers": [], "total": 0}, queue_retry={"count": 2})

    cgctl("queue", "list", "--task", "电影", "--state", "failed", "--state", "queued", "-n", "5", "*.mkv")
    cgctl("queue", "retry", "17", "18")
    cgctl("queue", "retry", "--all")

    assert daemon.asked_for("queue.list") == [
        {"task": "电影", "states": ["failed", "queued"], "glob": b"*.mkv", "limit": 5}
    ]
    assert daemon.asked_for("queue.retry") == [{"ids": [17, 18]}, {"all": True}]


@pytest.mark.parametrize("order", ["retry", "cancel", "first", "clear"])
def test_each_order_tells_how_many(cgctl: Any, order: str) -> None:
    cgctl.daemon(**{f"queue_{order}": {"count": 3}})

    said = cgctl("queue", order, "--state", "failed")

    assert said.code == 0
    assert said.out.rstrip().endswith(": 3")


def test_what_is_still_stopping_is_told_beside_what_is_cancelled(cgctl: Any) -> None:
    cgctl.daemon(queue_cancel={"count": 0, "ending": 2})

    said = cgctl("queue", "cancel", "17", "18")

    assert said.code == 0
    assert "still stopping: 2" in said.err


def test_an_order_that_concerned_nothing_failed(cgctl: Any) -> None:
    cgctl.daemon(queue_cancel={"count": 0})

    assert cgctl("queue", "cancel", "17").code == 1


def test_one_transfer_is_shown_with_its_history(cgctl: Any) -> None:
    moves = [
        {"id": 1, "transfer": 17, "task": "x", "path": b"p", "at": NOW, "event": "claim", "before": "queued",
         "after": "copying", "attempt": 1, "reason": None},
    ]  # fmt: skip
    cgctl.daemon(queue_show={"transfer": a_transfer(), "history": moves})

    said = cgctl("queue", "show", "17")

    assert "c115:影视库/流浪地球/film.mkv" in said.out
    assert "copying  attempt 1" in said.out


def test_history_and_runs_are_tables(cgctl: Any) -> None:
    move = {
        "id": 1, "transfer": 17, "task": "films", "path": b"film.mkv", "at": NOW, "event": "give-up",
        "before": "copying", "after": "failed", "attempt": 8, "reason": {"code": "fail.full", "step": "write"},
    }  # fmt: skip
    cgctl.daemon(
        history_list={"moves": [move]},
        run_list={"runs": [a_run(), a_run(id=6, ended=None, uploaded=1)]},
        run_show=a_run(failed=1),
        queue_list={"transfers": [a_transfer()], "total": 1},
    )

    assert (
        "films: film.mkv  the target is full, or its quota is used up (step write), attempt 8" in cgctl("history").out
    )
    assert "1 uploaded (5.00 GiB), 2 to go" in cgctl("run", "list").out
    assert "Run 5 of 电影" in cgctl("run", "show", "5").out


def test_history_of_a_path_is_asked_by_its_absolute_name(cgctl: Any) -> None:
    daemon = cgctl.daemon(history_list={"moves": []})

    cgctl("history", "/downloads/film.mkv")

    assert daemon.asked_for("history.list") == [{"path": b"/downloads/film.mkv", "limit": 50, "outcomes": True}]


def test_logs_are_printed_and_followed(cgctl: Any) -> None:
    events = [
        {"kind": "log", "task": "films", "run": 5, "line": "third"},
        {"kind": "log", "task": "films", "run": 6, "line": "x"},
    ]
    daemon = cgctl.daemon(events, hangs_up=True, daemon_logs={"lines": ["first", "sec\x1bond"]})

    said = cgctl("logs", "-f", "--task", "films", "--run", "5")

    assert said.out.splitlines() == ["first", "sec\\x1bond", "third"]
    assert said.code == 3  # the daemon went away
    assert daemon.asked_for("events.subscribe") == [{"kinds": ["log"], "task": "films"}]
    assert daemon.asked_for("daemon.logs") == [{"task": "films", "run": 5}]


def test_logs_followed_as_json_are_a_document_a_line(cgctl: Any) -> None:
    events = [{"kind": "log", "task": None, "run": None, "line": "日志"}]
    cgctl.daemon(events, hangs_up=True, daemon_logs={"lines": ["first"]})

    lines = cgctl("logs", "-f", "--json").out.splitlines()

    assert [json.loads(line) for line in lines] == [{"line": "first"}, {"line": "日志"}]


def test_json_of_the_list_keeps_every_byte(cgctl: Any) -> None:
    cgctl.daemon(queue_list={"transfers": [a_transfer(path=b"\xff\n")], "total": 1})

    item = json.loads(cgctl("queue", "list", "--json").out)["transfers"][0]

    assert (item["path"], item["path_b64"]) == ("\\xff\n", "/wo=")
