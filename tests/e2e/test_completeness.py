"""A file goes when it is complete, once, and `why` says what it waits for."""

import os
import time
from pathlib import Path

import pytest

from e2e.expecting import events
from e2e.running import Running

MIB = 1 << 20


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """A daemon on a plain disk whose copies are slow enough to be met half-way, until it is to hurry."""
    (tmp_path / "target").mkdir()
    target = 'bandwidth = "512KiB/s"\nprofile = "lan"'
    return Running(tmp_path, root=tmp_path / "target", kind="directory", target=target)


def goes_once(running: Running, name: str, content: bytes) -> None:
    """It arrives whole, by a single published copy, and nothing is left beside it."""
    running.hurry()
    running.until(name, "done")
    assert running.sent() == {os.fsencode(name): content}
    assert running.times_written(name) == 1


def test_bursts_with_pauses_shorter_than_settle(running: Running) -> None:
    with running:
        with running.writing("a.mkv") as file:
            for number in range(4):
                written = time.time()
                os.write(file, os.urandom(MIB))
                running.until_code("a.mkv", "wait.writer")
                assert running.states() == {}, number
        with open(running.path("a.mkv"), "rb") as file_object:
            content = file_object.read()
        goes_once(running, "a.mkv", content)
        (transfer,) = running.transfers()
        assert transfer["created"] > written + 0.9  # it settles after a second


def test_an_idle_writer_holds_it_beyond_settle(running: Running) -> None:
    with running:
        with running.writing("a.mkv") as file:
            os.write(file, b"x" * MIB)
            running.until_code("a.mkv", "met.quiet")  # longer than settle has passed

            assert "wait.writer" in running.codes("a.mkv")
            writers = [
                each["writers"]
                for each in running.why("a.mkv")["settle"]["conditions"]
                if each["code"] == "wait.writer"
            ]
            assert [pid for pid, _ in writers[0]] == [os.getpid()]
            assert running.states() == {}
        goes_once(running, "a.mkv", b"x" * MIB)


def test_a_folder_created_and_filled_in_one_rename(running: Running, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "Season 1"
    outside.mkdir(parents=True)
    contents = {f"Season 1/{number}.mkv".encode(): os.urandom(1000 + number) for number in range(50)}
    for path, content in contents.items():
        (outside.parent / os.fsdecode(path)).write_bytes(content)

    with running:
        outside.rename(os.fsdecode(running.path("Season 1")))
        running.until_idle(len(contents))

        assert running.sent() == contents
        assert set(running.states().values()) == {"done"}


def test_a_part_file_renamed_at_the_end(running: Running) -> None:
    content = os.urandom(MIB)
    with running:
        running.write("a.mkv.part", content)
        running.until_code("a.mkv.part", "met.quiet")
        assert "wait.partial-name" in running.codes("a.mkv.part")
        os.rename(running.path("a.mkv.part"), running.path("a.mkv"))
        goes_once(running, "a.mkv", content)
        assert "skip.gone" in running.codes("a.mkv.part")


def test_an_aria2_control_file_beside_it(running: Running) -> None:
    content = os.urandom(MIB)
    with running:
        running.write("show.aria2", b"control")  # first: beside nothing the file goes after a second
        running.write("show/a.mkv", content)
        running.until_code("show/a.mkv", "met.quiet")
        assert "wait.control-file" in running.codes("show/a.mkv")
        assert running.states() == {}
        os.unlink(running.path("show.aria2"))
        goes_once(running, "show/a.mkv", content)


def test_a_control_file_left_behind_does_not_hold_what_the_operator_knows(running: Running) -> None:
    content = os.urandom(MIB)
    with running:
        running.write("a.mkv.aria2", b"control")
        running.write("a.mkv", content)
        running.until_code("a.mkv", "wait.control-file")
        running.cgctl("upload", "--skip-settle", running.path("a.mkv"))
        goes_once(running, "a.mkv", content)


def test_a_hard_link_made_while_it_is_copied(running: Running) -> None:
    content = os.urandom(12 * MIB)
    with running:
        running.write("a.mkv", content)
        running.until("a.mkv", "copying")
        os.makedirs(running.source + b"/library")
        os.link(running.path("a.mkv"), running.path("library/b.mkv"))
        assert running.states()[b"a.mkv"] == "copying"
        running.hurry()
        running.until("a.mkv", "done")
        running.until("library/b.mkv", "done", within=60)

        assert running.sent() == {b"a.mkv": content, b"library/b.mkv": content}
        assert running.times_written("a.mkv") == 1


def test_a_file_rewritten_while_it_is_copied(running: Running) -> None:
    first, second = os.urandom(12 * MIB), os.urandom(2 * MIB)
    with running:
        running.write("a.mkv", first)
        running.until("a.mkv", "copying")
        running.write("a.mkv", second)

        goes_once(running, "a.mkv", second)
        assert "change" in events(running, "a.mkv")
