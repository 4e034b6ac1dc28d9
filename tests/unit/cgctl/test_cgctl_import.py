"""`cgctl import cloudgather`: all of the original's tasks made, or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.canned import Denied
from fakes.replies import a_target, a_task
from unit.cgctl.test_original import WHOLE, an_entry

MOUNTS = {
    "mounts": [
        {"mount_point": b"/", "fs_type": "ext4", "source": b"/dev/sda1", "read_only": False, "is_remote": False},
        {"mount_point": b"/CloudDrive", "fs_type": "fuse.cd", "source": b"CloudDrive", "read_only": False,
         "is_remote": True, "target": None},
    ]
}  # fmt: skip


def a_daemon(cgctl: Any, **replies: Any) -> Any:
    return cgctl.daemon(
        **{
            "task_list": {"tasks": []},
            "task_compose": lambda params: {"text": f"# {params['name']}\n", "problems": []},
            "task_write": lambda params: {"problems": [], "name": params["name"]},
            "task_resume": {},
            "task_remove": {"cancelled": 0, "file": "x"},
            "target_list": {"targets": []},
            "target_mounts": MOUNTS,
            **replies,
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.json"


def written(file: Path, *entries: Any) -> str:
    file.write_text(json.dumps({"tasks": list(entries)}))
    return str(file)


def names(daemon: Any, method: str) -> list[str]:
    return [params["name"] for params in daemon.asked_for(method)]


def test_tasks_are_made_paused_and_go_on_when_all_are_there(cgctl: Any, file: Path) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl(
        "import", "cloudgather", written(file, an_entry(), an_entry(name="b"), an_entry(name="c", enabled=False))
    )

    assert said.code == 0, said.err
    order = [(method, params["name"]) for method, params in daemon.asked if method in ("task.write", "task.resume")]
    assert order == [
        ("task.write", "电影"),
        ("task.write", "b"),
        ("task.write", "c"),
        ("task.resume", "电影"),
        ("task.resume", "b"),
    ]
    assert all(params["paused"] and params["new"] for params in daemon.asked_for("task.write"))
    assert "3 tasks are made" in said.out


def test_what_compose_gets_is_what_the_original_had(cgctl: Any, file: Path) -> None:
    daemon = a_daemon(cgctl)

    cgctl("import", "cloudgather", written(file, an_entry(size_min_bytes=7)), "--map", "/downloads=/vol1/downloads")

    assert daemon.asked_for("task.compose") == [
        {
            "name": "电影",
            "values": {
                "source": "/vol1/downloads/电影",
                "target": "/CloudDrive/影视库/电影",
                "watch": False,
                "rules": ["missing"],
                "every": "5m",
                "filter": {"min_size": 7, "exact": True},
            },
        }
    ]


def test_a_dry_run_shows_the_files_and_writes_none(cgctl: Any, file: Path) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("import", "cloudgather", written(file, an_entry(delete_source=True)), "--dry-run")

    assert said.code == 0
    assert "电影.toml\n  # 电影\n" in said.out
    assert "deletes nothing" in said.out
    assert "nothing was written" in said.out
    assert names(daemon, "task.write") == names(daemon, "task.resume") == []


def test_a_later_refusal_takes_back_what_was_made(cgctl: Any, file: Path) -> None:
    problem = {"text": "c.toml:1: target: makes a ring of tasks"}

    def write(params: Any) -> Any:
        return {"problems": [problem] if params["name"] == "c" else [], "name": params["name"]}

    daemon = a_daemon(cgctl, task_write=write)

    said = cgctl("import", "cloudgather", written(file, an_entry(), an_entry(name="b"), an_entry(name="c")))

    assert said.code == 1
    assert "makes a ring of tasks" in said.err
    assert names(daemon, "task.remove") == ["b", "电影"]
    assert names(daemon, "task.resume") == []


def test_a_disk_that_is_full_midway_takes_back_what_was_made(cgctl: Any, file: Path) -> None:
    def write(params: Any) -> Any:
        if params["name"] == "b":
            raise Denied("error.bad-request", message="cannot write b.toml: No space left on device")
        return {"problems": [], "name": params["name"]}

    daemon = a_daemon(cgctl, task_write=write)

    said = cgctl("import", "cloudgather", written(file, an_entry(), an_entry(name="b")))

    assert said.code == 1
    assert "No space left on device" in said.err
    assert names(daemon, "task.remove") == ["电影"]


def test_errors_that_the_daemon_finds_are_all_shown_and_nothing_is_written(cgctl: Any, file: Path) -> None:
    def compose(params: Any) -> Any:
        return {"text": "x", "problems": [{"text": f"{params['name']}.toml: wrong"}]}

    daemon = a_daemon(cgctl, task_compose=compose)

    said = cgctl("import", "cloudgather", written(file, an_entry(), an_entry(name="b")))

    assert said.code == 1
    assert "电影.toml: wrong" in said.err and "b.toml: wrong" in said.err
    assert names(daemon, "task.write") == []


def test_a_file_with_errors_asks_the_daemon_for_nothing(cgctl: Any, file: Path) -> None:
    daemon = a_daemon(cgctl)

    said = cgctl("import", "cloudgather", written(file, an_entry(), {"name": "b", "source_path": "x"}))

    assert said.code == 1
    assert "task 2: source_path is 'x'; a path that begins with / is needed" in said.err
    assert "--leave-out" in said.err
    assert daemon.asked == []


def test_a_second_time_nothing_is_made(cgctl: Any, file: Path) -> None:
    daemon = a_daemon(cgctl, task_list={"tasks": [a_task(name="电影")]})

    said = cgctl("import", "cloudgather", written(file, an_entry()))

    assert said.code == 0
    assert "电影: there is a task of this name already" in said.out
    assert names(daemon, "task.compose") == names(daemon, "task.write") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.json"], "cannot read"),
        ([], "missing argument"),
    ],
)
def test_wrong_usage(cgctl: Any, words: list[str], told: str) -> None:
    a_daemon(cgctl)

    said = cgctl("import", "cloudgather", *words)

    assert said.code in (1, 2)
    assert told in said.err.lower()


def test_a_map_without_two_paths_is_wrong_usage(cgctl: Any, file: Path) -> None:
    a_daemon(cgctl)

    assert cgctl("import", "cloudgather", written(file, WHOLE), "--map", "/a").code == 2
    assert cgctl("import", "cloudgather", str(file), "--map", "a=/b").code == 2


def test_what_belongs_to_a_mounted_drive_is_proposed_for_the_main_file(cgctl: Any, file: Path) -> None:
    a_daemon(cgctl)

    said = cgctl(
        "import", "cloudgather", written(file, an_entry(thread_count=2), an_entry(name="b", thread_count=9)), "--json"
    )

    assert json.loads(said.out)["targets"] == '[targets.CloudDrive]\nroot = "/CloudDrive"\nparallel = 4'


def test_a_plain_disk_is_proposed_as_one(cgctl: Any, file: Path) -> None:
    disk = {"mount_point": b"/vol2", "fs_type": "ext4", "source": b"/dev/sdb1", "read_only": False, "is_remote": False}
    a_daemon(cgctl, target_mounts={"mounts": [*MOUNTS["mounts"], disk]})
    entries = [
        an_entry(name=name, target_path=path, is_slow_storage=False, verify_md5=path.startswith("/media"))
        for name, path in (("a", "/media/备份"), ("b", "/vol2/films"), ("c", "/vol2/shows"))
    ]

    said = cgctl("import", "cloudgather", written(file, *entries), "--json")

    assert json.loads(said.out)["targets"].split("\n\n") == [
        '[targets."备份"]\nroot = "/media/备份"\nkind = "directory"\nverify = "checksum"',
        '[targets.vol2]\nroot = "/vol2"\nkind = "directory"',
    ]


def test_a_known_target_gets_only_what_it_lacks(cgctl: Any, file: Path) -> None:
    a_daemon(cgctl, target_list={"targets": [a_target(root=b"/CloudDrive", profile="lan", parallel=2)]})

    said = cgctl("import", "cloudgather", written(file, an_entry(thread_count=2)), "--json")

    assert json.loads(said.out)["targets"] == '[targets.c115]\nprofile = "cloud"'


def test_a_drive_that_is_not_mounted_is_told(cgctl: Any, file: Path) -> None:
    a_daemon(cgctl)

    said = cgctl("import", "cloudgather", written(file, an_entry(target_path="/mnt/cloud/films")), "--dry-run")

    assert "No cloud drive is mounted at /mnt/cloud/films now" in said.out


def test_in_chinese_nothing_is_left_in_english(chinese: Any, cgctl: Any, file: Path) -> None:
    a_daemon(cgctl)

    said = chinese(
        "import", "cloudgather", written(file, an_entry(schedule_type="CRON", cron_expression="0 3 1 * 0")), "--dry-run"
    )

    assert "同时要求日期和星期" in said.out
    assert "没有写入任何内容" in said.out
