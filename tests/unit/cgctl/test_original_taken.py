"""Whatever of the original's tasks is taken makes a task's file that the daemon reads as it was meant."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cgctl.original.reading import moved
from cloudgather.config import taskfile
from cloudgather.config.names import folded
from cloudgather.config.settings import Settings
from cloudgather.config.tasks import parse_task
from cloudgather.core.task import Rule

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80).filter(str.strip)
SUFFIXES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=4)
DAYS = st.sampled_from(["*", "0", "5-6", "mon-fri", "*/2", "6,0", "sat", "1-5/2", "7", "x", ""])

ENTRIES = st.fixed_dictionaries(
    {"name": NAMES, "source_path": st.just("/downloads"), "target_path": st.just("/CloudDrive/films")},
    optional={
        "schedule_type": st.sampled_from(["INTERVAL", "CRON", None]),
        "interval": st.integers(0, 10**9),
        "cron_expression": st.builds("30 3 {} * {}".format, st.sampled_from(["*", "1", "*/2"]), DAYS),
        "enabled": st.booleans(),
        "recursive": st.booleans(),
        "overwrite_existing": st.booleans(),
        "rule_not_exists": st.booleans(),
        "rule_size_diff": st.booleans(),
        "rule_mtime_newer": st.booleans(),
        "size_min_bytes": st.none() | st.integers(0, 2**40),
        "size_max_bytes": st.none() | st.integers(2**40, 2**62),
        "suffix_mode": st.sampled_from(["NONE", "INCLUDE", "EXCLUDE", "include", None]),
        "suffix_list": st.none() | SUFFIXES,
    },
)


@given(st.lists(ENTRIES, min_size=1, max_size=4))
def test_it_is_a_task_as_it_was_meant(entries: list[dict[str, Any]]) -> None:
    found = moved(json.dumps({"tasks": entries}).encode())

    assert len(found.tasks) == len(entries)
    assert len({folded(carried.name) for carried in found.tasks}) == len(entries)
    for carried, entry in zip(found.tasks, entries, strict=True):
        text = taskfile.compose(carried.name, carried.values)
        task = parse_task(
            text, file="/f", name=carried.name, settings=Settings(file="/m"), mounts=(), remembered_roots={}
        ).task
        assert not task.watch
        assert (Rule.MISSING in task.rules) >= bool(entry.get("rule_not_exists"))
        assert task.filter.min_size == (entry.get("size_min_bytes") or 0)
        assert task.filter.max_size == (entry.get("size_max_bytes") or None)
        assert carried.paused or task.schedule or task.every
