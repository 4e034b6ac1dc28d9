"""Killer: ends the daemon, its agents or both with `kill -9`, at moments of their work that luck draws."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from accounts import assert_history_adds_up, copied, states
from cloudgather.core.transfer import State
from e2e.running import Running
from e2e.witness import Seen, Witness

# Who is killed, and how often of ten times.
_VICTIMS: Final = {"daemon": 2, "stopping daemon": 1, "both": 3, "agents": 2, "an agent": 2}
# What a kill waits for, and how often at most it lets it happen.
_MOMENTS: Final = ((Seen.MADE, 10), (Seen.GREW, 20), (Seen.RENAMED, 10))
_MOST_COMMITS: Final = 40
_MOST_WAIT: Final = 5.0  # seconds for that: a target may rest
_STARTING: Final = 0.7  # seconds in which a daemon on a machine that is not busy has begun its work
_LATER: Final = 0.003  # seconds at most between the moment and the kill
_STOPPING: Final = 0.3  # seconds at most between SIGTERM and the kill


class Killer:
    """`log` tells of each kill; `daemons` and `agents` (under a daemon that lived on) count who was killed.

    `hit`: of how many killed daemons some transfer was left in each state.
    """

    def __init__(self, running: Running, witness: Witness, luck: random.Random, *, places: Sequence[bytes]) -> None:
        """`places` are the folders of the targets."""
        self.log: list[str] = []
        self.daemons = 0
        self.agents = 0
        self.in_vain = 0  # moments that did not come: a target rested
        self.hit: Counter[State] = Counter()
        self._running = running
        self._witness = witness
        self._luck = luck
        self._places = places

    def victims(self, kills: int) -> list[str]:
        """Of so many kills, mixed well: whatever luck says, some of five are daemons."""
        deck = [whom for whom, count in _VICTIMS.items() for _ in range(count)]
        return [whom for _ in range(0, kills, len(deck)) for whom in self._luck.sample(deck, len(deck))][:kills]

    def kill(self, whom: str) -> None:
        """A daemon that was killed is started again, and not waited for."""
        daemon = "agent" not in whom
        moment = self._await_moment(daemon=daemon)
        if daemon:
            self._kill_daemon(whom, moment)
        else:
            self._kill_agents(1 if whom == "an agent" else None, whom, moment)

    def _await_moment(self, *, daemon: bool) -> str:
        if daemon and self._luck.random() < 0.15:
            seconds = self._luck.uniform(0, _STARTING)
            time.sleep(seconds)  # the moment of the kill is the input
            return f"{seconds:.3f} s after its start"
        below = self._luck.choice(self._places)
        seen, most = self._luck.choice(_MOMENTS)
        if daemon and self._luck.random() < 0.2:
            below, seen, most = os.fsencode(self._running.folder / "state"), Seen.COMMITTED, _MOST_COMMITS
        times, later = self._luck.randint(1, most), self._luck.uniform(0, _LATER)
        met = self._witness.wait(seen, times, below=below, within=_MOST_WAIT)
        self.in_vain += not met
        time.sleep(later)
        where = os.fsdecode(os.path.basename(below))
        return f"{1000 * later:.1f} ms after {times} x {seen.value} in {where}{'' if met else ', waited for in vain'}"

    def _kill_daemon(self, whom: str, moment: str) -> None:
        running = self._running
        if whom == "both":
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGSTOP)  # so that it does not see its agents die
            self._end(running.agents())
        running.kill(stopping=self._luck.uniform(0, _STOPPING) if whom == "stopping daemon" else None)
        with copied(running.folder / "state", running.folder / "copied") as connection:
            found = states(connection)
            if found:
                assert_history_adds_up(connection)
        self.daemons += 1
        self.hit.update(found.keys())
        told = ", ".join(f"{count} {state}" for state, count in sorted(found.items()))
        self.log.append(f"{len(self.log) + 1}. {whom} {moment}: {told}")
        running.start(wait=False)

    def _kill_agents(self, most: int | None, whom: str, moment: str) -> None:
        pids = self._running.agents()
        self._luck.shuffle(pids)
        self._end(pids[:most])
        self.agents += len(pids[:most])
        self.log.append(f"{len(self.log) + 1}. {whom} {moment}: {len(pids[:most])} of {len(pids)}")

    @staticmethod
    def _end(pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
