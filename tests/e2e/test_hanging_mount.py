"""A mounted cloud drive that hangs: nothing else stands still, the daemon ends, and everything goes when it answers."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from e2e.expecting import all_arrive, attempts, events, until_held
from e2e.hanging import IMPATIENTLY, Hanging
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


@pytest.fixture
def hanging(request: pytest.FixtureRequest, tmp_path: Path, sick: SickMount) -> Iterator[Hanging]:
    """A first file has gone to the cloud; whatever hangs at the end is released, so that no process is left.

    Its parameter, if any, is when what went wrong there is tried again.
    """
    both = Hanging(tmp_path, sick, retry=getattr(request, "param", "1s"))
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

    assert running.stop() == 0
    assert sick.hanging(op)

    sick.heal()
    running.start()
    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"a.mkv": content}, within=60)


@pytest.mark.full
@pytest.mark.parametrize("op", ["readdir", "unlink"])
def test_listing_and_removing_that_hang_do_not_keep_the_daemon_from_ending(hanging: Hanging, op: str) -> None:
    sick, running = hanging.sick, hanging.running
    contents = {b"%d.mkv" % number: os.urandom(1000) for number in range(6)}  # so many are asked for by a listing
    sick.fail("write", times=1)  # of what is removed
    sick.hang(op)
    assert running.stop() == 0
    for name, content in contents.items():
        newest = running.write(name, content)
    # Else so few may be settled at once that each is asked for by itself.
    eventually_sync(lambda: time.time() - os.stat(newest).st_ctime > 1.1, what="all are settled when it starts")
    running.start()
    eventually_sync(lambda: sick.hanging(op), what=f"{op} that hangs")

    assert running.stop() == 0
    assert sick.hanging(op)

    sick.heal()
    running.start()
    all_arrive(running, sick.backing, {b"first.mkv": b"first", **contents}, within=60)


@pytest.mark.full
def test_a_daemon_ends_whose_agents_cannot_die_and_the_next_takes_up_their_work(hanging: Hanging) -> None:
    sick, running = hanging.sick, hanging.running
    contents = {b"%d/a.mkv" % number: os.urandom(MIB) for number in range(6)}
    sick.hang("write")
    for name, content in contents.items():
        running.write(name, content)
    eventually_sync(
        lambda: hanging.answers_in_time() and "held.unreaped" in running.codes("5/a.mkv"),
        within=60,
        what="agents that cannot be killed",
    )

    assert running.stop() == 0
    running.start()
    hanging.goes_on()
    assert sick.hanging("write")
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", **contents}, within=90)
    assert all(running.times_written(name) == 1 for name in contents)


def test_a_mount_that_hangs_already_when_the_daemon_starts(tmp_path: Path, sick: SickMount) -> None:
    content = os.urandom(1000)
    sick.hang("getattr")
    with Running(tmp_path, root=sick.root, target='profile = "lan"\nparallel = 1', **IMPATIENTLY) as running:
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


HANGS_FOR_ONE = [
    "write",
    *(pytest.param(op, marks=pytest.mark.full) for op in ("create", "getattr", "flush", "fsync", "rename")),
]


# Three agents that hang are the target's end: it must not come before the last of the others has been sent.
@pytest.mark.parametrize("hanging", ["15s"], indirect=True)
@pytest.mark.parametrize("op", HANGS_FOR_ONE)
def test_what_is_healthy_goes_on_at_the_very_target_that_hangs_for_one_file(hanging: Hanging, op: str) -> None:
    """Those that were claimed together with it, and those that come later."""
    sick, running = hanging.sick, hanging.running
    content = os.urandom(MIB // 2)
    together = {b"together/%d.mkv" % number: os.urandom(1000) for number in range(4)}
    later = {b"later/%d.mkv" % number: os.urandom(1000) for number in range(2)}
    sick.hang(op, path="sick/")
    running.cgctl("queue", "pause")
    running.write("sick/a.mkv", content)
    for name, whole in together.items():
        running.write(name, whole)
    eventually_sync(lambda: len(running.states()) == 2 + len(together), what="all are queued")
    running.cgctl("queue", "resume")
    eventually_sync(lambda: sick.hanging(op), what=f"{op} that hangs")

    for name, whole in (together | later).items():
        if name in later:
            running.write(name, whole)
        eventually_sync(
            lambda name=name: hanging.answers_in_time() and running.states().get(name) == "done",  # type: ignore[misc]
            within=60,
            what=f"{name!r} beside a file that hangs",
        )
    assert sick.hanging(op)
    assert running.states()[b"sick/a.mkv"] in ("queued", "copying", "publishing")
    sick.heal()

    all_arrive(running, sick.backing, {b"first.mkv": b"first", b"sick/a.mkv": content, **together, **later}, within=60)
    assert all(running.times_written(name) == 1 for name in (b"sick/a.mkv", *together, *later))


@pytest.mark.full
@pytest.mark.parametrize("how", ["hangs", "fails"])
def test_a_last_look_that_hangs_or_fails_for_one_file_keeps_no_other_from_being_done(
    tmp_path: Path, sick: SickMount, how: str
) -> None:
    """What a file's life needs to be looked at is counted with one; with the other its last look goes wrong."""
    healthy = {b"%d.mkv" % number: os.urandom(1000) for number in range(5)}
    with Running(tmp_path, root=sick.root, target='profile = "lan"\nparallel = 2', **IMPATIENTLY) as running:
        sick.slow("getattr", 0, path="/films/a.mkv")
        running.write("a.mkv", b"first")
        running.until("a.mkv", "done")
        wrong = sick.hang if how == "hangs" else sick.fail
        wrong("getattr", skip=sick.struck("getattr") - 1, path="/films/bad.mkv")
        running.write("bad.mkv", b"never seen")
        running.until("bad.mkv", "written")
        for name, content in healthy.items():
            running.write(name, content)

        for name in healthy:
            running.until(name, "done", within=60)
        assert running.states()[b"bad.mkv"] == "written"
        sick.heal()
        assert running.sent(sick.backing) == {b"a.mkv": b"first", b"bad.mkv": b"never seen", **healthy}


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
        sick.slow(op, 0.2)  # some steps are three or four of these, and must not take two seconds
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
