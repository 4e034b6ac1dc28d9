"""The names of users, which the system may take its time to tell."""

import asyncio
import contextlib
import pwd
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WITHIN: Final = 1.0  # seconds that somebody may wait for a name
AGAIN: Final = 60.0  # seconds after which a user who had no name is asked for once more


def name_of(uid: int) -> str | None:
    """What the system calls the user, None: nothing that it knew just now; it may take as long as it likes."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    named: "asyncio.Future[str | None]"
    until: float  # when nobody waits for it any more, by the loop's clock
    again: float  # when it may be asked once more


class Users:
    """Each is asked for in a thread of its own: a directory service (LDAP, AD) that hangs must not hang the loop, nor
    the interpreter's exit.
    """

    def __init__(
        self, *, within: float = WITHIN, again: float = AGAIN, name_of: Callable[[int], str | None] = name_of
    ) -> None:
        self._within = within
        self._again = again
        self._name_of = name_of
        self._asked: dict[int, _Asked] = {}

    async def name(self, uid: int) -> str:
        """The user's name, or its number where there is none or the system has not told in time.

        A name that comes too late is known from then on.
        """
        now = asyncio.get_running_loop().time()
        asked = self._asked.get(uid)
        if asked is None or (now >= asked.again and asked.named.done() and asked.named.result() is None):
            asked = _Asked(named=self._ask(uid), until=now + self._within, again=now + self._again)
            self._asked[uid] = asked
        if not asked.named.done():
            await asyncio.wait([asked.named], timeout=max(0.0, asked.until - now))
        return (asked.named.result() if asked.named.done() else None) or str(uid)

    def _ask(self, uid: int) -> "asyncio.Future[str | None]":
        loop = asyncio.get_running_loop()
        named: asyncio.Future[str | None] = loop.create_future()

        def look_up() -> None:
            name = self._name_of(uid)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(named.set_result, name)

        threading.Thread(target=look_up, name=f"user-{uid}", daemon=True).start()
        return named
