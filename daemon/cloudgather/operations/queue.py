"""What an operator may ask of the queue."""

import logging
from dataclasses import replace
from typing import Final

from cgwire import history as history_wire
from cgwire import queue as wire
from cgwire import run as run_wire
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.mounts import is_below
from cloudgather.core.transfer import LIVE, Event, State, Transfer
from cloudgather.operations import describe
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.events import Subscription
from cloudgather.pipeline.redirecting import redirect
from cloudgather.pipeline.waiting import wait_for_either
from cloudgather.ports.queue import Chosen, PastMove

logger = logging.getLogger(__name__)

_MOST = 10_000
_PATIENCE: Final = 7.0  # seconds; an agent is given 5 to stop
# What moves, then what waits in the order in which it goes, then what has ended, newest first.
_SECTIONS: Final = (
    (frozenset({State.COPYING, State.PUBLISHING}), False),
    (frozenset({State.QUEUED}), False),
    (frozenset(State) - LIVE, True),
)


class QueueOperations:
    """queue.*, history.* and run.*."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def queue_list(self, request: wire.List, caller: Caller) -> WireMap:
        """Those that match, and how many there are in all."""
        store, chosen = self._world.store, _chosen(request, run=request.run)
        limit, offset, total = min(request.limit, _MOST), request.offset, 0
        found: list[Transfer] = []
        for states, newest_first in _SECTIONS:
            section = replace(chosen, states=states & chosen.states if chosen.states else states)
            if not section.states:
                continue
            count = await store.count(section)
            if len(found) < limit and offset < count:
                found += await store.transfers(
                    section, limit=limit - len(found), offset=offset, newest_first=newest_first
                )
            offset, total = max(0, offset - count), total + count
        return {"transfers": [describe.transfer(self._world, each) for each in found], "total": total}

    async def queue_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its history."""
        transfer = await self._world.store.transfer(request.id)
        if transfer is None:
            raise Refused(because(Code.ERROR_NO_SUCH_TRANSFER, id=request.id))
        history = await self._world.store.history(task=None, path=None, transfer=request.id, limit=200)
        moves = [describe.move(id, each) for id, each in history]
        return {"transfer": describe.transfer(self._world, transfer), "history": moves}

    async def queue_retry(self, request: wire.Retry, caller: Caller) -> WireMap:
        """Failed and cancelled ones are queued anew, waiting ones become due."""
        reason = because(Code.RETRY_OPERATOR, by=caller.user)
        count = await self._world.store.requeue(_ordered(request), reason=reason, now=self._world.clock.now())
        await redirect(self._world.store, self._world.board)  # its task may go elsewhere since it ended
        self._world.dispatcher.wake()
        return {"count": count}

    async def queue_cancel(self, request: wire.Cancel, caller: Caller) -> WireMap:
        """Queued and failed ones at once, running ones as soon as their copy has stopped: only then they count."""
        world, chosen = self._world, _ordered(request)
        reason = because(Code.CANCELLED_OPERATOR, by=caller.user)
        count = await world.store.cancel(chosen, reason=reason, now=world.clock.now())
        heard = world.bus.subscribe(frozenset({"transfer"}))
        try:
            running = [each.id for each in await world.store.transfers(_only(chosen, State.COPYING), limit=_MOST)]
            if running:
                world.dispatcher.cancel(running, Event.CANCEL, reason)
                await wait_for_either(self._stopped(set(running), heard, reason), world.clock.sleep(_PATIENCE))
        finally:
            heard.close()
        ending = 0
        if running:
            those = Chosen(ids=tuple(running))
            await world.store.cancel(those, reason=reason, now=world.clock.now())  # what went back to the queue instead
            count += await world.store.count(_only(those, State.CANCELLED))
            ending = await world.store.count(_only(those, State.COPYING))
        if count:
            logger.info("transfers cancelled by %s: %d", caller.user, count)
        return {"count": count, "ending": ending}

    async def _stopped(self, ids: set[int], heard: Subscription, reason: Reason) -> None:
        """Return when none of them is being copied any more."""
        async for happening in heard:
            if happening["id"] not in ids:
                continue
            if happening["event"] == Event.CLAIM:  # it was claimed already, and nobody could be told to stop yet
                self._world.dispatcher.cancel([happening["id"]], Event.CANCEL, reason)
            elif happening["state"] != State.COPYING:
                ids.remove(happening["id"])
                if not ids:
                    return

    async def queue_first(self, request: wire.First, caller: Caller) -> WireMap:
        """To the head of their target's queue."""
        count = await self._world.store.put_first(_ordered(request), now=self._world.clock.now())
        self._world.dispatcher.wake()
        return {"count": count}

    async def queue_clear(self, request: wire.Clear, caller: Caller) -> WireMap:
        """Ended ones leave the listing."""
        return {"count": await self._world.store.forget(_ordered(request), now=self._world.clock.now())}

    async def queue_pause(self, request: wire.Pause, caller: Caller) -> WireMap:
        """Everything waits; what runs is interrupted and goes back to the queue."""
        world = self._world
        await world.store.set_flag("queue-paused", "yes")
        world.board.queue_paused = True
        running = [id for lane in world.board.targets.values() for id in lane.moving]
        world.dispatcher.cancel(running, Event.DEFER, because(Code.HELD_QUEUE_PAUSED))
        return {}

    async def queue_resume(self, request: wire.Resume, caller: Caller) -> WireMap:
        """Go on."""
        await self._world.store.set_flag("queue-paused", None)
        self._world.board.queue_paused = False
        self._world.dispatcher.wake()
        return {}

    async def history_list(self, request: history_wire.List, caller: Caller) -> WireMap:
        """A page of history, newest first."""
        places: list[tuple[str | None, bytes | None]] = [(request.task, request.path)]
        if request.path is not None and request.path.startswith(b"/"):
            places = self._relative(request.path, request.task)
        limit = min(request.limit, _MOST)
        found: list[tuple[int, PastMove]] = []
        for task, path in places:
            found += await self._world.store.history(
                task=task,
                path=path,
                transfer=request.transfer,
                limit=limit,
                before_id=request.before,
                outcomes=request.outcomes,
            )
        found.sort(key=lambda each: -each[0])
        return {"moves": [describe.move(id, each) for id, each in found[:limit]]}

    def _relative(self, path: bytes, task: str | None) -> list[tuple[str | None, bytes | None]]:
        """The path as each task sees it that it lies in the source of."""
        found: list[tuple[str | None, bytes | None]] = [
            (state.task.name, path[len(state.task.source) :].lstrip(b"/"))
            for state in self._world.board.tasks.values()
            if task in (None, state.task.name) and path != state.task.source and is_below(path, state.task.source)
        ]
        if not found:
            raise Refused(because(Code.ERROR_OUTSIDE, path=path))
        return found

    async def run_list(self, request: run_wire.List, caller: Caller) -> WireMap:
        """Newest first."""
        runs = await self._world.store.runs(request.task, limit=min(request.limit, _MOST))
        return {"runs": [describe.run(self._world, each) for each in runs]}

    async def run_show(self, request: run_wire.Show, caller: Caller) -> WireMap:
        """One run."""
        run = await self._world.store.run(request.id)
        if run is None:
            raise Refused(because(Code.ERROR_NO_SUCH_RUN, id=request.id))
        return describe.run(self._world, run)


def _chosen(request: wire.Choice, *, run: int | None = None) -> Chosen:
    try:
        states = frozenset(State(name) for name in request.states)
    except ValueError:
        message = f"states are {', '.join(State)}"
        raise Refused(because(Code.ERROR_BAD_REQUEST, message=message)) from None
    return Chosen(
        ids=tuple(request.ids), task=request.task, target=request.target, states=states, glob=request.glob, run=run
    )


def _ordered(request: wire.Order) -> Chosen:
    """An order about nothing in particular must say that it means everything."""
    chosen = _chosen(request)
    if chosen == Chosen() and not request.all:
        raise Refused(because(Code.ERROR_NOTHING_CHOSEN))
    return chosen


def _only(chosen: Chosen, state: State) -> Chosen:
    if chosen.states and state not in chosen.states:
        return replace(chosen, ids=(0,))
    return replace(chosen, states=frozenset({state}))
