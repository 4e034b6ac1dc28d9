"""Log lines reach console, files and listeners, and a place that cannot be written costs nothing but its lines."""

import fcntl
import logging
import os
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Final

import pytest

from cloudgather.outside.loglines import Line, Written, line_of
from cloudgather.outside.logs import Logging, set_up
from cloudgather.outside.logsinks import Console
from disks import filled, small_disk

logger = logging.getLogger("cloudgather.tests")

_LONG: Final = 30.0  # seconds: a busy machine may let the thread that writes wait


@contextmanager
def a_log(
    log_dir: Path | None, *, console: int | None = None, log_level: str = "INFO", console_level: str = "INFO"
) -> Iterator[Logging]:
    null = os.open(os.devnull, os.O_WRONLY)
    log = set_up(
        log_dir=None if log_dir is None else str(log_dir),
        log_level=log_level,
        console_level=console_level,
        zone=UTC,
        environ={},
        console=null if console is None else console,
    )
    try:
        yield log
    finally:
        log.close()
        os.close(null)


def lines_of(log: Logging, task: str | None = None, *, run: int | None = None, lines: int = 100) -> list[str]:
    """read_lines, once all that was logged so far is written."""
    assert log.flush(_LONG)
    return log.read_lines(task, run, lines)


def about(task: str, run: int | None = None) -> Mapping[str, object]:
    return {"about": {"TASK": task, "TRANSFER": 7} | ({} if run is None else {"RUN": run})}


def a_line(message: str) -> Written:
    return Line(0.0, logging.INFO, "cloudgather.tests", message, {}).written(UTC)


def without_time(lines: list[str]) -> list[str]:
    return [line[20:] for line in lines]


def test_a_line_about_a_task_stands_in_the_daemons_and_in_the_tasks_log(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        logger.info("7 a.mkv uploaded", extra=about("电影", 3))
        logger.warning("low on space")

        assert without_time(lines_of(log)) == ["INFO [电影 run 3] 7 a.mkv uploaded", "WARNING low on space"]
        assert without_time(lines_of(log, "电影")) == ["INFO [电影 run 3] 7 a.mkv uploaded"]

    assert (tmp_path / "tasks" / "电影.log").read_text().endswith("INFO [电影 run 3] 7 a.mkv uploaded\n")


def test_lines_that_are_said_together_are_each_one_line(tmp_path: Path) -> None:
    together = [(7, "7 a.mkv uploaded"), (8, "8 b\n.mkv uploaded")]
    told = ["INFO [films run 3] 7 a.mkv uploaded", "INFO [films run 3] 8 b\\n.mkv uploaded"]

    with a_log(tmp_path) as log:
        logger.info("both", extra={"lines": together, "about": {"TASK": "films", "RUN": 3}})

        assert without_time(lines_of(log)) == told
        assert without_time(lines_of(log, "films", run=3)) == told


def test_lines_that_are_said_together_are_lost_one_by_one() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
    message = "\n".join(f"{number:04} " + "x" * 95 for number in range(100))
    line = Line(0.0, logging.INFO, "cloudgather.tests", message, {}, transfers=range(100))

    loss = Console(writing, level=logging.INFO).write([line.written(UTC)])
    os.close(writing)
    with open(reading, "rb") as file:
        read = file.read().decode().splitlines()

    assert loss is not None
    assert 0 < len(read) == 100 - loss.lines
    assert read == line.written(UTC).text.splitlines()[: len(read)]


def test_the_lines_of_one_run_are_found_with_their_tracebacks(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        logger.info("one", extra=about("films", 1))
        try:
            raise OSError("broken")
        except OSError:
            logger.exception("two", extra=about("films", 12))
        logger.info("three, not [films run 12] ", extra=about("films", 2))
        logger.info("four", extra=about("films", 12))

        found = lines_of(log, "films", run=12)

    assert without_time([found[0]]) == ["ERROR [films run 12] two"]
    assert found[-2].strip() == "OSError: broken"
    assert without_time([found[-1]]) == ["INFO [films run 12] four"]


def test_only_as_many_lines_as_asked_for_and_the_last_ones(tmp_path: Path) -> None:
    with a_log(tmp_path) as log:
        for number in range(5000):
            logger.info("line %d", number, extra=about("films"))

        assert [line.rsplit(" ", 1)[1] for line in lines_of(log, "films", lines=3)] == ["4997", "4998", "4999"]


def test_levels_are_separate_for_file_and_console(tmp_path: Path) -> None:
    console = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)

    with a_log(tmp_path, console=console, log_level="DEBUG", console_level="ERROR") as log:
        logger.debug("small")
        logger.error("great")
        assert log.flush(_LONG)
        told = (tmp_path / "console").read_text()
        kept = lines_of(log)
    os.close(console)

    assert without_time(told.splitlines()) == ["ERROR great"]
    assert without_time(kept) == ["DEBUG small", "ERROR great"]


def test_a_message_is_one_line_whatever_a_name_holds() -> None:
    # Not by way of a logger: pytest would keep the line, which xdist cannot send.
    record = logging.makeLogRecord({"msg": "%s", "args": ("a\nb\x1b[2J" + os.fsdecode(b"\xff"),)})

    assert line_of(record).message == "a\\nb\\x1b[2J\\udcff"


def test_arguments_that_do_not_fit_lose_no_line() -> None:
    record = logging.makeLogRecord({"msg": "%d files", "args": ("many",)})

    assert line_of(record).message == "%d files ('many',)"


def test_a_console_that_nobody_reads_loses_its_lines_and_nothing_else(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"." * 65536)
    os.set_blocking(writing, True)

    with a_log(tmp_path, console=writing) as log:
        logger.info("one")
        assert log.flush(_LONG)
        logger.info("two")

        assert log.flush(_LONG)
        assert log.dropped == 2
        read = without_time(lines_of(log))
    os.close(reading)
    os.close(writing)

    assert read[0] == "INFO one"
    assert read[1].startswith("WARNING cannot write to the console: nobody reads it;")
    assert read[2:] == ["INFO two"]


def test_lines_are_written_to_a_console_in_order_and_those_that_do_not_fit_are_counted() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
    lines = [a_line(f"{number:04} " + "x" * 95) for number in range(100)]

    loss = Console(writing, level=logging.INFO).write(lines)
    os.close(writing)
    with open(reading, "rb") as file:
        read = file.read().decode().splitlines()

    assert loss is not None
    assert 0 < len(read) == 100 - loss.lines
    assert read == [line.text for line in lines[: len(read)]]


def test_a_long_line_takes_nothing_from_its_neighbours() -> None:
    reading, writing = os.pipe()
    lines = [a_line("short"), a_line("long " + "y" * 3 * select.PIPE_BUF), a_line("after")]

    loss = Console(writing, level=logging.INFO).write(lines)
    os.close(writing)
    with open(reading, "rb") as file:
        read = file.read().decode().splitlines()

    assert loss is None
    assert read == [line.text for line in lines]


def test_a_file_that_cannot_be_written_is_said_once_and_again_when_it_can(tmp_path: Path) -> None:
    console = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)
    (tmp_path / "logs").write_text("a file where the folder should be")

    with a_log(tmp_path / "logs", console=console) as log:
        logger.info("one")
        assert log.flush(_LONG)
        logger.info("two")
        assert log.flush(_LONG)
        dropped = log.dropped
        (tmp_path / "logs").unlink()
        logger.info("three")
        kept = lines_of(log)
    told = without_time((tmp_path / "console").read_text().splitlines())
    os.close(console)

    assert dropped == 2
    assert [line for line in told if "cannot write" in line] == [told[1]]
    assert told[1].endswith("Not a directory; log lines are dropped until it can be written")
    assert told[-1] == "WARNING the log can be written again; 2 lines were dropped"
    assert without_time(kept) == ["INFO three", "WARNING the log can be written again; 2 lines were dropped"]


