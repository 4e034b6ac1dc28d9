"""Names are bytes, and nothing leads outside the source or the target."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cgctl.connection import Refusal
from cgwire import task as task_wire
from e2e.running import Running
from waiting import eventually_sync

ODD = [
    b"latin1-\xe9\xff.mkv",
    b"new\nline.mkv",
    b"-rf.mkv",
    b"x" * 251 + b".mkv",
    "😀 emoji.mkv".encode(),
    "电影 第一季.mkv".encode(),
    b"trailing dot.",
    b"trailing space ",
    b"back\\slash.mkv",
    b"tab\there.mkv",
    b"%s{}'\"$(id).mkv",
]


def a_running(folder: Path) -> Running:
    """A daemon on a plain disk."""
    (folder / "target").mkdir()
    return Running(folder, root=folder / "target", kind="directory")


def test_odd_names_arrive_as_they_are(tmp_path: Path) -> None:
    running = a_running(tmp_path)
    contents = {name: b"content of " + name for name in [*ODD, *(b"\xe9 folder\n/" + name for name in ODD)]}

    with running:
        for name, content in contents.items():
            running.write(name, content)
        running.until_idle(len(contents))

        assert running.sent() == contents
        for name in contents:
            assert running.why(name)["verdict"] == "uploaded"
        shown = running.cgctl("why", running.path(b"latin1-\xe9\xff.mkv")).stdout
        assert "latin1-\\xe9\\xff.mkv" in shown
        listed = running.cgctl("queue", "list").stdout
        assert "new\\nline.mkv" in listed


def test_what_is_no_plain_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    running = a_running(tmp_path)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    os.symlink(secret / "key", running.path("link.mkv"))
    os.symlink(secret, running.path("folder"))
    os.mkfifo(running.path("pipe.mkv"))
    running.write("a.mkv", b"content")
    os.link(running.path("a.mkv"), running.path("b.mkv"))

    with running:
        running.until_idle(2)

        assert running.sent() == {b"a.mkv": b"content", b"b.mkv": b"content"}
        assert running.codes("link.mkv") == {"skip.symlink"}
        assert running.codes("folder/key") == {"skip.symlink"}
        assert running.codes("pipe.mkv") == {"skip.special"}


@contextmanager
def swapping(one: bytes, other: bytes) -> Iterator[list[int]]:
    """Exchange a folder and a symlink over and over; counts the exchanges."""
    ended = threading.Event()
    count = [0]

    def swap() -> None:
        while not ended.is_set():
            os.rename(one, one + b".away")
            os.rename(other, one)
            os.rename(one, other)
            os.rename(one + b".away", one)
            count[0] += 1

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield count
    finally:
        ended.set()
        thread.join()


def _begins_a_scan(running: Running) -> bool:
    try:
        running.ask(task_wire.Run(name="film"))
    except Refusal:  # one goes on
        return False
    return True


def _passed(count: list[int], enough: int) -> bool:
    return count[0] > enough


@pytest.mark.timeout(400)
def test_a_folder_swapped_for_a_symlink_while_it_is_scanned(tmp_path: Path) -> None:
    running = a_running(tmp_path)
    secret = tmp_path / "secret"
    secret.mkdir()
    for number in range(20):
        (secret / f"{number}.mkv").write_bytes(b"secret")
        running.write(f"folder/{number}.mkv", b"public")
    link = os.fsencode(tmp_path / "link")
    os.symlink(secret, link)

    with swapping(running.path("folder"), link) as swaps, running:
        for number in range(20):
            enough = swaps[0] + 20
            eventually_sync(partial(_begins_a_scan, running), what="another scan")
            eventually_sync(partial(_passed, swaps, enough), what="swaps while scanning")
            running.write(f"more/{number}.mkv", b"public")
        running.until("more/19.mkv", "done", within=200)

    assert swaps[0] > 100
    sent = running.sent()
    # What was being copied when the daemon was stopped may be left there as a temporary, with as much as it had.
    assert all(b"public".startswith(content) for content in sent.values())
    whole = {content for name, content in sent.items() if not os.path.basename(name).startswith(b".")}
    assert whole == {b"public"}


def test_a_target_folder_swapped_for_a_symlink(tmp_path: Path) -> None:
    running = a_running(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with running:
        running.write("show/a.mkv", b"first")
        running.until("show/a.mkv", "done")
        os.rename(running.base + b"/show", running.base + b"/moved")
        os.symlink(elsewhere, running.base + b"/show")
        running.write("show/b.mkv", b"second")
        running.until("show/b.mkv", "failed")

        assert list(elsewhere.iterdir()) == []
        assert "fail.occupied" in running.codes("show/b.mkv")
