"""The original's tasks.json: what becomes of each field, and what is said of those that cannot be had."""

import json
from typing import Any

import pytest

from cgctl.original.reading import Carried, Moved, Unusable, moved

WHOLE: dict[str, Any] = {
    "id": "6f4c",
    "name": "电影",
    "source_path": "/downloads/电影/",
    "target_path": "/CloudDrive/影视库/电影",
    "interval": 300,
    "schedule_type": "INTERVAL",
    "cron_expression": None,
    "status": "IDLE",
    "last_run_time": "2026-01-01T03:00:00",
    "enabled": True,
    "recursive": True,
    "overwrite_existing": False,
    "thread_count": 1,
    "rule_not_exists": True,
    "rule_size_diff": False,
    "rule_mtime_newer": False,
    "is_slow_storage": True,
    "size_min_bytes": None,
    "size_max_bytes": None,
    "suffix_mode": "NONE",
    "suffix_list": None,
}


def an_entry(**changes: Any) -> dict[str, Any]:
    return {**WHOLE, **changes}


def of(*entries: Any, **more: Any) -> Moved:
    return moved(json.dumps({"schema_version": 1, "tasks": list(entries)}, ensure_ascii=False).encode(), **more)


def task(**changes: Any) -> Carried:
    (carried,) = of(an_entry(**changes)).tasks
    return carried


def texts(carried: Carried) -> str:
    """All notes with their values."""
    return "\n".join(note.text.format(**note.values) for note in carried.notes)


def faults(*entries: Any) -> list[str]:
    with pytest.raises(Unusable) as raised:
        of(*entries)
    return [note.text.format(**note.values) for note in raised.value.notes]


def test_a_usual_task_is_carried_whole() -> None:
    carried = task()

    assert carried == Carried(
        name="电影",
        values={
            "source": "/downloads/电影",
            "target": "/CloudDrive/影视库/电影",
            "watch": False,
            "rules": ["missing"],
            "every": "5m",
        },
        paused=False,
        notes=(),
        parallel=1,
        slow=True,
        checksum=False,
    )


def test_absent_fields_have_the_originals_defaults() -> None:
    (carried,) = of({"name": "a", "source_path": "/a", "target_path": "/b", "rule_not_exists": True}).tasks

    assert carried.values["every"] == "5m"
    assert (carried.parallel, carried.slow, carried.paused, carried.notes) == (1, False, False, ())


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({"rule_size_diff": True}, ["missing", "size"]),
        ({"rule_not_exists": False, "rule_mtime_newer": True}, ["newer"]),
        ({"rule_size_diff": True, "rule_mtime_newer": True}, ["missing", "size", "newer"]),
        ({"overwrite_existing": True}, ["missing", "changed", "size", "newer"]),
    ],
)
def test_rules(fields: dict[str, Any], rules: list[str]) -> None:
    assert task(**fields).values["rules"] == rules


def test_overwriting_each_time_is_told() -> None:
    assert "sent every file again" in texts(task(overwrite_existing=True))


def test_a_task_without_rules_sent_nothing_and_waits() -> None:
    carried = task(rule_not_exists=False)

    assert (carried.paused, carried.values["rules"]) == (True, ["missing"])
    assert "it had no rule" in texts(carried)


def test_a_disabled_task_is_paused_and_nothing_needs_to_be_said() -> None:
    carried = task(enabled=False)

    assert (carried.paused, carried.notes) == (True, ())


@pytest.mark.parametrize(
    ("seconds", "every"), [(300, "5m"), (5, "10s"), (3661, "1h1m1s"), (86400, "1d"), ("600", "10m"), (10**9, "366d")]
)
def test_intervals(seconds: Any, every: str) -> None:
    assert task(interval=seconds).values["every"] == every


def test_times_are_translated() -> None:
    carried = task(schedule_type="CRON", cron_expression="0 3 * * 6")

    assert carried.values["schedule"] == "0 3 * * 7"
    assert "every" not in carried.values


def test_times_that_cannot_be_said_leave_the_task_paused_without_a_schedule() -> None:
    carried = task(schedule_type="CRON", cron_expression="0 3 1 * 0")

    assert carried.paused
    assert not {"schedule", "every"} & carried.values.keys()
    assert "(0 3 1 * 0)" in texts(carried)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (
            {"suffix_mode": "INCLUDE", "suffix_list": [".MKV", "mp4", "mkv"]},
            {"extensions": ["mkv", "mp4"], "exact": True},
        ),
        ({"suffix_mode": "EXCLUDE", "suffix_list": ["txt", "nfo"]}, {"exclude_extensions": ["txt", "nfo"]}),
        ({"suffix_mode": "EXCLUDE", "suffix_list": []}, None),
        ({"suffix_mode": "none", "suffix_list": ["mkv"]}, None),
        ({"size_min_bytes": 52428800}, {"min_size": "50MiB", "exact": True}),
        ({"size_max_bytes": "2049"}, {"max_size": 2049}),
        ({"size_min_bytes": 0, "size_max_bytes": 0}, None),
        ({"recursive": False}, {"exclude_dirs": ["*"]}),
    ],
)
def test_filters(fields: dict[str, Any], wanted: Any) -> None:
    assert task(**fields).values.get("filter") == wanted


