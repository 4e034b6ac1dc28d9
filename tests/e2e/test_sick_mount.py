"""A mounted cloud drive that fails, lies or is full: no wrong file is called written, and all go when it is well."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.expecting import all_arrive, attempts, events, half_way, put_off, until_held
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

pytestmark = needs_sick

MIB = 1 << 20
SENT = ["claim", "publish", "write", "confirm"]


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[SickMount]:
    """The cloud: a mount that is well until it is told otherwise."""
    with SickMount(tmp_path) as mount:
        yield mount


def a_daemon(tmp_path: Path, sick: SickMount, target: str = "", *, task: str = "", retry: str = "1s") -> Running:
    return Running(tmp_path, root=sick.root, target=f'profile = "lan"\nparallel = 1\n{target}', task=task, retry=retry)


# ---- failures


@pytest.mark.parametrize(
    ("op", "number", "cause"),
    [
        ("flush", errno.EIO, "fail.io"),
        ("fsync", errno.EIO, "fail.io"),
        ("create", errno.EACCES, "fail.denied"),
        ("write", errno.EPERM, "fail.denied"),
    ],
)
def test_a_copy_that_fails_is_tried_again(tmp_path: Path, sick: SickMount, op: str, number: int, cause: str) -> None:
    content = os.urandom(MIB)
    sick.fail(op, number, times=1)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck(op) == 1
        assert events(running, "a.mkv") == ["claim", "defer", *SENT]
        assert put_off(running, "a.mkv") == [cause]
        assert sick.counts()["rename"] == 1
        assert attempts(running) == {1}


def test_a_rename_that_fails_once_is_made_good_without_another_copy(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(MIB)
    sick.fail("rename", times=1)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck("rename") == 1
        assert events(running, "a.mkv") == SENT
        assert sick.counts()["create"] == 1


def test_closing_that_always_fails_ends_failed_and_never_written(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(1000)
    sick.fail_close()
    with a_daemon(tmp_path, sick, "attempts = 2") as running:
        running.write("a.mkv", content)
        running.until("a.mkv", "failed")

        assert sick.struck("flush") >= 2
        assert sick.counts().get("rename", 0) == 0
        assert "write" not in events(running, "a.mkv")
        assert {"skip.failed", "fail.io"} <= running.codes("a.mkv")
        assert running.why("a.mkv")["transfer"]["reason"]["step"] == "close"
        eventually_sync(lambda: running.sent(sick.backing) == {}, what="no temporary left")
        sick.heal()
        running.cgctl("queue", "retry", "--task", "film")
        all_arrive(running, sick.backing, {b"a.mkv": content})


@pytest.mark.parametrize(
    ("op", "number", "cause"),
    [
        ("write", errno.ENOSPC, "fail.full"),
        ("flush", errno.EDQUOT, "fail.full"),
        ("create", errno.EROFS, "fail.read-only"),
    ],
)
@pytest.mark.timeout(300)
def test_a_target_that_takes_nothing_rests_and_no_attempt_is_spent(
    tmp_path: Path, sick: SickMount, op: str, number: int, cause: str
) -> None:
    contents = {b"%d.mkv" % index: os.urandom(MIB) for index in range(3)}
    sick.fail(op, number)
    with a_daemon(tmp_path, sick, "attempts = 1") as running:
        for name, content in contents.items():
            running.write(name, content)
        for name in contents:
            until_held(running, os.fsdecode(name), "held.breaker", cause=cause)
        eventually_sync(lambda: sick.struck(op) >= 2, what="the target is tried again")
        assert attempts(running) == {0}
        assert sick.counts().get("rename", 0) == 0

        sick.heal()

        # It rests twice as long after each try, and so about as long again as it has gone wrong for.
        all_arrive(running, sick.backing, contents, within=100)
        assert attempts(running) == {0}


def test_a_target_that_rests_is_let_rest_after_a_restart(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(1000)
    sick.fail("write", errno.ENOSPC)
    with a_daemon(tmp_path, sick, retry="10m") as running:
        running.write("a.mkv", content)
        until_held(running, "a.mkv", "held.breaker", cause="fail.full")
        running.stop()
        struck = sick.struck("write")

        running.start()
        until_held(running, "a.mkv", "held.breaker", cause="fail.full")
        assert sick.struck("write") == struck == 1
        sick.heal()
        running.cgctl("target", "resume", "cloud")

        all_arrive(running, sick.backing, {b"a.mkv": content})


def test_a_length_that_is_not_what_was_sent(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(MIB)
    sick.wrong_length(times=1)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck("flush") == 1
        assert put_off(running, "a.mkv") == ["fail.length"]
        assert sick.counts()["rename"] == 1


def test_bytes_that_are_not_what_was_sent(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(MIB)
    sick.wrong_bytes(times=1)
    with a_daemon(tmp_path, sick, 'verify = "checksum"') as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck("flush") == 1
        assert put_off(running, "a.mkv") == ["fail.digest"]
        assert sick.counts()["rename"] == 1


# ---- mounts that are changed in the middle


def test_detached_between_the_copy_and_its_publication(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(MIB)
    sick.hang("flush", times=1)
    with Running(tmp_path, root=sick.root, target='profile = "lan"') as running:
        running.write("a.mkv", content)
        eventually_sync(lambda: sick.hanging("flush"), what="a close that hangs")

        sick.detach()
        sick.release("flush")
        until_held(running, "a.mkv", "held.not-mounted")
        assert running.sent(sick.backing) == {}
        sick.start()

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert put_off(running, "a.mkv") == ["held.not-mounted"]


def test_mounted_again_while_a_copy_goes_on_through_the_old_mount(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(4 * MIB)
    with a_daemon(tmp_path, sick, 'bandwidth = "128KiB/s"') as running:
        running.write("a.mkv", content)
        half_way(running)

        sick.detach()
        sick.start()
        running.hurry()

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert put_off(running, "a.mkv") == ["held.not-mounted"]  # what went through the old mount was thrown away


# ---- writes that take less, listings that show less


def test_writes_that_take_less_than_they_are_given(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(3 * MIB)
    sick.short_writes(times=20)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck("write") == 20
        assert attempts(running) == {0}


# ---- what only the mount has shown


@pytest.mark.timeout(300)
def test_what_only_the_mount_shows_is_called_seen_and_not_confirmed_in_every_listing(
    tmp_path: Path, sick: SickMount
) -> None:
    daemon = a_daemon(tmp_path, sick)
    daemon.write("a.mkv", b"content")  # so that a scan finds it: what only an event tells of belongs to no run
    with daemon as running:
        all_arrive(running, sick.backing, {b"a.mkv": b"content"})
        path = running.path("a.mkv")

        listings = [("status",), ("queue", "list"), ("queue", "show", "1"), ("history",), ("why", path)]
        for words in (*listings, ("target", "list"), ("target", "show", "cloud"), ("run", "show", "1")):
            assert "seen, not confirmed" in running.cgctl("--lang", "en", *words).stdout, words
            assert "已看到，未确认" in running.cgctl("--lang", "zh-CN", *words).stdout, words
        assert "confirmed: " not in running.said()
