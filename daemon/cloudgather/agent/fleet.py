"""All agents of the daemon: who serves a target or source now, and those that hang, left or will not die."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.deadlines import Deadlines, Misses
from cloudgather.agent.pacing import Pace
from cloudgather.agent.process import AgentProcess
from cloudgather.agent.protocol import ASIDE
from cloudgather.ports.clock import Clock
from cloudgather.ports.target import AgentLost, Stalled, TargetHeld

logger = logging.getLogger(__name__)

# As many processes of one target or source may hang in the kernel before no more are sent after them.
_MOST_UNREAPED: Final = 3


@dataclass(slots=True)
class _Crew:
    """The agents of one target or remote source: one that takes work, and former ones that have not ended yet."""

    name: str
    current: AgentProcess | None = None
    former: list[AgentProcess] = field(default_factory=list)
    misses: Misses = field(default_factory=Misses)
    bandwidth: int | None = None
    pace: Pace | None = None

    def all(self) -> list[AgentProcess]:
        """Those that may still do something."""
        here = [self.current] if self.current is not None else []
        self.former = [agent for agent in self.former if not agent.gone]
        return [agent for agent in here if not agent.gone] + self.former

    def unreaped(self) -> list[AgentProcess]:
        """Those of them that hang in this target and cannot be killed."""
        return [agent for agent in self.all() if agent.unreaped and agent.blames_target]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """One agent process, for who wants to show it."""

    crew: str
    pid: int
    busy: int
    usable: bool
    unreaped: bool


class Fleet:
    """Belongs to one event loop, that of the main thread. Crews are named by whoever calls; they come by themselves.

    `ended` hears the crew of each agent that hung and now has ended: what it might still have done is decided.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        deadlines: Deadlines | None = None,
        ended: Callable[[str], None] | None = None,
    ) -> None:
        self.clock = clock
        self._deadlines = deadlines if deadlines is not None else Deadlines()
        self._ended = ended
        self._crews: dict[str, _Crew] = {}
        self._stopping = False

    async def call(
        self,
        crew: str,
        op: str,
        params: Mapping[str, Any],
        *,
        path: bytes | None = None,
        factor: float = 1.0,
        side: str = "target",
        progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """AgentProcess.call on the crew's agent, which is started where there is none that takes work.

        `path` is the file that it is about: each deadline that it misses doubles the next one's. Raises TargetHeld
        besides (HELD_UNREAPED, HELD_STOPPING), and Stalled at once for a source that too many agents hang in.
        """
        source = params.get("source_root")
        if source is not None and self._hang_in_source(source) >= _MOST_UNREAPED:
            message = f"{_MOST_UNREAPED} agents hang in {source!r} already"
            raise Stalled(errno=None, step="open", side="source", message=message, limit=self._deadlines.quick)
        agent, misses = self._obtain(crew), self._crew(crew).misses
        key = path if path is not None else b""
        try:
            result = await agent.call(op, params, factor=factor * misses.factor(key), side=side, progress=progress)
        except Stalled:
            misses.missed(key)
            raise
        misses.kept(key)
        return result

    def get_ready(self, crew: str) -> None:
        """Have the crew's agent start, if none takes work; what stands in the way the first call tells."""
        with contextlib.suppress(TargetHeld, AgentLost):
            self._obtain(crew)

    def blame(self, crew: str, path: bytes) -> None:
        """A call that was about several files has missed its deadline at this one."""
        self._crew(crew).misses.missed(path)

    def limit(self, crew: str, bandwidth: int | None) -> None:
        """Bytes a second over all copies of the crew's agent, at once and for those that follow it."""
        members = self._crew(crew)
        if members.bandwidth == bandwidth:
            return
        members.bandwidth = bandwidth
        for agent in members.all():
            agent.tell("limits", {"bandwidth": bandwidth})

    def pace(self, crew: str) -> Pace:
        """How often the target may be asked, whoever asks it."""
        members = self._crew(crew)
        if members.pace is None:
            members.pace = Pace(clock=self.clock)
        return members.pace

    def held(self, crew: str) -> Reason | None:
        """Why no agent can be given work now."""
        if self._stopping:
            return because(Code.HELD_STOPPING)
        if len(unreaped := self._crew(crew).unreaped()) >= _MOST_UNREAPED:
            return because(Code.HELD_UNREAPED, target=crew, agents=[agent.pid for agent in unreaped])
        return None

    def acting(self) -> frozenset[bytes]:
        """The names of all temporaries that some agent may still write or rename, given up or not."""
        return frozenset().union(*(agent.acting() for agent in self._all()))

    def may_still_act(self, temporary: bytes) -> bool:
        """Whether an agent was given this temporary and has neither answered nor ended.

        The name of an old file that it moves aside for it counts as well.
        """
        temporary = temporary.removesuffix(ASIDE)
        return any(temporary in agent.acting() for agent in self._all())

    def agents(self) -> list[AgentFacts]:
        """Every agent process there is."""
        return [
            AgentFacts(crew=crew.name, pid=agent.pid, busy=agent.busy, usable=agent.usable, unreaped=agent.unreaped)
            for crew in self._crews.values()
            for agent in crew.all()
        ]

    def dismiss(self, crew: str) -> None:
        """The target or source is configured no more: its idle agent leaves, a busy one once it is idle."""
        members = self._crews.get(crew)
        if members is not None and members.current is not None and not members.current.busy:
            members.current.leave()

    async def stop(self, grace: float) -> list[int]:
        """End all agents within `grace` seconds: cancel, ask, kill. The pids of those that the kernel does not let die.

        Those are left behind; a process that waits for them would itself never end. A second call does nothing.
        """
        if self._stopping:
            return []
        self._stopping = True
        for agent in self._all():
            agent.cancel_all()
        await _wait({answer for agent in self._all() for answer in agent.awaited()}, grace / 2)
        for agent in self._all():
            agent.leave()
        await _wait({agent.ended for agent in self._all()}, grace / 4)
        for agent in self._all():
            agent.kill()
        await _wait({agent.ended for agent in self._all()}, grace / 4)
        left = self._all()
        for agent in left:
            agent.forget()
        if left:
            logger.warning("agents that cannot be killed are left behind: %s", [agent.pid for agent in left])
        return [agent.pid for agent in left]

    def _all(self) -> list[AgentProcess]:
        return [agent for crew in self._crews.values() for agent in crew.all()]

    def _crew(self, name: str) -> _Crew:
        return self._crews.setdefault(name, _Crew(name))

    def _obtain(self, name: str) -> AgentProcess:
        if (reason := self.held(name)) is not None:
            raise TargetHeld(reason)
        crew = self._crew(name)
        if crew.current is not None:
            if crew.current.usable:
                return crew.current
            crew.former.append(crew.current)
            crew.current = None
        try:
            crew.current = AgentProcess(clock=self.clock, deadlines=self._deadlines, label=name)
        except OSError as error:
            message = f"cannot start an agent: {error.strerror}"
            raise AgentLost(errno=None, step="start", side="agent", message=message) from error
        agent = crew.current
        agent.ended.add_done_callback(lambda _: self._tell_ended(name, agent))
        if crew.bandwidth is not None:
            agent.tell("limits", {"bandwidth": crew.bandwidth})
        return agent

    def _tell_ended(self, crew: str, agent: AgentProcess) -> None:
        if agent.killed and self._ended is not None and not self._stopping:
            self._ended(crew)

    def _hang_in_source(self, source: bytes) -> int:
        return sum(agent.unreaped and source in agent.stalled_sources() for agent in self._all())


async def _wait(futures: set[asyncio.Future[Any]], span: float) -> None:
    if futures:
        await asyncio.wait(futures, timeout=span)
