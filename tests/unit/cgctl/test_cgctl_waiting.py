"""Commands that wait for runs."""

from pathlib import Path
from typing import Any

from fakes.replies import a_run, a_transfer
from fakes.terminal import Terminal

NOTHING = {"transfers": [], "total": 0}


def ended_after(looks: int, **changes: Any) -> Any:
    """A run that has ended when it was looked at so often."""
    seen = 0

    def reply(params: Any) -> Any:
        nonlocal seen
        seen += 1
        return a_run(id=params["id"], **changes) if seen > looks else a_run(id=params["id"], ended=None, uploaded=0)

    return reply


def test_a_run_that_went_well_ends_with_0(cgctl: Any) -> None:
    done = {"kind": "transfer", "id": 17, "task": "films", "path": b"film.mkv", "state": "written", "event": "write"}
    over = {"kind": "run", **a_run()}
    daemon = cgctl.daemon(
        [done, over],
        task_run={"run": 5},
        run_show=ended_after(99),
        queue_list={"transfers": [a_transfer()], "total": 1},
    )

    said = cgctl("task", "run", "films", "--wait")

    assert said.code == 0
    assert "✓ films: film.mkv - uploaded" in said.out
    assert said.out.splitlines()[-1] == "run 5 of 电影: 3 uploaded (5.00 GiB)"
    assert "waiting for its turn" in said.err
    assert [method for method, _ in daemon.asked][:2] == ["events.subscribe", "task.run"]


def test_what_a_run_has_sent_is_told_also_where_it_had_ended_when_it_was_first_looked_at(cgctl: Any) -> None:
    done = {"kind": "transfer", "id": 17, "task": "films", "path": b"film.mkv", "state": "written", "event": "write"}
    over = {"kind": "run", **a_run()}
    cgctl.daemon([done, over], task_run={"run": 5}, run_show=a_run(), queue_list=NOTHING)

    said = cgctl("task", "run", "films", "--wait")

    assert said.out.splitlines() == ["✓ films: film.mkv - uploaded", "run 5 of 电影: 3 uploaded (5.00 GiB)"]


def test_a_run_with_a_failure_ends_with_1(cgctl: Any) -> None:
    cgctl.daemon(task_run={"run": 5}, run_show=ended_after(1, failed=1), queue_list=NOTHING)

    said = cgctl("task", "run", "films", "--wait")

    assert said.code == 1
    assert "1 failed" in said.out


def test_a_scan_that_could_not_be_finished_ends_with_1(cgctl: Any) -> None:
    problem = {"code": "source.gone", "source": b"/downloads"}
    cgctl.daemon(task_run={"run": 5}, run_show=a_run(problem=problem), queue_list=NOTHING)

    said = cgctl("task", "run", "films", "--wait")

    assert said.code == 1
    assert "the folder does not exist: /downloads" in said.out


def test_without_wait_the_run_is_named(cgctl: Any) -> None:
    cgctl.daemon(task_run={"run": 5})

    assert "cgctl run show 5" in cgctl("task", "run", "films").out


def test_a_dry_run_lists_what_would_go_and_why(cgctl: Any) -> None:
    daemon = cgctl.daemon(
        task_run={
            "go": [["电影.mkv".encode(), 2**30, {"code": "go.missing"}]],
            "skip": {"skip.sent": 40},
            "files": 1,
            "bytes": 2**30,
            "truncated": False,
        }
    )

    said = cgctl("task", "run", "films", "--dry-run")

    assert "电影.mkv  1.00 GiB  the target does not have it" in said.out
    assert "would go: 1 file, 1.00 GiB" in said.out
    assert "passed over: 40, this version was uploaded" in said.out
    assert daemon.asked_for("task.run") == [{"name": "films", "dry_run": True}]


def test_upload_waits_for_all_its_runs_and_tells_refusals(cgctl: Any) -> None:
    refused = [[b"/x", {"code": "error.outside", "path": b"/x"}]]
    daemon = cgctl.daemon(
        path_upload={"runs": [5, 6], "accepted": 2, "refused": refused},
        run_show=ended_after(3),
        queue_list=NOTHING,
        path_why={"verdict": "uploaded"},
    )

    said = cgctl("upload", "--wait", "--skip-settle", "/downloads/a", "/x")

    assert said.code == 1
    assert "no task covers /x" in said.err
    assert "run 6 of" in said.out
    assert daemon.asked_for("path.upload") == [{"paths": [b"/downloads/a", b"/x"], "skip_settle": True}]


def test_upload_waits_for_a_file_that_another_run_brings_over(cgctl: Any) -> None:
    verdicts = iter(["waiting", "copying", "failed"])
    failed = {"code": "fail.full", "step": "write"}
    cgctl.daemon(
        [{"kind": "progress", "id": 1, "done": 1, "size": 2, "rate": 1}] * 9,
        path_upload={"runs": [5], "accepted": 1, "refused": []},
        run_show=a_run(uploaded=0),
        queue_list=NOTHING,
        path_why=lambda params: {"verdict": next(verdicts), "reasons": [failed]},
    )

    said = cgctl("upload", "--wait", "/downloads/a")

    assert said.code == 1
    assert "/downloads/a: the target is full" in said.err


def test_at_a_terminal_the_bar_is_redrawn_in_place(cgctl: Any, tmp_path: Path) -> None:
    moving = a_transfer(state="copying", held=[], done=2**30, rate=2**20, eta=5)
    cgctl.daemon(task_run={"run": 5}, run_show=ended_after(1), queue_list={"transfers": [moving], "total": 1})
    terminal = Terminal(tmp_path, "task", "run", "films", "--wait")

    assert terminal.end() == 0
    assert "1.00 GiB / 3.00 GiB" in terminal.screen
    assert "\x1b[3F\x1b[J" in terminal.screen
    assert "run 5 of 电影: 3 uploaded" in terminal.screen


def test_upload_of_what_no_task_covers_fails(cgctl: Any) -> None:
    refused = [[b"/x", {"code": "error.outside", "path": b"/x"}]]
    cgctl.daemon(path_upload={"runs": [], "accepted": 0, "refused": refused})

    assert cgctl("upload", "/x").code == 1


def test_verify_tells_what_it_queued_again_and_what_it_withheld(cgctl: Any) -> None:
    report = {"checked": 9, "intact": 0, "gone": [b"a"], "differs": [], "unsent": [], "truncated": False}
    cgctl.daemon(task_verify={**report, "resent": 0, "withheld": 1})

    said = cgctl("task", "verify", "films")

    assert said.code == 1
    assert "not queued again, because so many are gone at once: 1" in said.out
    assert "cgctl task run films --overwrite" in said.out


def test_verify_tells_what_is_gone(cgctl: Any) -> None:
    report = {"checked": 9, "intact": 7, "gone": [b"a"], "differs": [b"b"], "unsent": [b"c"], "truncated": False}
    cgctl.daemon(task_verify=report)

    said = cgctl("task", "verify", "films")

    assert said.code == 1
    assert "✗ a: no longer at the target" in said.out
    assert "compared: 9, intact: 7" in said.out