def test_suffixes_that_no_file_has_are_told() -> None:
    carried = task(suffix_mode="INCLUDE", suffix_list=["tar.gz", "mkv", "*.avi"])

    assert carried.values["filter"]["extensions"] == ["mkv"]
    assert "tar.gz, *.avi" in texts(carried)


def test_including_nothing_leaves_the_task_paused() -> None:
    assert task(suffix_mode="INCLUDE", suffix_list=[]).paused


def test_what_belongs_to_the_target() -> None:
    carried = task(thread_count=3, is_slow_storage=False, verify_md5=True)

    assert (carried.parallel, carried.slow, carried.checksum) == (3, False, True)


def test_deleting_linking_and_unknown_fields_are_told() -> None:
    said = texts(task(delete_source=True, delete_delay_days=7, copy_mode="HARDLINK", novelty="x"))

    assert "deletes nothing" in said
    assert "(HARDLINK)" in said
    assert "novelty is not known" in said
    assert "delete_delay_days" not in said


def test_a_target_that_is_no_folder_is_left_out() -> None:
    found = of(an_entry(), an_entry(name="远程", target_type="WEBDAV"))

    assert [each.name for each in found.tasks] == ["电影"]
    ((name, note),) = found.left
    assert (name, note.values) == ("远程", {"kind": "WEBDAV"})


@pytest.mark.parametrize(
    ("given", "name"),
    [("a/b:c", "a-b-c"), (".hidden", "hidden"), ("x" * 80, "x" * 64), ("...", "task 1"), ("tab\there", "tab here")],
)
def test_names_that_cannot_be_are_made_possible_and_told(given: str, name: str) -> None:
    carried = task(name=given)

    assert carried.name == name
    assert "it was called" in texts(carried)


def test_a_name_has_at_most_200_bytes() -> None:
    assert len(task(name="🎬" * 60).name.encode()) == 200


def test_long_names_that_are_alike_fit_with_their_number() -> None:
    one, other = of(an_entry(name="🎬" * 60), an_entry(name="🎬" * 60)).tasks

    assert other.name == one.name[:-1] + " 2"
    assert len(other.name.encode()) <= 200


def test_names_that_are_alike_are_told_apart() -> None:
    assert [each.name for each in of(an_entry(name="Film"), an_entry(name="film"), an_entry(name="FILM")).tasks] == [
        "Film",
        "film 2",
        "FILM 3",
    ]


@pytest.mark.parametrize(
    ("maps", "source"),
    [
        ([("/downloads", "/vol1/downloads")], "/vol1/downloads/电影"),
        ([("/downloads", "/one"), ("/downloads/电影", "/two/films")], "/two/films"),
        ([("/down", "/elsewhere")], "/downloads/电影"),
        ([("/", "/host")], "/host/downloads/电影"),
        ([("/downloads", "/")], "/电影"),
    ],
)
def test_folders_with_another_path(maps: list[tuple[str, str]], source: str) -> None:
    (carried,) = of(an_entry(), maps=maps).tasks

    assert carried.values["source"] == source


def test_a_task_can_be_left_out_whatever_is_wrong_with_it() -> None:
    assert [each.name for each in of(an_entry(), {"name": "bad", "interval": {}}, leave_out=["bad"]).tasks] == ["电影"]


def test_older_files_are_a_bare_list() -> None:
    assert [each.name for each in moved(json.dumps([WHOLE]).encode()).tasks] == ["电影"]


def test_deletions_that_were_due_are_told() -> None:
    found = moved(json.dumps({"tasks": [WHOLE], "delete_queue": [{}, {}]}).encode())

    assert any(note.values == {"n": 2} for note in found.notes)


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert faults(
        "text",
        {"name": 5, "source_path": "relative"},
        an_entry(schedule_type="WEEKLY", interval=-1, enabled="perhaps", suffix_list=5, thread_count=1.5),
    ) == [
        "task 1 is not a table of fields",
        "task 2: name is 5; text is needed",
        "task 2: source_path is 'relative'; a path that begins with / is needed",
        "task 2: target_path is missing",
        "task 3: schedule_type is 'WEEKLY'; INTERVAL, CRON is needed",
        "task 3: interval is -1; a whole number from 0 on is needed",
        "task 3: suffix_list is 5; a list of text is needed",
        "task 3: thread_count is 1.5; a whole number from 0 on is needed",
        "task 3: enabled is 'perhaps'; true or false is needed",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'"text"', "no list of tasks"),
        (b"{}", "no list of tasks"),
        (b'{"tasks": {}}', "no list of tasks"),
        (b"\xff\xfe[]", "not UTF-8"),
        (b'[{"name": "\\ud800"}]', "not UTF-8"),
    ],
)
def test_files_that_are_none(content: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        moved(content)