def test_a_full_disk_costs_lines_and_not_the_daemon(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="64k") as disk:
        (tmp_path / "tasks").symlink_to(disk)
        filled(disk)
        with a_log(tmp_path) as log:
            logger.info("one", extra=about("films"))
            assert log.flush(_LONG)
            read = without_time(lines_of(log))

    assert log.dropped == 1
    assert read[0] == "INFO [films] one"
    assert "No space left on device" in read[1]


def test_listeners_hear_every_line_and_one_that_fails_harms_nobody(tmp_path: Path) -> None:
    heard = []

    def failing(task: str | None, run: int | None, text: str) -> None:
        raise RuntimeError("the loop is closed")

    with a_log(tmp_path) as log:
        log.on_lines(failing)
        log.on_lines(lambda task, run, text: heard.append((task, run, text[20:])))
        logger.info("sent", extra=about("films", 4))
        logger.debug("not wanted")
        assert log.flush(_LONG)

    assert heard == [("films", 4, "INFO [films run 4] sent")]


def test_without_a_folder_the_last_lines_are_kept_in_memory() -> None:
    with a_log(None) as log:
        logger.info("hello")

        assert without_time(lines_of(log)) == ["INFO hello"]
        assert lines_of(log, "films") == []

        logger.info("both", extra={"lines": [(7, "7 a"), (8, "8 b")], "about": {"TASK": "films"}})

        assert without_time(lines_of(log, "films")) == ["INFO [films] 7 a", "INFO [films] 8 b"]


def test_closing_puts_logging_back_as_it_was(tmp_path: Path) -> None:
    def settings() -> list[object]:
        root, ours = logging.getLogger(), logging.getLogger("cloudgather")
        return [*root.handlers, ours.level, logging.logThreads, logging.logProcesses, logging.logMultiprocessing]

    before = settings()

    with a_log(tmp_path, log_level="DEBUG"):
        assert settings() != before

    assert settings() == before
