"""What an operator may ask of targets."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from cgwire import target as wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.amounts import rate, span
from cloudgather.core.bandwidth import RateOrder
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.mounts import mount_of
from cloudgather.core.retry import Breaker
from cloudgather.core.transfer import Event
from cloudgather.core.unfit import reason_of
from cloudgather.operations import describe
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.board import TargetState
from cloudgather.ports.queue import StoreUnavailable
from cloudgather.ports.target import Failed, TargetHeld

_SHOWN: Final = 5  # of what is put off
_SPAN: Final = span(timedelta(minutes=1), timedelta(days=30))

Value = TypeVar("Value")


class TargetOperations:
    """target.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def target_list(self, request: wire.List, caller: Caller) -> WireMap:
        """All targets; none is touched."""
        counts = await self._world.store.counts()
        spending = await self._world.store.spending(now=self._world.clock.now())
        lanes = self._world.board.targets.values()
        return {"targets": [describe.target(self._world, lane, counts, spending) for lane in lanes]}

    async def target_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its configuration, identity and the last report of a test."""
        lane = self._world.target(request.name)
        counts = await self._world.store.counts()
        spending = await self._world.store.spending(now=self._world.clock.now())
        identity = lane.memory.identity
        tasks = [name for name, state in self._world.board.tasks.items() if state.task.target == request.name]
        put_off = await self._world.store.put_off_there(request.name, limit=_SHOWN)
        return {
            **describe.target(self._world, lane, counts, spending),
            "config": describe.plain(lane.spec),
            "identity": describe.plain(identity) if identity else None,
            "facts": dict(lane.memory.facts) if lane.memory.facts else None,
            "tasks": tasks,
            "put_off": [describe.transfer(self._world, each) for each in put_off],
        }

    async def target_test(self, request: wire.Test, caller: Caller) -> WireMap:
        """Probe, then a file written, read, renamed and removed; what was found out is remembered."""
        lane = self._world.target(request.name)
        try:
            identity = await lane.port.probe()
            if lane.memory.identity is None and identity is not None:
                lane.memory = replace(lane.memory, identity=identity)
            report = {"held": [], **await lane.port.test()}
            lane.hold = None
        except TargetHeld as held:
            return {"held": [held.reason.to_wire()], "steps": []}
        except Failed as error:
            return {"held": [], "steps": [[error.step, False, error.limit or 0.0, error.message]]}
        await self._remember_target(lane, facts=report)
        self._world.dispatcher.wake(request.name)
        return report

    async def target_accept(self, request: wire.Accept, caller: Caller) -> WireMap:
        """Take what is at the root now as right; the operator answers for it."""
        lane = self._world.target(request.name)
        with self._world.asking(request.name):
            identity = await lane.port.current()
        await self._remember_target(lane, identity=identity)
        lane.hold, lane.probe_at = None, 0.0
        self._world.dispatcher.wake(request.name)
        return {"identity": describe.plain(identity)}

    async def target_pause(self, request: wire.Pause, caller: Caller) -> WireMap:
        """Its transfers wait; those that run are interrupted and go back to the queue."""
        lane = self._world.target(request.name)
        await self._remember_target(lane, paused=True)
        running = list(lane.moving)
        reason = because(Code.HELD_TARGET_PAUSED, target=request.name)
        self._world.dispatcher.cancel(running, Event.DEFER, reason)
        return {}

    async def target_resume(self, request: wire.Resume, caller: Caller) -> WireMap:
        """Go on, and try a target that was rested or held at once."""
        lane = self._world.target(request.name)
        await self._remember_target(lane, paused=False)
        lane.breaker, lane.probe_at = Breaker(), 0.0
        self._world.dispatcher.wake(request.name)
        return {}

    async def _remember_target(self, lane: TargetState, **changes: Any) -> None:
        """Nothing of it is in effect where it cannot be written; what others remember meanwhile stays."""
        before = {name: getattr(lane.memory, name) for name in changes}
        lane.memory = replace(lane.memory, **changes)
        try:
            await self._world.store.remember_target(lane.memory)
        except StoreUnavailable:
            lane.memory = replace(lane.memory, **before)
            raise

    async def target_limit(self, request: wire.Limit, caller: Caller) -> WireMap:
        """Takes effect at once, on running copies too."""
        lane = self._world.target(request.name)
        order = None if request.bandwidth is None else self._order(request.bandwidth, request.span)
        await self._remember_target(lane, rate_order=order)
        self._world.limiter.wake()
        return describe.bandwidth(self._world, lane)

    def _order(self, bandwidth: str, span: str) -> RateOrder:
        figure, lasts = _read("bandwidth", rate, bandwidth), _read("span", _SPAN, span)
        return RateOrder(rate=figure, until=self._world.clock.now() + lasts, span=lasts)

    async def target_mounts(self, request: wire.Mounts, caller: Caller) -> WireMap:
        """What is mounted, kernel interfaces left out, and which targets lie there."""
        mounts = self._world.mounts()
        by_mount: dict[int, str] = {}
        for name, lane in self._world.board.targets.items():
            if (mount := mount_of(lane.spec.root, mounts)) is not None:
                by_mount.setdefault(mount.id, name)
        return {
            "mounts": [
                {
                    "mount_point": mount.mount_point,
                    "fs_type": mount.fs_type,
                    "source": mount.source,
                    "read_only": mount.read_only,
                    "is_remote": mount.is_remote,
                    "target": by_mount.get(mount.id),
                }
                for mount in mounts
                if not mount.is_pseudo
            ]
        }


def _read(parameter: str, reader: Callable[[object], Value], given: str) -> Value:
    try:
        return reader(given)
    except ValueError as error:
        cause = reason_of(error).to_wire()
        raise Refused(because(Code.ERROR_BAD_REQUEST, parameter=parameter, cause=cause)) from error
