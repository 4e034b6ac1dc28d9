"""Puts right what a crash, a kill or a lost mount left half done: copies, renames, temporaries."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from typing import Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.agent.protocol import ASIDE
from cloudgather.core.naming import shown, sibling, split
from cloudgather.core.transfer import Event, Sent, State, Transfer
from cloudgather.pipeline.board import TargetState
from cloudgather.pipeline.recording import Recorder, move_of
from cloudgather.pipeline.transfer import Carrier
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Chosen, Move, Overtaken, QueueStore, StoreUnavailable
from cloudgather.ports.target import AlreadyStanding, Failed, Stalled, Standing, TargetHeld

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_SWEEP_AGAIN: Final = 60.0  # seconds after which temporaries that could not be removed are tried again


class Found(Enum):
    """What a look at the target says of a transfer that was being published."""

    WHOLE = "whole"  # the temporary is there and whole, and nobody's file is in its way: rename it
    PUBLISHED = "published"  # the final name is it
    PERHAPS = "perhaps"  # the final name has its size, but might be what stood there before: read it
    LOST = "lost"  # neither, or somebody else's file has come to stand there


def judge(transfer: Transfer, temporary: Standing | None, final: Standing | None) -> Found:
    """Sort what stands under the temporary and the final name; `transfer.sent` says what was recorded."""
    sent = transfer.sent
    if sent is None:
        return Found.LOST
    if temporary is not None and temporary.size == sent.size:
        return Found.LOST if _is_in_the_way(transfer, sent, final) else Found.WHOLE
    if final is None or not final.is_file or final.size != sent.size:
        return Found.LOST
    if sent.standing is None:
        return Found.PUBLISHED
    if sent.mtime_ns is not None and final.mtime_ns == sent.mtime_ns != sent.standing[1]:
        return Found.PUBLISHED
    return Found.PERHAPS


def _is_in_the_way(transfer: Transfer, sent: Sent, final: Standing | None) -> bool:
    """Another file than stood there when the rename was recorded, and than ours: the rules must judge it first."""
    if final is None or transfer.replace:
        return False
    return final.size != sent.size and (sent.standing is None or final.size != sent.standing[0])


class Recovery:
    """Runs before a target gets new work: at start, and whenever something was left behind."""

    def __init__(
        self,
        *,
        store: QueueStore,
        clock: Clock,
        recorder: Recorder,
        carrier: Carrier,
        may_still_act: Callable[[bytes], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._carrier = carrier
        self._may_still_act = may_still_act

    async def at_start(self, lanes: Sequence[TargetState]) -> None:
        """Put interrupted copies back and list what was being published; touches no target."""
        copying = await self._store.transfers(Chosen(states=frozenset({State.COPYING})), limit=1_000_000)
        reason = because(Code.RETRY_INTERRUPTED)
        if copying:
            await self._recorder.record([Move(copying, Event.DEFER, reason=reason)])
        for transfer in await self._store.transfers(Chosen(states=frozenset({State.PUBLISHING})), limit=1_000_000):
            for lane in lanes:
                if lane.spec.name == transfer.target:
                    lane.unresolved.add(transfer.id)
        littered = {debris.target for debris in await self._store.debris()}
        for lane in lanes:
            lane.littered = lane.spec.name in littered

    async def take_up(self, lane: TargetState) -> None:
        """Before a target is served, again or for the first time: what nobody works on is put back or listed."""
        mine = Chosen(target=lane.spec.name, states=frozenset({State.COPYING, State.PUBLISHING}))
        reason = because(Code.RETRY_INTERRUPTED)
        for transfer in await self._store.transfers(mine, limit=1_000_000):
            if transfer.id in lane.moving:
                continue
            if transfer.state is State.PUBLISHING:
                lane.unresolved.add(transfer.id)
                continue
            with contextlib.suppress(Overtaken):
                await self._recorder.record([move_of(transfer, Event.DEFER, reason=reason)])
        lane.littered = lane.littered or bool(await self._store.debris(lane.spec.name))

    async def tidy(self, lane: TargetState, *, resting: bool = False) -> None:
        """Finish or undo interrupted renames, unless the target rests; remove temporaries. What cannot be now waits."""
        try:
            if lane.unresolved and not resting:
                await self._resolve(lane)
            if lane.littered and self._clock.monotonic() >= lane.sweep_at:
                await self._sweep(lane)
        except TargetHeld as held:
            lane.littered = True
            lane.hold = held.reason
        except StoreUnavailable:
            lane.littered = True
            raise
        except Failed as error:
            lane.littered = True
            logger.warning("cannot tidy %s: %s", lane.spec.name, error)

    async def after_a_bug(self, lane: TargetState, batch: Sequence[Transfer]) -> None:
        """A bug must not lose or repeat a transfer for ever: it fails, visibly, or what was renamed is found out."""
        lane.littered = True
        for transfer in batch:
            now = await self._recorder.insist(partial(self._store.transfer, transfer.id))
            if now is None or now.tries != transfer.tries:
                continue  # it was put back, and another batch may have it
            if now.state is State.COPYING:
                with contextlib.suppress(Overtaken):
                    await self._recorder.record([move_of(now, Event.GIVE_UP, reason=because(Code.FAIL_INTERNAL))])
            elif now.state is State.PUBLISHING:
                lane.unresolved.add(now.id)

    async def _resolve(self, lane: TargetState) -> None:
        """One that cannot be resolved now keeps the others from nothing."""
        for id in sorted(lane.unresolved):
            try:
                await self._resolve_one(lane, id)
            except Stalled:
                raise
            except Failed as error:
                logger.warning("cannot find out what became of %d: %s", id, error)
            except Overtaken:
                logger.warning("%d was moved by somebody else", id)

    async def _resolve_one(self, lane: TargetState, id: int) -> None:
        transfer = await self._store.transfer(id)
        if transfer is None or transfer.state is not State.PUBLISHING or transfer.temporary is None:
            lane.unresolved.discard(id)
            if transfer is not None and transfer.state is State.WRITTEN:
                self._carrier.confirm_later(lane)
            return
        if self._may_still_act(transfer.temporary):
            return  # the agent that was told to rename it has not died yet
        aside = sibling(transfer.destination, transfer.temporary)
        found = await self._find(lane, transfer, aside)
        if found is Found.WHOLE:
            await self._carrier.publish(lane, [transfer], durable=True)
            if id not in lane.unresolved:
                await self._remove_replaced(lane, transfer, aside)
                return
            if lane.hold is not None or self._may_still_act(transfer.temporary):
                return
            found = await self._find(lane, transfer, aside)  # what answers with an error may have happened all the same
        if found is Found.PUBLISHED:
            await lane.port.barrier([split(transfer.destination)[0]])
            await self._remove_replaced(lane, transfer, aside)
            await self._carrier.finish(lane, [transfer])
        else:
            await self._undo(lane, transfer, aside)

    async def _find(self, lane: TargetState, transfer: Transfer, aside: bytes) -> Found:
        """What the target shows of it; PERHAPS only where reading it does not tell either."""
        temporary, final = await lane.port.look([aside, transfer.destination])
        found = judge(transfer, temporary, final)
        if found is not Found.PERHAPS or transfer.sent is None:
            return found
        same = await lane.port.digest(transfer.destination) == transfer.sent.digest
        return Found.PUBLISHED if same else Found.LOST

    async def _remove_replaced(self, lane: TargetState, transfer: Transfer, aside: bytes) -> None:
        """Where a rename does not replace, the old file was moved aside; the new one stands, so it may go now.

        One that cannot be removed now is debris; seldom, so that a sweep later is not what every one has to wait for.
        """
        old_aside = aside + ASIDE
        gone: Sequence[bytes] = ()
        try:
            gone = await lane.port.sweep([old_aside])
        except (Failed, TargetHeld) as error:  # what it is asked next is told so as well
            logger.warning("cannot tidy %s: %s", lane.spec.name, error)
        if old_aside not in gone:
            await self._recorder.insist(partial(self._store.leave, transfer, old_aside))
            lane.littered = True

    async def _put_back_replaced(self, lane: TargetState, transfer: Transfer, aside: bytes) -> None:
        """The new one was lost after the old file had stepped aside for it: that gets its name back, if it is free."""
        old_aside = aside + ASIDE
        (old,) = await lane.port.look([old_aside])
        if old is not None:
            name = split(old_aside)[1]
            try:
                await lane.port.publish(transfer.destination, name, old.size, durable=True, over=False)
            except AlreadyStanding:  # it may be the only copy of what somebody had there: that is not ours to remove
                logger.warning(
                    "%d: what was to be replaced is left as %s: another file has its name",
                    transfer.id,
                    shown(old_aside),
                )

    async def _undo(self, lane: TargetState, transfer: Transfer, aside: bytes) -> None:
        """Send it again: nothing of it stands under its final name."""
        if lane.hold is not None or (transfer.temporary and self._may_still_act(transfer.temporary)):
            return
        if transfer.sent is not None and transfer.sent.standing is not None:
            await self._put_back_replaced(lane, transfer, aside)
        if (move := self._carrier.unpublished(lane, transfer)) is None:
            return
        await self._recorder.record([move])
        lane.unresolved.discard(transfer.id)
        lane.littered = True

    async def _sweep(self, lane: TargetState) -> None:
        """Unlink the temporaries that the store lists for this target, and nothing else; what stays is tried again."""
        lane.littered = False
        known = await self._store.debris(lane.spec.name)
        left = [debris for debris in known if not self._may_still_act(split(debris.path)[1])]
        if len(left) < len(known):
            lane.littered = True  # an agent that has not died yet may still make the others
        for start in range(0, len(left), _AT_ONCE):
            some = left[start : start + _AT_ONCE]
            gone = set(await lane.port.sweep([debris.path for debris in some]))
            await self._store.swept([debris.id for debris in some if debris.path in gone])
            if len(gone) < len(some):
                lane.littered = True
                lane.sweep_at = self._clock.monotonic() + _SWEEP_AGAIN
