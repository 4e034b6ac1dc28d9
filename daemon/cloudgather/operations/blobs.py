"""What callers bring in pieces before they ask for something with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from cgwire import blob as wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.torrent import MOST_BYTES
from cloudgather.ports.clock import Clock

_KEPT: Final = 600.0  # seconds
_OF_ONE: Final = 4  # blobs of one user at once
_OF_ALL: Final = 16

WireMap = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class _Blob:
    uid: int
    data: bytearray = field(default_factory=bytearray)
    touched: float  # monotonic


class Blobs:
    """Each user's are that user's alone; raises Refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._blobs: dict[int, _Blob] = {}
        self._ids = count(1)

    def append(self, request: wire.Append, caller: Caller) -> WireMap:
        """The answer to blob.append."""
        now = self._clock.monotonic()
        self._blobs = {id: each for id, each in self._blobs.items() if now - each.touched < _KEPT}
        id = self._begun(caller, now) if request.blob is None else request.blob
        blob = self._of(id, caller)
        if len(blob.data) + len(request.data) > MOST_BYTES:
            del self._blobs[id]
            raise Refused(because(Code.ERROR_BAD_REQUEST, message=f"a blob has at most {MOST_BYTES} bytes"))
        blob.data += request.data
        blob.touched = now
        return {"blob": id, "size": len(blob.data)}

    def _begun(self, caller: Caller, now: float) -> int:
        mine = [each for each in self._blobs.values() if each.uid == caller.uid]
        if len(mine) >= _OF_ONE or len(self._blobs) >= _OF_ALL:
            raise Refused(
                because(Code.ERROR_BAD_REQUEST, message="too many blobs at once; each is kept for 10 minutes")
            )
        id = next(self._ids)
        self._blobs[id] = _Blob(uid=caller.uid, touched=now)
        return id

    def take(self, id: int, caller: Caller) -> bytes:
        """What the caller has brought under this id, which is used up by that, whatever becomes of the request."""
        found = self._of(id, caller)
        del self._blobs[id]
        return bytes(found.data)

    def _of(self, id: int, caller: Caller) -> _Blob:
        found = self._blobs.get(id)
        if found is None or found.uid != caller.uid:
            raise Refused(because(Code.ERROR_BAD_REQUEST, message="there is no such blob; it is kept for 10 minutes"))
        return found
