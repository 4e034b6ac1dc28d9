"""Hands queued transfers to their targets' agents: when a target may work, how much at once, and what stops it."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core import holds
from cloudgather.core.target import Profile
from cloudgather.core.task import WindowEnd
from cloudgather.core.transfer import Event, Transfer
from cloudgather.pipeline.batches import Batches
from cloudgather.pipeline.board import Board, TargetState
from cloudgather.pipeline.edges import until_edge
from cloudgather.pipeline.journal import english
from cloudgather.pipeline.portions import portion
from cloudgather.pipeline.pressure import Pressure
from cloudgather.pipeline.recover import Recovery
from cloudgather.pipeline.seeing import see
from cloudgather.pipeline.transfer import Carrier
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import DailyLimitSpent, QueueStore, StoreUnavailable
from cloudgather.ports.target import Failed, TargetHeld

logger = logging.getLogger(__name__)

_LOOK_AT_LEAST_EVERY: Final = 30.0
_AT_LEAST: Final = 0.05
# A held target is asked again at once when the mount table changes, and else this often while something waits for it.
_PROBE_EVERY: Final = 15.0
_PRESSURE_EVERY: Final = 5.0  # what is local is looked at often: rclone goes on without telling anybody

Tell = Callable[[str], None]


class Dispatcher:
    """One loop a target. `wake` it when something may have changed; it also looks every 30 s by itself."""

    def __init__(
        self,
        *,
        store: QueueStore,
        board: Board,
        clock: Clock,
        carrier: Carrier,
        recovery: Recovery,
        target_changed: Tell,
        look_at_clock: Callable[[], Awaitable[None]],
        pressure: Pressure,
        claimed: Callable[[Sequence[Transfer], Event], None] = lambda transfers, event: None,
    ) -> None:
        self._store = store
        self._board = board
        self._clock = clock
        self._carrier = carrier
        self._recovery = recovery
        self._target_changed = target_changed
        self._look_at_clock = look_at_clock
        self._pressure = pressure
        self._claimed = claimed
        self._wakes: dict[str, asyncio.Event] = {}

    def wake(self, target: str | None = None) -> None:
        """Look again: at this target, or at all."""
        for name, event in self._wakes.items():
            if target is None or name == target:
                event.set()

    def mounts_changed(self) -> None:
        """A held target may be back, and one that rests because its mount had failed. Or it was another mount."""
        for lane in self._board.targets.values():
            lane.probe_at = lane.sweep_at = 0.0
            if lane.breaker.reason is not None and lane.breaker.reason.code == Code.FAIL_MOUNT:
                lane.breaker = lane.breaker.brought_forward(self._clock.now())
        self.wake()

    def agent_ended(self, target: str) -> None:
        """One that hung may have been what its target waits for."""
        lane = self._board.targets.get(target)
        if lane is not None and (lane.hold is not None or lane.unresolved or lane.littered):
            lane.probe_at = 0.0
            self.wake(target)

    def cancel(self, ids: Iterable[int], event: Event, reason: Reason) -> int:
        """End these running transfers that way; counts those that were running."""
        count = 0
        for id in ids:
            moving = self._board.moving(id)
            if moving is None or moving.ending is not None:
                continue
            moving.turn.end(id, event, reason)
            if moving.task is not None:
                moving.task.cancel()
            count += 1
        return count

    async def serve(self, name: str) -> None:
        """Work for one target until cancelled; what it runs is then interrupted and put back."""
        wake = self._wakes[name] = asyncio.Event()
        batches = Batches(
            board=self._board,
            clock=self._clock,
            carrier=self._carrier,
            recovery=self._recovery,
            changed=partial(self.wake, name),
        )
        taken_up = False
        served: TargetState | None = None
        try:
            while True:
                wake.clear()
                if (lane := self._board.targets.get(name)) is None:  # it has left the configuration
                    await wake.wait()
                    continue
                served = lane
                try:
                    await self._try_store(lane)
                    if not taken_up:
                        await self._take_up(lane)
                        taken_up = True
                    wait = await self._fill(lane, batches)
                    self._tell_hold(lane)
                    await self._remember_breaker(lane)
                except StoreUnavailable as refused:
                    self._board.store_hold = refused.reason
                    wait = 5.0
                wait = min(wait, until_edge(self._board, lane), _LOOK_AT_LEAST_EVERY)
                await wait_for_either(wake.wait(), self._clock.sleep(max(wait, _AT_LEAST)))
        finally:
            await batches.interrupt()
            if served is not None and self._board.targets.get(name) is served:
                with contextlib.suppress(StoreUnavailable):
                    await self._remember_breaker(served)  # it may have opened since
            if self._wakes.get(name, wake) is wake:  # else another serves it already, and has taken up what was left
                self._wakes.pop(name, None)
                if served is not None and not self._board.stopping:
                    with contextlib.suppress(StoreUnavailable):  # then the next start does it
                        await self._take_up(served)
                        self.wake()  # it may go elsewhere now

    async def _take_up(self, lane: TargetState) -> None:
        """What nobody works on, be it that a claim was on its way to the disk when whoever made it was ended."""
        await self._store.answers()
        await self._recovery.take_up(lane)

    async def _try_store(self, lane: TargetState) -> None:
        """While it could not commit, nothing is begun that could not be recorded."""
        if self._board.store_hold is not None:
            # What could not be written of any of them.
            for each in [lane, *self._board.targets.values()]:
                await self._store.remember_target(each.memory)
            for name in list(self._board.tasks):
                if (task := self._board.tasks.get(name)) is not None:  # else it has left meanwhile, and is forgotten
                    await self._store.remember_task(task.memory)
            self._board.store_hold = None

    async def _fill(self, lane: TargetState, batches: Batches) -> float:
        """Start what may start; answers with the seconds after which to look again."""
        name = lane.spec.name
        self._tell_hold(lane)
        self._end_what_the_window_stops(lane)
        if self._board.holds_of_daemon() or lane.memory.paused:
            return _LOOK_AT_LEAST_EVERY
        asked_for = lane.hold is not None and lane.probe_at == 0.0  # so that a hold does not outlive its cause
        if not asked_for and (wait := await self._until_work(lane)) > 0:
            lane.limits = ()
            return wait
        if not await self._reachable(lane):
            return _PROBE_EVERY
        await self._recovery.tidy(lane, resting=lane.breaker.is_open(self._clock.now()))
        if any(reason not in lane.limits for reason in self._board.holds_of_target(name)):
            return self._until_free(lane)
        while (count := batches.room(lane)) > 0:
            if (reason := await self._pressure.hold(lane)) is not None:
                return await self._pressed(lane, reason)
            most = portion(lane, count, singly=self._pressure.looks_at_each(lane))
            if lane.spec.daily_limit is not None:
                await self._look_at_clock()  # else a clock put forward would free what was spent today
            try:
                claimed = await self._store.claim(
                    name,
                    now=self._clock.now(),
                    count=most.most_files,
                    most_bytes=most.most_bytes,
                    except_tasks=self._board.held_tasks(),
                    daily_limit=lane.spec.daily_limit,
                    busy=batches.busy() if most.apart else None,
                )
            except DailyLimitSpent as spent:
                return self._limited(lane, holds.of_daily_limit(lane.spec, spent.size, spent.spending))
            lane.limits = ()
            lane.backlog.claimed(len(claimed))
            if not claimed:
                return await self._until_due(lane)
            full = lane.spec.profile is Profile.DISK and len(claimed) == most.most_files
            for transfers in most.dealt(claimed):
                batches.begin(lane, transfers, full=full)
                self._claimed(transfers, Event.CLAIM)
        return _LOOK_AT_LEAST_EVERY

    async def _pressed(self, lane: TargetState, reason: Reason) -> float:
        """That little is free is nothing to tell of while nothing waits for it."""
        if (wait := await self._until_due(lane)) > 0:
            lane.limits = ()
            return wait
        lane.limits = (reason,)
        return _PRESSURE_EVERY

    def _limited(self, lane: TargetState, reason: Reason) -> float:
        """It is looked at again when something ends, and at the instant that the reason names."""
        lane.limits = (reason,)
        until = reason.facts.get("until")
        return _LOOK_AT_LEAST_EVERY if until is None else until - self._clock.now().timestamp()

    def _end_what_the_window_stops(self, lane: TargetState) -> None:
        for name, state in self._board.tasks.items():
            if state.task.window_end is WindowEnd.STOP and (closed := _window(self._board.holds_of_task(name))):
                theirs = [id for id, moving in lane.moving.items() if moving.transfer.task == name]
                self.cancel(theirs, Event.DEFER, closed)
        if lane.spec.window_end is WindowEnd.STOP and (closed := _window(self._board.holds_of_target(lane.spec.name))):
            self.cancel(lane.moving, Event.DEFER, closed)

    # ---- is the target there? ----------------------------------------------------------------------------------------

    async def _until_work(self, lane: TargetState) -> float:
        """The seconds after which there may be something to do for it; 0: there is now."""
        if lane.unresolved or lane.littered or lane.moving:
            return 0.0
        return await self._until_due(lane)

    async def _reachable(self, lane: TargetState) -> bool:
        """Ask a target that is held, or that was never seen; not more often than it is worth."""
        if lane.hold is None and lane.is_known:
            return True
        now = self._clock.monotonic()
        if now < lane.probe_at:
            return False
        lane.probe_at = now + _PROBE_EVERY
        try:
            await see(lane, self._store)
        except TargetHeld as held:
            lane.hold = held.reason
            return False
        except Failed as error:
            facts = {"target": lane.spec.name, "step": error.step, "seconds": error.limit or 0}
            lane.hold = because(Code.HELD_STALLED, **facts)
            return False
        lane.hold = None
        return True

    def _tell_hold(self, lane: TargetState) -> None:
        """Log and announce what holds it now, whoever found that out, if it is something else than before."""
        held = [lane.hold] if lane.hold is not None else list(lane.limits)
        code = held[0].code if held else None
        if code != lane.told:
            lane.told = code
            told = english(held[0]) if held else "goes on"
            logger.log(logging.WARNING if lane.hold else logging.INFO, "target %s: %s", lane.spec.name, told)
            self._target_changed(lane.spec.name)

    async def _remember_breaker(self, lane: TargetState) -> None:
        """So that an open one survives a restart."""
        breaker, memory = lane.breaker, lane.memory
        now = (breaker.until, breaker.opened, breaker.reason)
        if now != (memory.breaker_until, memory.breaker_opened, memory.breaker_reason):
            lane.memory = replace(
                memory, breaker_until=breaker.until, breaker_opened=breaker.opened, breaker_reason=breaker.reason
            )
            await self._store.remember_target(lane.memory)

    # ---- how long to wait --------------------------------------------------------------------------------------------

    async def _until_due(self, lane: TargetState) -> float:
        due = await self._store.next_due(lane.spec.name, except_tasks=self._board.held_tasks())
        if due is None:
            return _LOOK_AT_LEAST_EVERY
        return max(0.0, (due - self._clock.now()).total_seconds())

    def _until_free(self, lane: TargetState) -> float:
        if lane.hold is not None:
            return _PROBE_EVERY
        now = self._clock.now()
        if lane.breaker.until is None or not lane.breaker.is_open(now):
            return _LOOK_AT_LEAST_EVERY
        return (lane.breaker.until - now).total_seconds()


def _window(held: Sequence[Reason]) -> Reason | None:
    """The one that says that it is outside the upload window."""
    return next((reason for reason in held if reason.code == Code.HELD_WINDOW), None)
