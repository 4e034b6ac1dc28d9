"""Lines reach systemd's journal with their fields, and a journal that does not read stops nothing."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Final

import pytest

from cloudgather.outside.journal import JournalSender, entry, is_stderr
from cloudgather.outside.logs import set_up

logger = logging.getLogger("cloudgather.tests")

_LONG: Final = 60.0  # seconds: a busy machine may let the thread that writes wait


@contextmanager
def a_journal(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        journal.settimeout(_LONG)
        yield journal


def parsed(datagram: bytes) -> dict[str, bytes]:
    """The reading end of the protocol."""
    fields = {}
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            length = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + length], datagram[8 + length + 1 :]
        fields[name.decode()] = value
    return fields


def environment_of_stderr() -> dict[str, str]:
    found = os.fstat(2)
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_fields_travel_whatever_they_hold() -> None:
    fields: dict[str, str | int] = {
        "MESSAGE": "two\nlines",
        "TASK": "电影=1",
        "TRANSFER": 7,
        "CODE_FILE": os.fsdecode(b"\xff"),
        "EMPTY": "",
    }

    assert parsed(entry(fields)) == {
        "MESSAGE": b"two\nlines",
        "TASK": "电影=1".encode(),
        "TRANSFER": b"7",
        "CODE_FILE": b"\\udcff",
        "EMPTY": b"",
    }


def test_a_value_that_is_too_long_is_cut_between_characters() -> None:
    value = parsed(entry({"MESSAGE": "电" * 100_000}))["MESSAGE"]

    assert 40_000 < len(value) < 50_000
    assert set(value.decode()) == {"电"}


@pytest.mark.parametrize("stream", ["", "1:2", "nonsense", ":"])
def test_another_stream_is_not_the_journal(stream: str) -> None:
    assert not is_stderr({"JOURNAL_STREAM": stream})
    assert not is_stderr({})


def test_our_stderr_is_known_again() -> None:
    assert is_stderr(environment_of_stderr())


def test_a_line_arrives_with_its_fields_and_no_file_is_written_but_the_tasks(tmp_path: Path) -> None:
    with a_journal(tmp_path / "journal") as journal:
        log = set_up(
            log_dir=str(tmp_path / "logs"), environ=environment_of_stderr(), journal_socket=str(tmp_path / "journal")
        )
        about = {"TASK": "电影", "TRANSFER": 7, "TARGET": "c115", "RUN": 3}
        logger.warning("7 a.mkv put off", extra={"about": about})
        fields = parsed(journal.recv(65536))
        assert log.flush(_LONG)
        log.close()

    assert fields["MESSAGE"] == b"7 a.mkv put off"
    assert fields["PRIORITY"] == b"4"
    assert fields["SYSLOG_IDENTIFIER"] == b"cloudgatherd"
    assert (fields["TASK"], fields["TRANSFER"]) == ("电影".encode(), b"7")
    assert (fields["TARGET"], fields["RUN"]) == (b"c115", b"3")
    assert fields["CODE_FILE"].endswith(b"test_journal.py")
    assert fields["CODE_FUNC"].startswith(b"test_a_line_arrives")
    assert os.listdir(tmp_path / "logs") == ["tasks"]


def test_a_traceback_is_part_of_the_message(tmp_path: Path) -> None:
    with a_journal(tmp_path / "journal") as journal:
        log = set_up(log_dir=None, environ=environment_of_stderr(), journal_socket=str(tmp_path / "journal"))
        try:
            raise OSError("broken")
        except OSError:
            logger.exception("a bug")
        fields = parsed(journal.recv(65536))
        log.close()

    assert fields["MESSAGE"].startswith(b"a bug\nTraceback")
    assert fields["MESSAGE"].endswith(b"OSError: broken")


def test_a_journal_that_does_not_read_gets_no_more_and_the_lines_go_to_the_console(tmp_path: Path) -> None:
    console = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)
    with a_journal(tmp_path / "journal") as journal:
        log = set_up(
            log_dir=None,
            zone=UTC,
            environ=environment_of_stderr(),
            console=console,
            journal_socket=str(tmp_path / "journal"),
        )
        filler = JournalSender(str(tmp_path / "journal"))
        with pytest.raises(BlockingIOError):
            while True:
                filler.send({"MESSAGE": "."})
        filler.close()
        logger.error("one")
        written = log.flush(_LONG)
        journal.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                journal.recv(65536)
        logger.error("two")
        log.flush(_LONG)
        arrived = parsed(journal.recv(65536))
        log.close()
    os.close(console)

    assert written
    assert log.dropped == 0
    assert (tmp_path / "console").read_text()[3 + 20 :] == "ERROR one\n"
    assert (tmp_path / "console").read_text().startswith("<3>")
    assert arrived["MESSAGE"] == b"two"


def test_lines_that_are_said_together_are_entries_each_with_its_transfer(tmp_path: Path) -> None:
    with a_journal(tmp_path / "journal") as journal:
        log = set_up(log_dir=None, environ=environment_of_stderr(), journal_socket=str(tmp_path / "journal"))
        lines = [(7, "7 a.mkv uploaded"), (8, "8 b.mkv uploaded")]
        logger.info("both", extra={"lines": lines, "about": {"TASK": "films"}})
        entries = [parsed(journal.recv(65536)) for _ in lines]
        log.close()

    assert [(each["MESSAGE"], each["TRANSFER"], each["TASK"]) for each in entries] == [
        (b"7 a.mkv uploaded", b"7", b"films"),
        (b"8 b.mkv uploaded", b"8", b"films"),
    ]


def test_of_lines_that_are_said_together_each_goes_to_the_console_that_the_journal_does_not_take(
    tmp_path: Path,
) -> None:
    console = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)

    log = set_up(
        log_dir=None, environ=environment_of_stderr(), console=console, journal_socket=str(tmp_path / "no journal")
    )
    logger.info("both", extra={"lines": [(7, "7 a.mkv uploaded"), (8, "8 b.mkv uploaded")], "about": {}})
    assert log.flush(_LONG)
    log.close()
    os.close(console)

    told = (tmp_path / "console").read_text().splitlines()
    assert [line[:3] + line[3 + 20 :] for line in told] == ["<6>INFO 7 a.mkv uploaded", "<6>INFO 8 b.mkv uploaded"]


def test_a_journal_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    console = os.open(tmp_path / "console", os.O_WRONLY | os.O_CREAT)

    log = set_up(
        log_dir=None, environ=environment_of_stderr(), console=console, journal_socket=str(tmp_path / "no journal")
    )
    logger.info("hello")
    assert log.flush(_LONG)
    log.close()
    os.close(console)

    assert (tmp_path / "console").read_text().endswith("INFO hello\n")
