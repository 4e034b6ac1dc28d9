"""`kill -9` aimed at the rename: between `publishing` and the rename, between that and its commit, and until `done`."""

import errno
import itertools
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accounts import assert_history_adds_up, copied, states
from cloudgather.core.transfer import State
from e2e.expecting import all_arrive, events
from e2e.running import Running
from e2e.witness import Witness
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

pytestmark = needs_sick

SEED = int(os.environ.get("CLOUDGATHER_SEED", "1"))
MIB = 1 << 20
SENT = ["claim", "publish", "write", "confirm"]


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[SickMount]:
    """The cloud; its folder is there already, so that it can be watched."""
    with SickMount(tmp_path) as mount:
        os.mkdir(mount.backing + b"/films")
        yield mount


def a_daemon(tmp_path: Path, sick: SickMount, profile: str = "lan") -> Running:
    return Running(tmp_path, root=sick.root, target=f'profile = "{profile}"\nparallel = 1')


def a_witness(tmp_path: Path, sick: SickMount) -> Witness:
    (tmp_path / "state").mkdir()
    return Witness([sick.backing + b"/films"], state_dir=tmp_path / "state")


@contextmanager
def renaming(tmp_path: Path, sick: SickMount, op: str) -> Iterator[Running]:
    """A daemon whose mount hangs in the rename of its only file. In the end that one copy has arrived, once."""
    content = os.urandom(MIB)
    sick.hang(op, times=1)
    with a_witness(tmp_path, sick) as witness:
        witness.expect(sick.backing + b"/films/a.mkv", content)
        with a_daemon(tmp_path, sick) as running:
            running.write("a.mkv", content)
            eventually_sync(lambda: sick.hanging(op) == 1, what="a rename that hangs")

            yield running

            all_arrive(running, sick.backing, {b"a.mkv": content})
            assert events(running, "a.mkv") == SENT
            assert sick.counts()["create"] == 1
    assert witness.wrong == []
    assert_books(running)


def killed(running: Running, whom: str) -> Counter[State]:
    """Kill both at one instant, or the daemon, whose agent dies of that; the states that they leave behind.

    An agent that is in a call to the mount lives on until the mount answers.
    """
    agents = running.agents()
    assert len(agents) == 1
    if whom == "both":
        os.kill(running.pid, signal.SIGSTOP)
        os.kill(agents[0], signal.SIGKILL)
    running.kill()
    return left(running)


def left(running: Running) -> Counter[State]:
    """The states that are committed."""
    with copied(running.folder / "state", running.folder / "copied") as connection:
        return states(connection)


def assert_books(running: Running) -> None:
    """After it has stopped."""
    with copied(running.folder / "state", running.folder / "copied") as connection:
        assert_history_adds_up(connection)
        assert connection.execute("SELECT path FROM debris").fetchall() == []


