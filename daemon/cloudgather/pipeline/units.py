"""Releases the files of a folder together, once every wanted file of it is settled (`send = "folder"`)."""

from collections.abc import Sequence

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core import filters
from cloudgather.core.naming import unit_of
from cloudgather.pipeline.board import TaskState
from cloudgather.pipeline.claims import Claims
from cloudgather.pipeline.pending import Pending, PendingFiles
from cloudgather.pipeline.planning import Planner
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Content
from cloudgather.ports.source import Refused

_LOOK_AGAIN = 60.0


class Units:
    """A unit is a top-level entry of a task's source: a file, or a folder with all that is below it."""

    def __init__(self, *, pending: PendingFiles, planner: Planner, claims: Claims, clock: Clock) -> None:
        self._pending = pending
        self._planner = planner
        self._claims = claims
        self._clock = clock

    async def released(self, state: TaskState, ready: Sequence[Pending]) -> list[Pending]:
        """All files of those units that have become ready; the others keep waiting and say for whom."""
        released: list[Pending] = []
        wanted: dict[bytes, list[Pending]] = {unit_of(pending.path): [] for pending in ready}
        for path, pending in self._pending.of_task(state.task.name).items():
            if (members := wanted.get(unit_of(path))) is not None:
                members.append(pending)
        for unit, members in sorted(wanted.items()):
            blockers = await self._blockers(state, unit, members)
            if not blockers:
                released += members
                continue
            wait = because(Code.WAIT_UNIT, unit=unit, blocker=blockers[0], blockers=len(blockers))
            for pending in members:
                if pending.ready:
                    others = tuple(reason for reason in pending.conditions if reason.code != Code.WAIT_UNIT)
                    pending.conditions = (*others, wait)
                    pending.due = self._clock.monotonic() + _LOOK_AGAIN
                    self._pending.put(pending)
        return released

    async def _blockers(self, state: TaskState, unit: bytes, members: Sequence[Pending]) -> list[bytes]:
        """Files of the unit that are not ready: pending ones, and what a walk finds that nobody has told of."""
        blockers = [pending.path for pending in members if not pending.ready]
        if blockers or (len(members) == 1 and members[0].path == unit):
            return blockers
        known = {pending.path: pending for pending in members}
        async for batch in state.source.scan(unit):
            unseen: list[Content] = []
            for found in batch:
                if isinstance(found, Refused):
                    continue
                pending = known.get(found.path)
                if pending is not None:
                    if pending.fingerprint is None or pending.fingerprint[0] != found.version:
                        pending.ready = False
                        pending.due = self._clock.monotonic()
                        self._pending.put(pending)  # nobody else may look at it again
                        blockers.append(found.path)
                elif filters.partial_pattern(found.path.rpartition(b"/")[2]) is not None:
                    if not await self._claims.unwanted(state.task, found.path):
                        blockers.append(found.path)
                elif filters.judge(state.task.filter, found.path, found.size) is None:
                    unseen.append(found.content)
            unknown = await self._planner.unknown(state.task, unseen)
            for path in [path for path, _, _ in unseen if path in unknown]:
                if await self._claims.unwanted(state.task, path):
                    continue
                blockers.append(path)
                if self._pending.get(state.task.name, path) is not None:
                    continue  # sighted meanwhile
                now = self._clock.monotonic()
                self._pending.put(Pending(task=state.task.name, path=path, quiet_since=now, event_seen=True, due=now))
        return blockers
