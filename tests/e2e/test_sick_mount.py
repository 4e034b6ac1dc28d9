"""A mounted cloud drive that fails, lies, is full or hangs: no wrong file is called written, nothing stands still."""

import errno
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from e2e.expecting import all_arrive, attempts, events, half_way, put_off, until_held
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

pytestmark = needs_sick

MIB = 1 << 20
# Where a daemon finds e2e.impatient, beside whatever it would find else.
SEARCHED = os.pathsep.join(filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")]))
SENT = ["claim", "publish", "write", "confirm"]


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[SickMount]:
    """The cloud: a mount that is well until it is told otherwise."""
    with SickMount(tmp_path) as mount:
        yield mount


def a_daemon(tmp_path: Path, sick: SickMount, target: str = "", *, task: str = "", retry: str = "1s") -> Running:
    """It knows what is meant by a mount that does not answer after two seconds."""
    return Running(
        tmp_path,
        root=sick.root,
        target=f'profile = "lan"\nparallel = 1\n{target}',
        task=task,
        retry=retry,
        module="e2e.impatient",
        environ={"PYTHONPATH": SEARCHED},
    )


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

        all_arrive(running, sick.backing, contents)
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


def stand(sick: SickMount, names: list[bytes]) -> dict[bytes, bytes]:
    """Files of 1000 bytes that somebody else has put at the target; name -> content."""
    standing = {name: os.urandom(1000) for name in names}
    os.makedirs(sick.backing + b"/films")
    for name, content in standing.items():
        with open(sick.backing + b"/films/" + name, "wb") as file:
            file.write(content)
    return standing


def test_a_listing_that_comes_back_empty_makes_nothing_go_over_what_stands_there(
    tmp_path: Path, sick: SickMount
) -> None:
    names = [b"%d.mkv" % index for index in range(6)]
    standing = stand(sick, names)
    sick.empty_listing()
    daemon = a_daemon(tmp_path, sick, task='initial = "adopt"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        for name in names:
            running.until(name, "cancelled")

        assert sick.struck("readdir") >= 1
        assert {each["reason"]["code"] for each in running.transfers()} == {"cancelled.standing"}
        assert running.sent(sick.backing) == standing
        assert running.why("0.mkv")["ledger"]["origin"] == "adopted"


def test_what_the_target_has_already_is_adopted_once_it_is_mounted(tmp_path: Path, sick: SickMount) -> None:
    names = [b"%d.mkv" % index for index in range(6)]
    standing = stand(sick, names)
    sick.detach()
    daemon = a_daemon(tmp_path, sick, task='initial = "adopt"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        eventually_sync(lambda: "cannot take in film at first" in running.said(), what="the first scan")

        sick.start()

        eventually_sync(
            lambda: all((running.why(name)["ledger"] or {}).get("origin") == "adopted" for name in names),
            what="all adopted",
        )
        assert running.transfers() == []
        assert sick.counts()["readdir"] >= 1
        assert running.sent(sick.backing) == standing


def test_a_listing_that_comes_back_empty_sends_nothing_again(tmp_path: Path, sick: SickMount) -> None:
    contents = {b"%d.mkv" % index: os.urandom(1000) for index in range(3)}
    with a_daemon(tmp_path, sick, task='if_gone = "resend"\n') as running:
        for name, content in contents.items():
            running.write(name, content)
        all_arrive(running, sick.backing, contents)
        sick.empty_listing()

        running.cgctl("task", "verify", "film", "--wait", check=False)
        running.cgctl("task", "run", "film", "--wait")

        assert sick.struck("readdir") >= 1
        assert [each["state"] for each in running.transfers()] == ["done"] * 3
        assert running.sent(sick.backing) == contents


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
    with a_daemon(tmp_path, sick, 'bandwidth = "2MiB/s"') as running:
        running.write("a.mkv", content)
        half_way(running)

        sick.detach()
        sick.start()

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert put_off(running, "a.mkv") == ["held.not-mounted"]  # what went through the old mount was thrown away


# ---- mounts that hang


class Hanging:
    """A daemon with a task for the sick cloud and one for a plain disk, which have nothing to do with each other."""

    def __init__(self, tmp_path: Path, sick: SickMount) -> None:
        self.sick = sick
        self.disk = tmp_path / "disk"
        self.songs = tmp_path / "songs"
        for folder in (self.disk, self.songs):
            folder.mkdir()
        self.running = Running(
            tmp_path,
            root=sick.root,
            target=f'profile = "lan"\nparallel = 2\n[targets.disk]\nroot = "{self.disk}"\nkind = "directory"',
            tasks={
                "film": f'source = "{tmp_path / "source"}"\ntarget = "cloud:films"\nsettle = "1s"',
                "song": f'source = "{self.songs}"\ntarget = "disk:songs"\nsettle = "1s"',
            },
            module="e2e.impatient",
            environ={"PYTHONPATH": SEARCHED},
        )

    def goes_on(self) -> None:
        """`cgctl status` answers within a second, all the while that a file goes to the other target."""
        name = f"{time.monotonic_ns()}.flac"
        (self.songs / name).write_bytes(b"song")
        stands = self.disk / "songs" / name
        eventually_sync(lambda: self.answers_in_time() and stands.exists(), what="a file at the other target")
        assert stands.read_bytes() == b"song"

    def answers_in_time(self) -> bool:
        """Always true, or an AssertionError."""
        begun = time.monotonic()
        self.running.status()
        took = time.monotonic() - begun
        assert took < 1.0, f"status took {took} s"
        return True


@pytest.fixture
def hanging(tmp_path: Path, sick: SickMount) -> Iterator[Hanging]:
    """A first file has gone to the cloud; whatever hangs at the end is released, so that no process is left."""
    both = Hanging(tmp_path, sick)
    with both.running as running:
        running.write("first.mkv", b"first")
        running.until("first.mkv", "done")
        try:
            yield both
        finally:
            sick.heal()


HANGS = [
    "write",
    "rename",
    "getattr",
    *(pytest.param(op, marks=pytest.mark.full) for op in ("create", "flush", "open", "fsync", "release")),
]


@pytest.mark.parametrize("op", HANGS)
def test_a_mount_that_hangs_holds_up_nothing_else(hanging: Hanging, op: str) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    sick.hang(op)
    running.write("a.mkv", content)
    eventually_sync(lambda: hanging.answers_in_time() and sick.hanging(op), what=f"{op} that hangs")

    hanging.goes_on()
    eventually_sync(
        lambda: hanging.answers_in_time() and "no answer within" in running.said(), what="the stall is noticed"
    )
    hanging.goes_on()
    assert running.cgctl("status").stdout
    assert running.states()[b"a.mkv"] not in ("written", "done", "failed")
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)


@pytest.mark.parametrize("op", HANGS)
def test_a_mount_that_hangs_does_not_keep_the_daemon_from_ending(hanging: Hanging, op: str) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    sick.hang(op)
    running.write("a.mkv", content)
    eventually_sync(lambda: sick.hanging(op), what=f"{op} that hangs")

    assert running.stop(within=10) == 0
    assert sick.hanging(op)

    sick.heal()
    running.start()
    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)


def test_a_mount_that_hangs_already_when_the_daemon_starts(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(1000)
    sick.hang("getattr")
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)
        until_held(running, "a.mkv", "held.stalled")
        assert sick.hanging("getattr")
        running.cgctl("config", "reload")
        running.cgctl("status")

        sick.heal()

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert attempts(running) == {0}


@pytest.mark.full
def test_a_mount_that_hangs_for_long_is_left_alone_and_all_go_when_it_answers(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    contents: Mapping[bytes, bytes] = {b"%d.mkv" % index: os.urandom(MIB) for index in range(6)}
    sick.hang("write")
    for name, content in contents.items():
        running.write(name, content)

    eventually_sync(
        lambda: hanging.answers_in_time() and "held.unreaped" in running.codes("5.mkv"),
        within=60,
        what="no more agents are sent after those that hang",
    )
    agents = subprocess.run(["pgrep", "-P", str(running.pid), "-c"], capture_output=True, check=False).stdout
    assert int(agents) <= 5  # three that hang, one for the other target, one that has just begun
    hanging.goes_on()
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", **contents}, within=90)


def test_the_file_system_that_hangs_is_killed_and_mounted_again(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    sick.hang("write")
    running.write("a.mkv", content)
    eventually_sync(lambda: sick.hanging("write"), what="a write that hangs")

    sick.kill()
    until_held(running, "a.mkv", "held.mount-dead")
    sick.detach()
    sick.start()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)


def test_what_is_healthy_goes_on_at_the_very_target_that_hangs_for_one_file(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    healthy = {b"healthy/%d.mkv" % number: os.urandom(1000) for number in range(4)}
    sick.hang("write", path="sick/")
    running.write("sick/a.mkv", content)
    eventually_sync(lambda: sick.hanging("write"), what="a write that hangs")

    for name, whole in healthy.items():
        running.write(name, whole)
        eventually_sync(
            lambda name=name: hanging.answers_in_time() and running.states().get(name) == "done",  # type: ignore[misc]
            within=40,
            what=f"{name!r} beside a file that hangs",
        )
    assert running.states()[b"sick/a.mkv"] in ("copying", "queued")
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"sick/a.mkv": content, **healthy}, within=60)


@pytest.mark.full
def test_removing_that_hangs_holds_up_nothing_and_is_made_up_for(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    sick.fail("write", times=1, path="films/")
    sick.hang("unlink")
    running.write("a.mkv", content)
    eventually_sync(lambda: hanging.answers_in_time() and sick.hanging("unlink"), what="an unlink that hangs")

    hanging.goes_on()
    eventually_sync(lambda: "no answer within" in running.said(), what="the stall is noticed")
    assert hanging.answers_in_time()
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)


def test_a_listing_that_hangs_holds_up_nothing_and_says_nothing_about_files(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    sick.hang("readdir")

    refused = running.cgctl("task", "verify", "film", "--wait", check=False)
    assert sick.hanging("readdir") >= 1
    assert refused.returncode != 0
    assert "answer" in refused.stderr
    hanging.goes_on()
    contents = {b"%d.mkv" % number: os.urandom(1000) for number in range(6)}  # so many are asked for by a listing
    for name, content in contents.items():
        running.write(name, content)
    hanging.goes_on()
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", **contents}, within=60)
    assert "intact" in running.cgctl("task", "verify", "film", "--wait").stdout


@pytest.mark.full
def test_a_mount_where_everything_is_slow_gets_everything(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    contents = {b"%d/a.mkv" % number: os.urandom(MIB) for number in range(3)}
    for op in ("open", "write", "getattr", "readdir", "rename", "fsync", "flush", "release", "unlink", "create"):
        sick.slow(op, 0.3)
    for name, content in contents.items():
        running.write(name, content)

    hanging.goes_on()
    eventually_sync(
        lambda: hanging.answers_in_time() and all(running.states().get(name) == "done" for name in contents),
        within=90,
        what="all arrive slowly",
    )
    assert sick.struck("rename") == 3
    assert {each["attempts"] for each in running.transfers()} == {0}
    sick.heal()
    all_arrive(running, sick.backing, {b"first.mkv": b"first", **contents})


# ---- writes that take less, listings that show less


def test_writes_that_take_less_than_they_are_given(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(3 * MIB)
    sick.short_writes(times=20)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", content)

        all_arrive(running, sick.backing, {b"a.mkv": content})
        assert sick.struck("write") == 20
        assert attempts(running) == {0}


def test_a_listing_that_is_cut_short_says_nothing_about_what_it_lacks(tmp_path: Path, sick: SickMount) -> None:
    names = [b"%02d.mkv" % index for index in range(30)]
    standing = stand(sick, names)
    sick.cut_listing()
    daemon = a_daemon(tmp_path, sick, task='initial = "adopt"\nif_gone = "resend"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        eventually_sync(lambda: all(running.why(name)["ledger"] for name in names), what="all are adopted")
        verified = json.loads(running.cgctl("task", "verify", "film", "--json").stdout)

        assert sick.struck("readdir") >= 2
        assert (verified["checked"], verified["intact"], verified["gone"]) == (30, 30, [])
        assert running.sent(sick.backing) == standing


# ---- renames that happen late


def test_a_rename_that_happens_after_its_agent_was_killed_is_found_and_not_done_again(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB)
    sick.reset()
    sick.hang("rename")
    running.write("a.mkv", content)
    eventually_sync(lambda: sick.hanging("rename"), what="a rename that hangs")
    eventually_sync(lambda: "no answer within" in running.said(), what="its agent is killed")
    hanging.goes_on()
    assert running.states()[b"a.mkv"] == "publishing"
    running.until_code("a.mkv", "fail.timeout")

    sick.release("rename")

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)
    assert sick.counts()["rename"] == 1
    assert sick.counts()["create"] == 1
    assert events(running, "a.mkv") == SENT


@pytest.mark.full
def test_a_rename_that_happens_after_the_daemon_was_killed_is_found_by_the_next(
    hanging: Hanging,
) -> None:
    sick, running = hanging.sick, hanging.running
    older, newer = os.urandom(MIB), os.urandom(MIB + 1)
    sick.reset()
    sick.hang("rename", times=1)
    running.write("a.mkv", older)
    eventually_sync(lambda: sick.hanging("rename"), what="a rename that hangs")
    running.kill()
    running.start()
    hanging.goes_on()
    assert running.sent(sick.backing) != {b"first.mkv": b"first", b"a.mkv": older}

    sick.release("rename")

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": older}, within=60)
    assert sick.counts()["create"] == 1
    assert running.times_written("a.mkv") == 1
    running.write("a.mkv", newer)
    eventually_sync(lambda: running.sent(sick.backing).get(b"a.mkv") == newer, what="the newer version")


# ---- what only the mount has shown


def test_what_only_the_mount_shows_is_called_seen_and_not_confirmed_in_every_listing(
    tmp_path: Path, sick: SickMount
) -> None:
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", b"content")
        all_arrive(running, sick.backing, {b"a.mkv": b"content"})
        path = running.path("a.mkv")

        listings = [("status",), ("queue", "list"), ("queue", "show", "1"), ("history",), ("why", path)]
        for words in (*listings, ("target", "list"), ("target", "show", "cloud"), ("run", "show", "1")):
            assert "seen, not confirmed" in running.cgctl("--lang", "en", *words).stdout, words
            assert "已看到，未确认" in running.cgctl("--lang", "zh-CN", *words).stdout, words
        assert "confirmed: " not in running.said()
