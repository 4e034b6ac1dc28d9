"""One agent process as the daemon sees it: calls with deadlines, and what becomes of it when it does not answer."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from cloudgather.agent.channel import Channel
from cloudgather.agent.deadlines import Deadlines
from cloudgather.agent.operation import AgentError, Operation
from cloudgather.agent.spawning import spawn
from cloudgather.ports.clock import Clock
from cloudgather.ports.target import AgentLost, Stalled

logger = logging.getLogger(__name__)

# A look at the deadlines that comes later than this was itself held up (suspend, SIGSTOP): nobody else is to blame.
_SLACK: Final = 1.0
# How long the news that the process has ended may come after its socket closed.
_OBITUARY: Final = 1.0


class AgentProcess:
    """Starts on creation, in the running loop's thread. Usable until it stalls, is idle for too long, or ends."""

    def __init__(self, *, clock: Clock, deadlines: Deadlines, label: str) -> None:
        self.label = label
        self._clock = clock
        self._deadlines = deadlines
        self._loop = asyncio.get_running_loop()
        self._operations: dict[int, Operation] = {}
        self._ids = itertools.count(1)
        self._stalled = False
        self._leaving = False
        self._killed: float | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._checked = clock.monotonic()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._child, connection = spawn(self._reaped)
        self._channel = Channel(connection, received=self._received, closed=self._hung_up)
        self._rest()

    # ---- what is known of it

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def usable(self) -> bool:
        """Whether it takes new work."""
        return self._channel.is_open and not self._stalled and not self._leaving

    @property
    def gone(self) -> bool:
        """Whether it has ended and was reaped: nothing that it did can happen any more."""
        return self._child.how is not None

    @property
    def busy(self) -> int:
        """Operations that it has not answered, those given up included."""
        return len(self._operations)

    @property
    def killed(self) -> bool:
        """Whether it had to be: it hung, or did not leave when it was asked to."""
        return self._killed is not None

    @property
    def unreaped(self) -> bool:
        """Whether the kernel does not let it die: it was killed, long enough ago."""
        return (
            not self.gone
            and self._killed is not None
            and self._clock.monotonic() - self._killed >= self._deadlines.reap
        )

    @property
    def blames_target(self) -> bool:
        """Whether it hangs in its target, and not, or not only, in a source."""
        sides = {operation.side for operation in self._operations.values() if operation.stalled}
        return sides != {"source"}

    def stalled_sources(self) -> frozenset[bytes]:
        """The source roots that its operations hang in."""
        stalled = (operation for operation in self._operations.values() if operation.stalled)
        return frozenset(
            operation.params["source_root"]
            for operation in stalled
            if operation.side == "source" and "source_root" in operation.params
        )

    def awaited(self) -> set[asyncio.Future[Any]]:
        """The answers that somebody may wait for."""
        return {operation.answer for operation in self._operations.values() if not operation.answer.done()}

    def acting(self) -> frozenset[bytes]:
        """The temporaries that an operation of it was given and may still write or rename."""
        if self.gone:
            return frozenset()
        params = [operation.params for operation in self._operations.values()]
        whole = {each["temporary"] for each in params if "temporary" in each}
        return frozenset(whole.union(part[1] for each in params for part in each.get("each", ())))

    # ---- work

    async def call(
        self,
        op: str,
        params: Mapping[str, Any],
        *,
        factor: float = 1.0,
        side: str = "target",
        progress: Callable[[Any], None] | None = None,
    ) -> Any:
        """The result of `op`. Raises AgentError, Stalled as soon as a step has passed its deadline, and AgentLost.

        All deadlines are stretched by `factor`; `side` is who is to blame until the agent says on which side it
        stands. Cancelling stops the operation and waits for that, but no longer than deadlines.cancel.
        """
        operation = self._begin(op, params, factor=factor, side=side, progress=progress)
        try:
            await asyncio.wait({operation.answer})
        except asyncio.CancelledError:
            if not operation.answer.done():
                self._channel.send([operation.id, "cancel", {}])
                await asyncio.wait({operation.answer}, timeout=self._deadlines.cancel)
            raise
        return operation.answer.result()

    def tell(self, op: str, params: Mapping[str, Any]) -> None:
        """An operation whose answer does not matter."""
        self._channel.send([next(self._ids), op, dict(params)])

    def cancel_all(self) -> None:
        """Ask every operation to stop."""
        for operation in self._operations.values():
            self._channel.send([operation.id, "cancel", {}])

    def _begin(
        self,
        op: str,
        params: Mapping[str, Any],
        *,
        factor: float,
        side: str,
        progress: Callable[[Any], None] | None,
    ) -> Operation:
        limit = self._deadlines.start * factor
        operation = Operation(
            id=next(self._ids),
            params=params,
            factor=factor,
            answer=self._loop.create_future(),
            progress=progress,
            side=side,
            step=op,
            limit=limit,
            expires=self._clock.monotonic() + limit,
        )
        if not self.usable:
            operation.fail(self._loss(operation))
            return operation
        self._operations[operation.id] = operation
        self._channel.send([operation.id, op, dict(params)])
        self._wake()
        return operation

    def _received(self, message: Any) -> None:
        id, kind, body = message
        operation = self._operations.get(id)
        if operation is None:
            return
        match kind:
            case "ok":
                self._answered(operation)
                if not operation.answer.done():
                    operation.answer.set_result(body)
            case "error":
                self._answered(operation)
                operation.fail(AgentError(body))
            case "step":
                operation.step, operation.side, nbytes = body
                operation.limit = self._deadlines.of(operation.step, nbytes) * operation.factor
                operation.expires = self._clock.monotonic() + operation.limit
            case "progress":
                operation.expires = self._clock.monotonic() + operation.limit
                if operation.progress is not None and not operation.answer.done():
                    try:
                        operation.progress(body)
                    except Exception as error:  # a bug of its caller's, which must not cost others their answers
                        operation.fail(error)
                        self._channel.send([operation.id, "cancel", {}])

    def _answered(self, operation: Operation) -> None:
        del self._operations[operation.id]
        if self._operations:
            self._kill_if_stuck()
        elif self._stalled:
            self.leave()
        else:
            self._rest()

    # ---- deadlines

    def _wake(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._watch is None:
            self._checked = self._clock.monotonic()
            self._watch = self._loop.call_later(self._deadlines.tick, self._check)

    def _rest(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if not self._leaving:
            self._set_patience(self._deadlines.idle, self.leave)

    def _check(self) -> None:
        now = self._clock.monotonic()
        late = now - self._checked - self._deadlines.tick
        self._checked = now
        self._watch = self._loop.call_later(self._deadlines.tick, self._check)
        for operation in self._operations.values():
            if late > _SLACK:
                operation.expires += late
            elif not operation.stalled and now >= operation.expires:
                self._stall(operation)
        self._kill_if_stuck()

    def _stall(self, operation: Operation) -> None:
        operation.stalled = self._stalled = True
        message = f"no answer within {operation.limit:g} s"
        logger.warning(
            "agent %d of %s: %s on the %s side: %s", self.pid, self.label, operation.step, operation.side, message
        )
        operation.fail(
            Stalled(errno=None, step=operation.step, side=operation.side, message=message, limit=operation.limit)
        )

    def _kill_if_stuck(self) -> None:
        if self._operations and all(operation.stalled for operation in self._operations.values()):
            self.kill()

    # ---- the end

    def leave(self) -> None:
        """Ask it to end, which it does at once where it can; kill it if it does not. Repeatable."""
        if self._leaving:
            return
        self._leaving = True
        self._channel.close()
        self._set_patience(self._deadlines.leave, self.kill)

    def kill(self) -> None:
        """SIGKILL, and AgentLost for what it works on. Repeatable; waits for nothing."""
        self._stop_timers()
        self._channel.close()
        if self._killed is None and not self.gone:
            self._killed = self._clock.monotonic()
            self._child.kill()
        self._lose_all()

    def forget(self) -> None:
        """Let go of it, dead or alive, without waiting: for the end of the daemon."""
        self.kill()
        self._child.forget()

    def _hung_up(self) -> None:
        # Its exit status is worth a moment: it is all that is known of why.
        self._set_patience(_OBITUARY, self.kill)

    def _reaped(self) -> None:
        self._stop_timers()
        self._channel.close()
        self._lose_all()
        self._operations.clear()
        if not self.ended.done():
            self.ended.set_result(None)

    def _lose_all(self) -> None:
        for operation in self._operations.values():
            operation.fail(self._loss(operation))

    def _loss(self, operation: Operation) -> AgentLost:
        message = f"agent {self.pid} {self._child.how or 'was killed'}"
        return AgentLost(errno=None, step=operation.step, side=operation.side, message=message)

    def _set_patience(self, span: float, then: Callable[[], None]) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._loop.call_later(span, then)

    def _stop_timers(self) -> None:
        for timer in (self._watch, self._patience):
            if timer is not None:
                timer.cancel()
        self._watch = self._patience = None