def is_gone(pid: int) -> bool:
    """Whether the process has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("op", "whom", "late"),
    [
        ("rename", "both", True),
        ("renamed", "daemon", False),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in itertools.product(("rename", "renamed"), ("daemon", "both"), (False, True))
            if each not in {("rename", "both", True), ("renamed", "daemon", False)}
        ),
    ],
)
def test_killed_while_the_mount_renames(tmp_path: Path, sick: SickMount, op: str, whom: str, late: bool) -> None:
    """The mount renames before or after the kill, and before or after there is another daemon."""
    with renaming(tmp_path, sick, op) as running:
        assert killed(running, whom) == {State.PUBLISHING: 1}
        looked = sick.counts()["getattr"]
        if not late:
            sick.release(op)
        running.start()
        eventually_sync(lambda: sick.counts()["getattr"] > looked, what="a look of the next daemon")
        sick.release(op)


@pytest.mark.parametrize("whom", [pytest.param("daemon", marks=pytest.mark.full), "both", "agent"])
def test_killed_between_the_rename_and_its_commit(tmp_path: Path, sick: SickMount, whom: str) -> None:
    """The daemon is stopped while the mount renames, so that it does not hear of it, or hears of it too late."""
    with renaming(tmp_path, sick, "rename") as running:
        os.kill(running.pid, signal.SIGSTOP)
        sick.release("rename")
        eventually_sync(lambda: os.path.exists(sick.backing + b"/films/a.mkv"), what="the rename")
        assert left(running) == {State.PUBLISHING: 1}
        if whom == "agent":
            (agent,) = running.agents()
            os.kill(agent, signal.SIGKILL)
            eventually_sync(lambda: is_gone(agent), what="the end of the agent")
            os.kill(running.pid, signal.SIGCONT)
        else:
            assert killed(running, whom) == {State.PUBLISHING: 1}
            running.start()


@pytest.mark.parametrize("op", [pytest.param("rename", marks=pytest.mark.full), "renamed"])
def test_the_agent_is_killed_while_the_mount_renames(tmp_path: Path, sick: SickMount, op: str) -> None:
    with renaming(tmp_path, sick, op) as running:
        (agent,) = running.agents()
        os.kill(agent, signal.SIGKILL)
        assert running.states() == {b"a.mkv": "publishing"}
        sick.release(op)
        eventually_sync(lambda: agent not in running.agents(), what="the end of the agent")


@pytest.mark.parametrize("op", [pytest.param("rename", marks=pytest.mark.full), "renamed"])
def test_killed_in_the_middle_of_a_batch_that_is_renamed(tmp_path: Path, sick: SickMount, op: str) -> None:
    luck = random.Random(SEED)
    contents = {b"%d.mkv" % number: luck.randbytes(luck.choice([0, 1, 5000])) for number in range(12)}
    nth = luck.randrange(len(contents))
    with a_witness(tmp_path, sick) as witness, a_daemon(tmp_path, sick, "disk") as running:
        running.cgctl("queue", "pause")
        for name, content in contents.items():
            witness.expect(sick.backing + b"/films/" + name, content)
            running.write(name, content)
        eventually_sync(lambda: len(running.states()) == len(contents), what="a full queue")
        sick.hang(op, times=1, skip=nth)
        running.cgctl("queue", "resume")
        eventually_sync(lambda: sick.hanging(op) == 1, what="a rename that hangs")

        assert killed(running, "both") == {State.PUBLISHING: len(contents)}
        sick.release(op)
        running.start()

        all_arrive(running, sick.backing, contents)
        for name in contents:
            assert events(running, os.fsdecode(name)) == SENT
        assert sick.counts()["create"] == len(contents)
        running.stop()
    assert witness.wrong == []
    assert_books(running)


def test_killed_between_written_and_done(tmp_path: Path, sick: SickMount) -> None:
    """What a file's life needs to be looked at is counted with one; with the other its last look hangs."""
    contents = {b"a.mkv": os.urandom(MIB), b"b.mkv": os.urandom(MIB)}
    with a_witness(tmp_path, sick) as witness, a_daemon(tmp_path, sick) as running:
        for name, content in contents.items():
            witness.expect(sick.backing + b"/films/" + name, content)
        sick.slow("getattr", 0, path="/films/a.mkv")
        running.write("a.mkv", contents[b"a.mkv"])
        running.until("a.mkv", "done")
        looks = sick.struck("getattr")
        sick.hang("getattr", skip=looks - 1, path="/films/b.mkv")
        running.write("b.mkv", contents[b"b.mkv"])
        eventually_sync(lambda: sick.hanging("getattr") == 1, what="a look that hangs")

        assert killed(running, "both") == {State.DONE: 1, State.WRITTEN: 1}
        sick.heal()
        running.start()

        all_arrive(running, sick.backing, contents)
        assert events(running, "b.mkv") == SENT
        assert sick.counts()["create"] == 2
        running.stop()
    assert witness.wrong == []
    assert_books(running)


@pytest.mark.parametrize(
    ("op", "path"),
    [
        pytest.param("renamed", ".old", id="old-aside"),
        pytest.param("rename", "/films/a.mkv", id="before-in-place", marks=pytest.mark.full),
        pytest.param("renamed", "/films/a.mkv", id="in-place", marks=pytest.mark.full),
        pytest.param("unlink", ".old", id="before-old-removed", marks=pytest.mark.full),
    ],
)
def test_killed_where_a_rename_does_not_replace(tmp_path: Path, sick: SickMount, op: str, path: str) -> None:
    """The old file aside, the new one in place, the old one removed: the new one stands in the end, alone."""
    old, new = os.urandom(MIB), os.urandom(MIB + 1)
    with a_daemon(tmp_path, sick) as running:
        running.write("a.mkv", old)
        running.until("a.mkv", "done")
        sick.reset()
        sick.fail("rename", errno.EEXIST, times=1, path="/films/a.mkv")
        sick.hang(op, times=1, path=path)
        running.write("a.mkv", new)
        eventually_sync(lambda: sick.hanging(op) == 1, what="a step that hangs")
        assert sick.struck("rename") >= 1

        assert killed(running, "both") == {State.DONE: 1, State.PUBLISHING: 1}
        sick.heal()
        running.start()

        all_arrive(running, sick.backing, {b"a.mkv": new})
        assert running.times_written("a.mkv") == 2
        assert sick.counts()["create"] == 1
        running.stop()
    assert_books(running)
