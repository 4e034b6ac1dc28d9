"""Tasks of the original, taken over: the daemon chooses the files that the original would have."""

import json
import os
import pathlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cgwire import task as task_wire
from e2e.running import Running, files_below
from waiting import eventually_sync

LONG_AGO = 1_000_000_000
OLD = b"stood there"

# Of the source: name -> size.
SOURCE = {
    "film.mkv": 5_000,
    "UPPER.MKV": 5_000,
    "small.mkv": 10,
    "large.mp4": 20_000,
    "film.srt": 20,
    "cover.jpg": 5_000,
    "notes.txt": 5_000,
    "no suffix": 5_000,
    ".hidden": 5_000,
    "dotted.tar.gz": 5_000,
    "ends.": 5_000,
    "show/S01/E01.mkv": 5_000,
    "show/S01/E01.nfo": 20,
    "folder.mkv/inside.txt": 5_000,
    "folder.txt/inside.mkv": 5_000,
    "DISC/BDMV/index.bdmv": 50,
    "DISC/BDMV/STREAM/00001.m2ts": 50,
    "Thumbs.db": 5_000,
    "@eaDir": 5_000,
    ".DS_Store": 5_000,
    "same.mkv": 5_000,
    "shorter.mkv": 5_000,
    "older.mkv": 5_000,
    "newer.mkv": 5_000,
}
# Of the target: name -> size, and by how much its mtime is later than the source's.
STANDING = {
    "same.mkv": (5_000, 0),
    "shorter.mkv": (4_000, 0),
    "older.mkv": (5_000, -60),
    "newer.mkv": (5_000, 60),
}
# By both; what else each of them takes for rubbish or for unfinished differs.
RUBBISH = {"Thumbs.db", "@eaDir", ".DS_Store"}

TASKS: Mapping[str, dict[str, Any]] = {
    "missing": {"rule_not_exists": True},
    "size": {"rule_size_diff": True},
    "newer": {"rule_mtime_newer": True},
    "missing size": {"rule_not_exists": True, "rule_size_diff": True},
    "missing size newer": {"rule_not_exists": True, "rule_size_diff": True, "rule_mtime_newer": True},
    "include": {"rule_not_exists": True, "suffix_mode": "INCLUDE", "suffix_list": [".mkv", "M2TS"]},
    "exclude": {"rule_not_exists": True, "suffix_mode": "EXCLUDE", "suffix_list": ["txt", "mkv", "gz"]},
    "at least": {"rule_not_exists": True, "size_min_bytes": 5_000},
    "at most": {"rule_not_exists": True, "size_max_bytes": 5_000},
    "between": {"rule_not_exists": True, "size_min_bytes": 20, "size_max_bytes": 5_000},
    "all at once": {
        "rule_not_exists": True, "rule_mtime_newer": True, "size_min_bytes": 11, "size_max_bytes": 19_999,
        "suffix_mode": "INCLUDE", "suffix_list": ["mkv", "mp4"],
    },
    "flat": {"rule_not_exists": True, "recursive": False},
}  # fmt: skip


def chosen_by_the_original(task: Mapping[str, Any]) -> set[str]:
    """As it is described: each rule that is on is enough, and "not exists" is about files that the target has not, the
    others about those that it has; limits of size are allowed themselves; a suffix is what follows a name's last dot.
    """
    chosen = set()
    for name, size in SOURCE.items():
        suffix = pathlib.PurePosixPath(name).suffix.lower().lstrip(".")
        listed = suffix in [each.lower().lstrip(".") for each in task.get("suffix_list", ())]
        mode = task.get("suffix_mode", "NONE")
        unwanted = (
            name in RUBBISH
            or (mode == "INCLUDE" and not listed)
            or (mode == "EXCLUDE" and listed)
            or size < task.get("size_min_bytes", 0)
            or size > task.get("size_max_bytes", size)
            or ("/" in name and not task.get("recursive", True))
        )
        if name in STANDING:
            standing, later = STANDING[name]
            goes = (task.get("rule_size_diff") and standing != size) or (task.get("rule_mtime_newer") and later < 0)
        else:
            goes = task.get("rule_not_exists")
        if goes and not unwanted:
            chosen.add(name)
    return chosen


