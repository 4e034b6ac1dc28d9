"""One connection: its calls in, their answers and the events out, within its bounds."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

from cgwire import events
from cgwire.access import Access
from cgwire.codec import CLOSED, Answer, Call, Frames, Malformed, encode_notice
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.control.answering import answered, refusal
from cloudgather.control.bounds import Account, Bounds, Full
from cloudgather.control.handlers import Handlers
from cloudgather.control.outlet import Outlet, Overrun
from cloudgather.control.peers import Credentials, credentials
from cloudgather.control.turns import Turns
from cloudgather.pipeline.events import Subscription

logger = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Lives from `began` until the peer has gone and none of its calls runs any more; then `ended` is told."""

    def __init__(
        self,
        *,
        handlers: Handlers,
        bounds: Bounds,
        account: Account,
        turns: Turns,
        began: Callable[["Connection"], None],
        ended: Callable[["Connection"], None],
        complain: Callable[[Credentials, str], None],
    ) -> None:
        self._handlers = handlers
        self._bounds = bounds
        self._account = account
        self._turns = turns
        self._began = began
        self._ended = ended
        self._complain = complain
        self._admitted = False
        self._held = 0  # bytes that the account counts for us
        self._deadline: asyncio.TimerHandle | None = None  # of the call that has not come whole yet
        self._calls: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None
        self._finishing = False  # nothing more is taken; it closes when its calls are answered
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is and whether there is room."""
        self._transport = cast(asyncio.Transport, transport)
        self._outlet = Outlet(self._transport, unread=self._bounds.unread, unsent=self._bounds.unsent_events)
        self._peer = credentials(transport.get_extra_info("socket"))
        self._began(self)
        admin = self._handlers.peers.access(self._peer) >= Access.ADMIN
        self._frames = Frames(self._bounds.admin_request if admin else self._bounds.request)
        try:
            self._account.admit(self._peer.uid, admin=admin)
            self._admitted = True
        except Full as full:
            self._turn_away(str(full))

    def data_received(self, data: bytes) -> None:
        """Take the calls in it."""
        if not self._finishing:
            self._frames.push(data)
            self._take_calls()

    def eof_received(self) -> bool:
        """The peer sends no more; it still gets its answers, but no events: it may have gone altogether."""
        self.finish()
        return bool(self._calls)

    def pause_writing(self) -> None:
        """The peer does not read."""
        self._outlet.pause()

    def resume_writing(self) -> None:
        """It does again."""
        self._outlet.resume()

    def connection_lost(self, error: Exception | None) -> None:
        """The peer has gone. Its calls run to their end: what they do must not be left half done."""
        self._lost = True
        self.finish()
        self._outlet.close()
        self._hold(0)
        self._end_if_done()

    def finish(self) -> None:
        """Take no more calls; close when those that run are answered."""
        self._finishing = True
        self._stop_deadline()
        if self._subscription is not None:
            self._subscription.close()
        if not self._calls:
            self._transport.close()

    def abort(self) -> None:
        """Stop what runs and drop the connection."""
        for task in self._calls:
            task.cancel()
        self._transport.abort()

    def _take_calls(self) -> None:
        taken = False
        try:
            while len(self._calls) < self._bounds.calls and (message := self._frames.take()) is not None:
                taken = True
                match message:
                    case Call():
                        self._start(self._call(message), f"control:{message.method[:64]}")
                    case Answer():
                        raise Malformed("an answer to nothing that was asked")
            self._hold(self._frames.pending)
        except (Malformed, Full) as error:
            self._turn_away(str(error))
        else:
            self._mind_the_rest(taken)

    def _mind_the_rest(self, taken: bool) -> None:
        """What is left over either waits for its turn, and nothing is read meanwhile, or has not come whole yet."""
        busy = len(self._calls) >= self._bounds.calls
        if busy:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
        if taken or busy:
            self._stop_deadline()
        if self._frames.pending and not busy and self._deadline is None:
            span = self._bounds.incomplete
            late = f"a request that is not whole after {span:g} s"
            self._deadline = asyncio.get_running_loop().call_later(span, self._turn_away, late)

    async def _call(self, call: Call) -> None:
        await self._turns.turn(self._peer.uid)
        answer = await answered(call, handlers=self._handlers, peer=self._peer, most=self._bounds.reply)
        frame, subscription = answer.frame, answer.subscription
        if subscription is not None and (self._subscription is not None or self._finishing):
            subscription.close()
            subscription = None
            frame = refusal(call.id or 0, because(Code.ERROR_BAD_REQUEST, message="one subscription per connection"))
        self._subscription = self._subscription or subscription
        if call.id is not None:
            await self._send(frame)
        if subscription is not None:
            self._start(self._tell(subscription), "control:events")

    async def _send(self, frame: bytes) -> None:
        """Ends once the peer has taken it (or has gone), so that unread answers count as calls that run."""
        try:
            self._account.send(self._peer.uid, len(frame))
            await self._outlet.ready()
            self._outlet.write(frame)
            await self._outlet.ready()
        except Full as full:
            self._complain(self._peer, str(full))
            self._transport.abort()
        finally:
            self._account.send(self._peer.uid, -len(frame))

    async def _tell(self, subscription: Subscription) -> None:
        try:
            async for happening in subscription:
                self._outlet.tell(encode_notice(events.NOTICE, happening))
            overrun = subscription.lost
        except Overrun:
            overrun = True
        finally:
            subscription.close()
        if overrun:
            self._complain(self._peer, "a subscriber that does not read")
            self._transport.abort()

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._calls.add(task)
        task.add_done_callback(self._call_ended)

    def _call_ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a connection failed", exc_info=task.exception())
            self._transport.abort()
        if self._lost:
            self._end_if_done()
        elif not self._finishing:
            self._take_calls()
        elif not self._calls:
            self._transport.close()

    def _turn_away(self, why: str) -> None:
        """Tell the peer why, and close; what it sent before is still done, but nobody is told."""
        self._complain(self._peer, why)
        self._finishing = True
        self._stop_deadline()
        self._outlet.write(encode_notice(CLOSED, because(Code.ERROR_CLOSED, message=why).to_wire()))
        self._transport.close()

    def _hold(self, held: int) -> None:
        change, self._held = held - self._held, held
        self._account.hold(change)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_if_done(self) -> None:
        if not self._calls:
            if self._admitted:
                self._account.leave(self._peer.uid)
            self._ended(self)
