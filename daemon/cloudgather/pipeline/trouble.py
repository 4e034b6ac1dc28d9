"""Tells a target's hold and breaker what went wrong there, and what follows for the transfer."""

from collections.abc import Callable

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.failure import Failure, sort_errno, sort_other
from cloudgather.core.retry import GiveUp, RetryAt, judge
from cloudgather.core.transfer import Event, Transfer
from cloudgather.pipeline.board import TargetState
from cloudgather.pipeline.recording import move_of
from cloudgather.ports.clock import Clock
from cloudgather.ports.queue import Move
from cloudgather.ports.target import Failed, TargetHeld


class Trouble:
    """`luck` (0..1) spreads what failed together."""

    def __init__(self, *, clock: Clock, luck: Callable[[], float]) -> None:
        self._clock = clock
        self._luck = luck

    def of(self, lane: TargetState, transfer: Transfer, error: Failed) -> Move:
        """The move of a transfer whose copy has failed so."""
        return self.following(lane, transfer, self._noted(lane, error))

    def following(self, lane: TargetState, transfer: Transfer, failure: Failure) -> Move:
        """The move of a transfer for a failure that the target's breaker has heard of already."""
        now = self._clock.now()
        match judge(failure, attempts=transfer.attempts, spec=lane.spec, now=now, luck=self._luck()):
            case RetryAt(when=when, why=why, spend=spend):
                return move_of(transfer, Event.DEFER, reason=why, due=when, spend=spend)
            case GiveUp(why=why):
                return move_of(transfer, Event.GIVE_UP, reason=why, spend=True)

    def unpublished(self, lane: TargetState, transfer: Transfer) -> Move | None:
        """What follows where nothing of it stands under its final name; None: nothing yet, its target is in trouble."""
        failure = lane.refused.pop(transfer.id, None)
        if failure is None:
            return move_of(transfer, Event.UNPUBLISH, reason=because(Code.RETRY_UNPUBLISHED), spend=True)
        now = self._clock.now()
        match judge(failure, attempts=transfer.attempts, spec=lane.spec, now=now, luck=self._luck()):
            case RetryAt(spend=False):
                return None
            case RetryAt(when=when, why=why):
                return move_of(transfer, Event.UNPUBLISH, reason=why, due=when, spend=True)
            case GiveUp(why=why):
                return move_of(transfer, Event.GIVE_UP, reason=why, spend=True)

    def note(self, lane: TargetState, error: Failed | TargetHeld) -> Failure | None:
        """Let the target's hold or breaker know; the failure as it was sorted, if it was one."""
        if isinstance(error, TargetHeld):
            lane.hold = error.reason
            return None
        return self._noted(lane, error)

    def _noted(self, lane: TargetState, error: Failed) -> Failure:
        failure = sorted_failure(error)
        if error.side == "target":
            lane.breaker = lane.breaker.after_failure(
                failure, now=self._clock.now(), luck=self._luck(), first=lane.spec.retry_first
            )
        return failure


def sorted_failure(error: Failed) -> Failure:
    """core.failure's answer for an error of a port."""
    if error.errno is not None:
        return sort_errno(error.errno, step=error.step, side=error.side, message=error.message)
    return sort_other(error.step, message=error.message, limit=error.limit)
