"""Hostile clients of a real daemon: it serves, its memory stays bounded, and honest clients wait for nobody."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from cgwire import queue as queue_wire
from cgwire import target as target_wire
from e2e.patience import PATIENCE, wait_for_status
from e2e.running import Running
from waiting import eventually_sync

SEED = int(os.environ.get("CLOUDGATHER_SEED", "0"))
MIB = 1024 * 1024

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be other users")


def a_daemon(folder: Path, *, wrapper: Sequence[str] = ()) -> Running:
    (folder / "target").mkdir()
    return Running(folder, root=folder / "target", kind="directory", wrapper=wrapper)


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes of a process; VmHWM: the most it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"{what} is not told")


def descriptors(running: Running) -> int:
    """How many the daemon has."""
    return len(os.listdir(f"/proc/{running.pid}/fd"))


def attacking(module: str, *arguments: str) -> subprocess.Popen[str]:
    """One of the programs beside this test, its stdin and stdout pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )


def longest_wait(running: Running, attack_goes_on: Callable[[], bool]) -> float:
    """The longest that an honest client waited for the status while the attack went on, in seconds."""
    waits = [0.0]

    def ended() -> bool:
        waits.append(wait_for_status(running))
        return not attack_goes_on()

    eventually_sync(ended, within=400, what="the end of the attack")
    return max(waits)


# ---- frames ----------------------------------------------------------------------------------------------------------


def a_flood(running: Running, seed: int, count: int) -> subprocess.Popen[str]:
    """An attacker that has begun, and knows names and paths of the daemon."""
    source = os.fsdecode(running.source)
    known = {
        "texts": [
            f'source = "{source}"\ntarget = "cloud:x"\nwatch = false\n',
            'source = "/nowhere"\ntarget = "cloud:y"\n[filter]\npreset = "video"\n',
            "source = [",
        ],
        "paths": [source, f"{source}/a.mkv", f"{source}/d"],
    }
    flood = attacking("e2e.attacker", os.fsdecode(running.socket), str(seed), str(count))
    assert flood.stdin is not None
    json.dump(known, flood.stdin)
    flood.stdin.close()
    return flood


def works_as_before(running: Running) -> None:
    """Whatever was paused, removed and limited: put right by its owner, it uploads."""
    for file in running.tasks_dir.iterdir():
        file.unlink(missing_ok=True)  # a last order of theirs may be at work yet
    (running.tasks_dir / "after.toml").write_text(
        f'source = "{os.fsdecode(running.source)}"\ntarget = "cloud:films"\nsettle = "1s"\n'
    )
    running.cgctl("config", "reload")
    running.ask(queue_wire.Resume())
    running.ask(target_wire.Limit(name="cloud"))
    running.ask(target_wire.Resume(name="cloud"))
    running.write("after.mkv", b"an honest film")
    running.until("after.mkv", "done")
    assert running.sent()[b"after.mkv"] == b"an honest film"


@pytest.mark.parametrize(
    ("attackers", "count"),
    [(2, 1_000), pytest.param(5, 20_000, marks=[pytest.mark.full, pytest.mark.timeout(500)])],
)
def test_fuzzed_frames_break_nothing_and_nobody_waits(tmp_path: Path, attackers: int, count: int) -> None:
    with a_daemon(tmp_path) as running, ExitStack() as floods:
        running.write("a.mkv", b"film")
        running.write("d/b.mkv", b"film")
        running.until("d/b.mkv", "done")
        before, open_before = memory(running.pid), descriptors(running)

        flooding = [floods.enter_context(a_flood(running, SEED * 100 + number, count)) for number in range(attackers)]
        longest = longest_wait(running, lambda: any(flood.poll() is None for flood in flooding))

        outcomes: Counter[str] = Counter()
        for flood in flooding:
            assert flood.returncode == 0
            assert flood.stdout is not None
            outcomes.update(json.load(flood.stdout))
        total = attackers * count
        assert all(outcomes[met] > total / 10 for met in ("garbage", "closed", "done", "error.bad-request")), outcomes
        assert outcomes["error.internal"] == 0, running.said()
        assert "Traceback" not in running.said()
        assert longest < PATIENCE
        assert memory(running.pid, "VmHWM") < before + 48 * MIB
        eventually_sync(lambda: descriptors(running) <= open_before + 5, what="descriptors closed")
        works_as_before(running)


# ---- connections -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may look into, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="cloudgather-hostile-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@needs_root
@pytest.mark.full
@pytest.mark.parametrize(
    ("users", "connections", "admitted", "limit"),
    [
        pytest.param(4, 1000, 4 * 64, "20000:20000", id="a thousand of four users"),
        pytest.param(24, 1200, 512, "1024:1024", id="more than there are descriptors for"),
        pytest.param(24, 1200, 1024, "1024:20000", id="more than there are in all"),
    ],
)
def test_a_crowd_of_slow_clients_takes_what_it_may_and_no_more(
    folder: Path, users: int, connections: int, admitted: int, limit: str
) -> None:
    with ExitStack() as stack:
        running = stack.enter_context(a_daemon(folder, wrapper=["prlimit", f"--nofile={limit}"]))
        running.write("a.mkv", b"film")
        running.until("a.mkv", "done")  # it has all that it needs by now: the watch, the agent
        before, open_before = memory(running.pid), descriptors(running)
        crowd = stack.enter_context(attacking("e2e.crowd", os.fsdecode(running.socket), str(users), str(connections)))
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == f"{connections}\n"
        eventually_sync(lambda: descriptors(running) <= open_before + admitted, what="only who may is connected")
        slow = descriptors(running) - open_before
        most = memory(running.pid)
        longest = longest_wait(running, lambda: crowd.poll() is None)
        outcomes = json.load(crowd.stdout)

        assert slow > 100
        assert longest < PATIENCE
        assert most < before + 96 * MIB
        met = Counter({(way, why): number for way, why, number in outcomes})
        turned_away = sum(number for (_, why), number in met.items() if why.startswith("more than"))
        assert turned_away >= connections - 2 * admitted
        for way in ("bytes of 4 GiB", "trickles"):
            assert met[way, "a request that is not whole after 10 s"] > 0
        for way in ("maps of maps", "maps of 2**32"):
            assert any(each == way and why.startswith("not msgpack") for each, why in met)
        for way in ("silent", "never reads"):
            assert met[way, "open"] > 0
        assert "Traceback" not in running.said()
        eventually_sync(lambda: descriptors(running) <= open_before + 5, what="descriptors closed")
