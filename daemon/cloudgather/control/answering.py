"""From a call to the frame that answers it, whatever happens on the way."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cgwire.codec import Call, encode_answer, encode_error
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.control.handlers import Handlers
from cloudgather.control.peers import Credentials
from cloudgather.core.caller import Refused
from cloudgather.pipeline.events import Subscription

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What goes back."""

    frame: bytes
    subscription: Subscription | None = None  # its events follow the frame


async def answered(call: Call, *, handlers: Handlers, peer: Credentials, most: int) -> Answered:
    """Never raises: a bug is logged and answered with error.internal, a reply of more than `most` bytes refused.

    A notification is handled alike; its frame is for nobody.
    """
    id = call.id or 0
    try:
        caller = await handlers.peers.caller(peer)
        match await handlers.answer(call.method, call.params, caller):
            case Subscription() as subscription:
                return Answered(frame=encode_answer(id, {}), subscription=subscription)
            case reply:
                return Answered(frame=_bounded(id, reply, most))
    except Refused as refused:
        return Answered(frame=refusal(id, refused.reason))
    except Exception:
        logger.exception("%s, asked by pid %d of uid %d, failed", call.method, peer.pid, peer.uid)
        return Answered(frame=refusal(id, because(Code.ERROR_INTERNAL)))


def refusal(id: int, reason: Reason) -> bytes:
    """The frame that says no."""
    try:
        return encode_error(id, reason.to_wire())
    except (TypeError, ValueError, OverflowError):
        logger.exception("cannot send the facts of %s", reason.code)
        return encode_error(id, because(reason.code).to_wire())


def _bounded(id: int, reply: Mapping[str, Any], most: int) -> bytes:
    frame = encode_answer(id, reply)
    if len(frame) > most:
        raise Refused(because(Code.ERROR_TOO_LARGE, most=most))
    return frame
