"""Looks up the addresses of hosts."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

from cloudgather.outside.threads import on_thread

_WITHIN: Final = 10.0


async def addresses_of(host: str) -> Sequence[str]:
    """The numeric addresses of a host; raises OSError, TimeoutError among them, where none can be found."""

    def look_up() -> Sequence[str]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return sorted({str(address[0]) for *_, address in found})

    async with asyncio.timeout(_WITHIN):
        return await on_thread(look_up, "look up")
