"""Daemons side by side, state that must not be touched, and configurations that are right or wrong."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from e2e.running import Running
from policies import may_choose
from waiting import eventually_sync


def plain(folder: Path, **options: object) -> Running:
    """A daemon on a plain disk."""
    (folder / "target").mkdir(parents=True, exist_ok=True)
    return Running(folder, root=folder / "target", kind="directory", **options)  # type: ignore[arg-type]  # handed on


def ended(config: Path) -> subprocess.CompletedProcess[str]:
    """What a daemon that does not stay up says, and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "cloudgather", "--config", str(config)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


# ---- beside other programs -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not may_choose(), reason="needs to choose a policy")
def test_the_daemon_and_its_agent_preempt_nobody(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        running.write("film.mkv", b"film")
        eventually_sync(lambda: len(running.agents()) == 1, what="an agent")

        assert {policy for pid in [running.pid, *running.agents()] for policy in policies(pid)} == {os.SCHED_BATCH}


def test_the_signal_of_a_writer_that_comes_ends_neither_the_daemon_nor_its_agent(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        running.write("film.mkv", b"film")
        eventually_sync(lambda: len(running.agents()) == 1, what="an agent")
        (agent,) = running.agents()
        eventually_sync(lambda: ignores(agent, signal.SIGIO), what="an agent that has started")

        assert ignores(running.pid, signal.SIGIO)


def ignores(pid: int, number: int) -> bool:
    """Whether the process ignores this signal."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(status["SigIgn"], 16) >> (number - 1) & 1)


def policies(pid: int) -> set[int]:
    """Those of a process's threads."""
    found = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            found.add(os.sched_getscheduler(int(thread)))
    return found


# ---- side by side ----------------------------------------------------------------------------------------------------


def test_two_daemons_run_side_by_side_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    options = {"root": tmp_path / "shared", "kind": "directory"}
    for name in "ab":
        (tmp_path / name).mkdir()
    with Running(tmp_path / "a", **options) as one, Running(tmp_path / "b", **options) as other:  # type: ignore[arg-type]
        one.write("one.mkv", b"one")
        other.write("other.mkv", b"other")
        one.until("one.mkv", "done")
        other.until("other.mkv", "done")

        assert one.sent() == {b"one.mkv": b"one", b"other.mkv": b"other"}
        assert set(one.states()) == {b"one.mkv"}
        assert set(other.states()) == {b"other.mkv"}


def test_a_second_daemon_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        second = tmp_path / "second.toml"
        second.write_text(running.config.read_text().replace("control.sock", "second.sock"))

        refused = ended(second)

        assert refused.returncode == 1
        assert (
            f"another daemon (pid {running.pid}) does; stop the other daemon, or give this one a state_dir of its own"
            in refused.stderr
        )
        assert not (tmp_path / "second.sock").exists()
        assert running.status()["daemon"]["pid"] == running.pid


def test_a_second_daemon_on_the_same_socket_is_refused(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        second = tmp_path / "second.toml"
        second.write_text(running.config.read_text().replace("/state", "/other-state"))

        refused = ended(second)

        assert refused.returncode == 1
        assert os.fsdecode(running.socket) in refused.stderr
        assert running.status()["daemon"]["pid"] == running.pid


# ---- state -----------------------------------------------------------------------------------------------------------


def tear(database: Path) -> None:
    """Overwrite a page in the middle."""
    with open(database, "r+b") as file:
        file.seek(database.stat().st_size // 2)
        file.write(b"\xa5" * 8192)


def date(database: Path) -> None:
    """Make it look like a later release's."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 9999")
        connection.commit()


@pytest.mark.parametrize(("spoil", "told"), [(tear, "it is damaged"), (date, "its schema 9999 is of a later release")])
def test_a_database_that_cannot_be_used_is_refused_and_a_copy_kept(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    with plain(tmp_path) as running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")
    database = tmp_path / "state" / "state.db"
    spoil(database)
    spoilt = database.read_bytes()

    refused = ended(running.config)

    assert refused.returncode == 1
    assert told in refused.stderr
    copies = [file for file in (tmp_path / "state").iterdir() if file.name.startswith("state.db.")]
    assert [copy.read_bytes() for copy in copies] == [spoilt]
    assert str(copies[0]) in refused.stderr
    assert database.read_bytes() == spoilt
    assert ended(running.config).returncode == 1  # and again: no second copy, nothing overwritten
    assert [file for file in (tmp_path / "state").iterdir() if file.name.startswith("state.db.")] == copies


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"my holiday pictures")
    running = plain(tmp_path)

    refused = ended(running.config)

    assert refused.returncode == 1
    assert "it is not an SQLite database; correct state_dir, or move the file away" in refused.stderr
    assert (tmp_path / "state" / "state.db").read_bytes() == b"my holiday pictures"


def test_a_new_database_finds_again_what_was_sent(tmp_path: Path) -> None:
    running = plain(tmp_path)
    with running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")
    shutil.rmtree(tmp_path / "state")
    before = os.stat(running.base + b"/a.mkv")

    with running:
        eventually_sync(lambda: "skip.adopted" in running.codes("a.mkv"), what="it is adopted")

        assert os.stat(running.base + b"/a.mkv") == before


# ---- configuration ---------------------------------------------------------------------------------------------------


def test_an_invalid_main_file_ends_with_78_and_names_every_line(tmp_path: Path) -> None:
    running = plain(tmp_path)
    text = running.config.read_text().replace("[control]", 'history_days = "long"\n[control]').replace("kind", "kin")
    running.config.write_text(text)

    refused = ended(running.config)

    assert refused.returncode == 78
    lines = refused.stderr.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"{running.config}:4", f"{running.config}:9"]
    assert "[daemon] history_days" in lines[0]
    assert "[targets.cloud] kin: is unknown (did you mean kind?)" in lines[1]
    checked = running.cgctl("config", "check", str(running.config), check=False)
    assert checked.returncode == 1
    assert all(line in checked.stdout for line in lines)


def test_a_task_file_with_errors_is_set_aside_and_shown_while_the_others_run(tmp_path: Path) -> None:
    running = plain(tmp_path)
    (tmp_path / "tasks.d" / "坏.toml").write_text('source = "/nowhere"\ntarget = "cloud:x"\nevery = "1s"\n')
    with running:
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")

        said = running.cgctl("status").stdout
        assert f"{tmp_path}/tasks.d/坏.toml:3: every" in said
        (problem,) = running.status()["daemon"]["problems"]
        assert (problem["line"], problem["key"]) == (3, "every")
        running.cgctl("task", "edit", "坏", "--set", "every=10s")
        assert running.status()["daemon"]["problems"] == []


def test_a_reload_with_an_invalid_file_changes_nothing(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        good = (tmp_path / "tasks.d" / "film.toml").read_text()
        (tmp_path / "tasks.d" / "film.toml").write_text(good + 'rules = ["sometimes"]\n')
        (tmp_path / "tasks.d" / "other.toml").write_text(good.replace("films", "others"))

        refused = running.cgctl("config", "reload", check=False)

        assert refused.returncode == 1
        assert 'rules: "sometimes" is not allowed' in refused.stdout
        assert "what was in effect stays" in refused.stderr
        assert [task["name"] for task in running.status()["tasks"]] == ["film"]
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")

        (tmp_path / "tasks.d" / "film.toml").write_text(good.replace('"1s"', '"2s"'))
        taken = running.cgctl("config", "reload")
        assert "added: other" in taken.stdout
        assert "changed: film" in taken.stdout


def test_a_reload_says_what_counts_from_the_next_start_on_as_long_as_it_is_so(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        before = running.config.read_text()
        running.config.write_text(before.replace("[daemon]\n", '[daemon]\nlog_level = "DEBUG"\nhistory_days = 30\n'))

        taken = [running.cgctl("config", "reload") for _ in range(2)]
        running.config.write_text(before)
        undone = running.cgctl("config", "reload")

        assert [each.stdout for each in taken] == [
            "changed in the main file: daemon.log_level, daemon.history_days\n",
            "reloaded; nothing has changed\n",
        ]
        for each in taken:
            assert "in effect from the next start on: daemon.log_level\n" in each.stderr
        assert undone.stderr == ""
        eventually_sync(
            lambda: "changed, and in effect from the next start on: daemon.log_level" in running.said(),
            what="that it is logged",
        )


def test_sighup_reloads(tmp_path: Path) -> None:
    with plain(tmp_path) as running:
        file = tmp_path / "tasks.d" / "other.toml"
        file.write_text("nonsense = true\n")
        os.kill(running.pid, signal.SIGHUP)
        eventually_sync(lambda: f"{file}:1: nonsense: is unknown" in running.said(), what="it is refused")
        assert "the old one stays in effect" in running.said()  # said first

        source = json.dumps(str(tmp_path / "elsewhere"))
        file.write_text(f'source = {source}\ntarget = "cloud:others"\n')
        os.kill(running.pid, signal.SIGHUP)
        eventually_sync(
            lambda: [task["name"] for task in running.status()["tasks"]] == ["film", "other"], what="it is taken"
        )
        missed = f"the folder does not exist: {tmp_path}/elsewhere"  # a disk may be mounted late: no error
        eventually_sync(lambda: missed in running.cgctl("status").stdout, what="that it is told")
