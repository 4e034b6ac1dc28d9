"""A log file holds one day; older ones are put aside, and removed when they are too old."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cloudgather.outside.logfiles import DatedLog, backwards, file_name, prune

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


def touched(path: Path, day: date) -> Path:
    path.write_text("old\n")
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    os.utime(path, (noon, noon))
    return path


def test_the_lines_of_another_day_are_put_aside(tmp_path: Path) -> None:
    log = DatedLog(str(tmp_path / "films.log"), UTC)

    log.append(b"monday\n", MONDAY)
    log.append(b"tuesday\n", TUESDAY)

    assert (tmp_path / "films.log.2026-11-16").read_text() == "monday\n"
    assert (tmp_path / "films.log").read_text() == "tuesday\n"


def test_a_file_of_an_earlier_process_is_put_aside_under_its_own_day(tmp_path: Path) -> None:
    path = touched(tmp_path / "films.log", MONDAY)

    DatedLog(str(path), UTC).append(b"new\n", TUESDAY)

    assert (tmp_path / "films.log.2026-11-16").read_text() == "old\n"
    assert path.read_text() == "new\n"


def test_a_clock_that_goes_back_loses_no_line(tmp_path: Path) -> None:
    log = DatedLog(str(tmp_path / "films.log"), UTC)

    for day, line in [(MONDAY, b"1\n"), (TUESDAY, b"2\n"), (MONDAY, b"3\n"), (TUESDAY, b"4\n")]:
        log.append(line, day)

    assert list(backwards(str(tmp_path / "films.log"))) == ["4", "3", "2", "1"]


def test_a_file_that_is_removed_is_made_anew(tmp_path: Path) -> None:
    log = DatedLog(str(tmp_path / "films.log"), UTC)
    log.append(b"1\n", MONDAY)
    (tmp_path / "films.log").unlink()

    log.append(b"2\n", TUESDAY)

    assert os.listdir(tmp_path) == ["films.log"]


def test_old_logs_are_removed_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ["films.log.2026-11-09", "films.log.2026-11-10", "films.log", "notes.txt", "films.log.2026-11-09.gz"]:
        touched(tmp_path / name, MONDAY)
    touched(tmp_path / "gone task.log", date(2026, 11, 1))
    (tmp_path / "tasks.log.2026-01-01").mkdir()

    removed = prune(str(tmp_path), TUESDAY, 7, UTC)

    assert removed == 2
    assert sorted(os.listdir(tmp_path)) == [
        "films.log",
        "films.log.2026-11-09.gz",
        "films.log.2026-11-10",
        "notes.txt",
        "tasks.log.2026-01-01",
    ]


def test_reading_backwards_goes_through_blocks_and_days(tmp_path: Path) -> None:
    log = DatedLog(str(tmp_path / "films.log"), UTC)
    lines = [f"{number:06d} 电影 {'x' * (number % 90)}" for number in range(6000)]
    log.append("".join(f"{line}\n" for line in lines[:3000]).encode(), MONDAY)
    log.append("".join(f"{line}\n" for line in lines[3000:]).encode(), TUESDAY)

    assert list(backwards(str(tmp_path / "films.log"))) == lines[::-1]
    assert list(backwards(str(tmp_path / "other.log"))) == []
    assert list(backwards(str(tmp_path / "no such folder" / "films.log"))) == []


@pytest.mark.parametrize("task", ["films", "电影 2160p", "a" * 64, "😀" * 64, "../up", ".hidden", "a/b", "", "\ud800"])
def test_every_task_has_a_file_name_of_its_own_that_stays_in_the_folder(task: str) -> None:
    name = file_name(task)

    assert "/" not in name
    assert not name.startswith(".")
    assert len(os.fsencode(name + ".2026-11-16")) <= 255
    assert name != file_name(task + "x")


def test_long_names_that_begin_alike_have_files_of_their_own() -> None:
    assert file_name("😀" * 63 + "a") != file_name("😀" * 63 + "b")
