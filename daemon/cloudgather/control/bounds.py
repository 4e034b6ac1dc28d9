"""How much of the daemon its peers may take, and the count of what they have."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from cgwire.codec import ADMIN_REQUEST_LIMIT, REPLY_LIMIT, REQUEST_LIMIT

# Of the descriptors that the process may have; the others are for watches, agents, the database and the log.
_SHARE_OF_DESCRIPTORS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bytes, seconds and numbers; smaller ones make tests quick."""

    request: int = REQUEST_LIMIT
    admin_request: int = ADMIN_REQUEST_LIMIT
    reply: int = REPLY_LIMIT
    received: int = 64 * 1024 * 1024  # held in all for requests that are not handled yet
    replies: int = 256 * 1024 * 1024  # held in all until they are read
    replies_of_user: int = 64 * 1024 * 1024
    unsent_events: int = 1024 * 1024  # of one subscriber that does not read
    incomplete: float = 10.0  # seconds from the first byte of a request to its last
    unread: float = 60.0  # seconds in which what was sent is taken
    calls: int = 16  # of one connection at once
    connections_of_user: int = 64
    connections: int = 1024  # in all; an admin is let in beyond it

    def with_descriptors(self, limit: int) -> "Bounds":
        """For a process that may have `limit` descriptors."""
        return replace(self, connections=min(self.connections, int(limit * _SHARE_OF_DESCRIPTORS)))


class Full(Exception):
    """A bound is reached; the text says which."""


class Account:
    """What all connections together have taken."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._connections: Counter[int] = Counter()
        self._held = 0
        self._sending: Counter[int] = Counter()

    def admit(self, uid: int, *, admin: bool) -> None:
        """One more connection of the user; raises Full, and then it does not count."""
        if self._connections[uid] >= self._bounds.connections_of_user:
            raise Full(f"more than {self._bounds.connections_of_user} connections of one user")
        if not admin and self._connections.total() >= self._bounds.connections:
            raise Full(f"more than {self._bounds.connections} connections")
        self._connections[uid] += 1

    def leave(self, uid: int) -> None:
        """One connection of the user fewer."""
        self._connections[uid] -= 1
        if not self._connections[uid]:
            del self._connections[uid]

    def hold(self, change: int) -> None:
        """So many bytes more (or fewer) are held; raises Full, and then they count all the same."""
        self._held += change
        if change > 0 and self._held > self._bounds.received:
            raise Full(f"more than {self._bounds.received} bytes of requests in all")

    def send(self, uid: int, change: int) -> None:
        """So many bytes of answers more (or fewer) wait for the user; raises Full, and they count all the same."""
        self._sending[uid] += change
        if not self._sending[uid]:
            del self._sending[uid]
        if change > 0 and self._sending[uid] > self._bounds.replies_of_user:
            raise Full(f"more than {self._bounds.replies_of_user} bytes of unread answers of one user")
        if change > 0 and self._sending.total() > self._bounds.replies:
            raise Full(f"more than {self._bounds.replies} bytes of unread answers in all")

    @property
    def connections(self) -> int:
        """How many there are."""
        return self._connections.total()

    @property
    def bytes(self) -> int:
        """How many are held, of calls and of answers."""
        return self._held + self._sending.total()
