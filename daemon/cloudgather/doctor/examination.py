"""The whole examination: all parts, at the same time where they do not need each other, and a bound on all of it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.fleet import Fleet
from cloudgather.config.settings import Settings
from cloudgather.core.mounts import Mount
from cloudgather.core.target import TargetSpec
from cloudgather.core.task import Task
from cloudgather.doctor.bounds import within
from cloudgather.doctor.checks import Check, bad
from cloudgather.doctor.clocks import examine_clock, examine_zone, offset
from cloudgather.doctor.control_socket import examine_socket
from cloudgather.doctor.ground import Ground, read_ground
from cloudgather.doctor.program import examine_msgpack, examine_user
from cloudgather.doctor.sources import Examined, examine_source
from cloudgather.doctor.targets import examine_target
from cloudgather.doctor.watches import examine_watches
from cloudgather.outside.clock import SystemClock
from cloudgather.outside.mounts import MountTable
from cloudgather.outside.threads import on_thread
from cloudgather.store.opening import DATABASE

T = TypeVar("T")

_GROUND: Final = 12.0
_PARTS: Final = 25.0  # with _GROUND and _GRACE under 45 s
_GRACE: Final = 4.0
_DEADLINES: Final = Deadlines(start=10.0, quick=8.0, write=8.0, listing=8.0, flush=8.0, cancel=1.0, leave=1.0, reap=1.0)
# Each takes a process or two threads.
_AT_ONCE: Final = 8


async def examine(file: str) -> Sequence[Check]:
    """Every finding, in a fixed order; takes 45 s at most, whatever hangs. Changes nothing on the machine."""
    began = offset()
    try:
        mounts = _mounts()
    except OSError:
        return [bad("proc", because(Code.DOCTOR_NO_PROC)), examine_msgpack(), examine_user()]
    ground = await _bounded(
        _GROUND,
        on_thread(partial(read_ground, file, mounts), "config"),
        lambda reason: Ground(checks=[bad("config", reason)]),
    )
    surroundings = await _surroundings(ground, mounts)
    settings = ground.settings
    files = [file] if settings is None else [file, os.path.join(settings.state_dir, DATABASE)]
    return [
        *ground.checks,
        *surroundings,
        examine_clock(began, files),
        examine_zone(None if settings is None else settings.timezone),
        examine_msgpack(),
        examine_user(),
    ]


def _mounts() -> Sequence[Mount]:
    table = MountTable()
    try:
        return table.current()
    finally:
        table.close()


async def _surroundings(ground: Ground, mounts: Sequence[Mount]) -> list[Check]:
    """Socket, sources, watches and targets."""
    configuration = ground.configuration
    tasks = () if configuration is None else tuple(configuration.tasks.values())
    specs = () if configuration is None else tuple(configuration.targets.values())
    fleet = Fleet(clock=SystemClock(), deadlines=_DEADLINES)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def source(task: Task) -> Examined:
        async with gate:
            return await examine_source(task, mounts, fleet)

    async def target(spec: TargetSpec) -> Check:
        async with gate:
            return await examine_target(spec, ground.targets, mounts, fleet)

    try:
        socket, sources, targets = await asyncio.gather(
            _socket(ground.settings),
            asyncio.gather(*(_bounded(_PARTS, source(task), partial(_no_source, task)) for task in tasks)),
            asyncio.gather(*(_bounded(_PARTS, target(spec), partial(_no_target, spec)) for spec in specs)),
        )
    finally:
        await fleet.stop(_GRACE)
    watched = [examined.census for examined in sources if examined.census is not None]
    checks = [check for examined in sources for check in examined.checks]
    running = any(check.reason.code == Code.DOCTOR_SOCKET for check in socket)
    return [*socket, *checks, *examine_watches(watched, running=running), *targets]


async def _socket(settings: Settings | None) -> Sequence[Check]:
    if settings is None:
        return []
    look = on_thread(partial(examine_socket, settings.socket), "socket")
    return [await _bounded(_PARTS, look, lambda reason: bad("socket", reason))]


def _no_source(task: Task, reason: Reason) -> Examined:
    return Examined(checks=[bad("source", reason, subject=task.name)])


def _no_target(spec: TargetSpec, reason: Reason) -> Check:
    return bad("target", reason, subject=spec.name)


async def _bounded(seconds: float, awaited: Awaitable[T], otherwise: Callable[[Reason], T]) -> T:
    """What it gives; where it does not end in time, what `otherwise` makes of that."""
    try:
        return await within(seconds, awaited)
    except TimeoutError:
        return otherwise(because(Code.DOCTOR_UNFINISHED, seconds=seconds))