def made(folder: Path, name: str, size: int, mtime: float, fill: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((fill * (size // len(fill) + 1))[:size])
    os.utime(path, (mtime, mtime))


def imported(tmp_path: Path, entries: list[dict[str, Any]]) -> str:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps({"schema_version": 1, "tasks": entries}, ensure_ascii=False))
    return str(file)


def a_daemon(tmp_path: Path) -> Running:
    (tmp_path / "target").mkdir()
    return Running(tmp_path, root=tmp_path / "target", kind="directory", tasks={})


def an_entry(tmp_path: Path, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "source_path": f"{tmp_path}/source",
        "target_path": f"{tmp_path}/target/{name}",
        "schedule_type": "CRON",
        "cron_expression": "0 3 1 1 *",
        **fields,
    }


def all_have_run(running: Running) -> bool:
    runs = [task["last_run"] for task in running.status()["tasks"]]
    return all(run is not None and run["ended"] is not None for run in runs)


def test_the_same_files_are_chosen(tmp_path: Path) -> None:
    with a_daemon(tmp_path) as running:
        for name, size in SOURCE.items():
            made(tmp_path / "source", name, size, LONG_AGO, b"source")
        for task in TASKS:
            for name, (size, later) in STANDING.items():
                made(tmp_path / "target" / task, name, size, LONG_AGO + later, OLD)
        entries = [an_entry(tmp_path, name, **fields) for name, fields in TASKS.items()]

        running.cgctl("import", "cloudgather", imported(tmp_path, entries))

        for file in running.tasks_dir.iterdir():
            file.write_text('settle = "1s"\n' + file.read_text())
        running.cgctl("config", "reload")
        for name in TASKS:
            running.ask(task_wire.Run(name=name))
        eventually_sync(lambda: all_have_run(running), within=60, what="the end of all runs")
        for name, fields in TASKS.items():
            found = files_below(os.fsencode(tmp_path / "target" / name))
            sent = {os.fsdecode(path) for path, content in found.items() if not content.startswith(OLD)}
            assert sent == chosen_by_the_original(fields), name


def test_a_task_that_is_refused_leaves_none_and_nothing_has_begun(tmp_path: Path) -> None:
    with a_daemon(tmp_path) as running:
        running.write("film.mkv", b"film")
        whole, ring = (
            an_entry(tmp_path, "whole", rule_not_exists=True),
            an_entry(tmp_path, "ring", rule_not_exists=True),
        )
        ring |= {"source_path": f"{tmp_path}/target/whole", "target_path": f"{tmp_path}/source/again"}

        refused = running.cgctl("import", "cloudgather", imported(tmp_path, [whole, ring]), check=False)

        assert refused.returncode == 1
        assert "makes a ring of tasks" in refused.stderr
        assert list(running.tasks_dir.iterdir()) == []
        assert running.status()["tasks"] == []
        assert running.transfers() == []


@pytest.mark.parametrize("enabled", [True, False])
def test_a_task_waits_only_if_the_original_had_it_disabled(tmp_path: Path, enabled: bool) -> None:
    with a_daemon(tmp_path) as running:
        entry = an_entry(tmp_path, "film", rule_not_exists=True, enabled=enabled, schedule_type="INTERVAL", interval=10)

        running.cgctl("import", "cloudgather", imported(tmp_path, [entry]))

        (task,) = running.status()["tasks"]
        assert task["paused"] is not enabled
        if enabled:  # its interval runs it
            running.cgctl("task", "edit", "film", "--set", "settle=1s")
            running.write("film.mkv", b"film")
            target = tmp_path / "target" / "film" / "film.mkv"
            eventually_sync(target.exists, within=60, what="the file, sent by the task's interval")
