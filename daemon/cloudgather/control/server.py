"""The control server: listens on the Unix socket and minds its connections."""

import asyncio
import logging
import sys
from typing import Any, Final

from cloudgather.control.address import BACKLOG, Address, listen
from cloudgather.control.bounds import Account, Bounds
from cloudgather.control.connection import Connection
from cloudgather.control.handlers import Handlers
from cloudgather.control.peers import Credentials
from cloudgather.control.turns import Turns

logger = logging.getLogger(__name__)

_QUIET: Final = 60.0  # seconds between two lines about the same user
# asyncio takes its backlog for the number of connections to accept at once, too. Those that are turned away are closed
# only after that, so they must not be more than there are descriptors left.
_ACCEPTED: Final = 64
# From Python 3.13 on asyncio would unlink the file by itself, before we have looked whose it is.
_KEEP_FILE: Final[dict[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}


class ControlServer:
    """Serves from start() to stop(); what one connection does costs the others nothing."""

    def __init__(self, path: str, *, handlers: Handlers, bounds: Bounds | None = None) -> None:
        self._path = path
        self._handlers = handlers
        self._bounds = bounds or Bounds()
        self._account = Account(self._bounds)
        self._turns = Turns()
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._complained: dict[int, float] = {}
        self._address: Address | None = None
        self._server: asyncio.Server | None = None

    @property
    def account(self) -> Account:
        """What the connections have taken."""
        return self._account

    async def start(self) -> None:
        """Listen; raises address.AddressUnusable, for one when another daemon listens there."""
        self._address = listen(self._path)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            self._connect, sock=self._address.socket, backlog=_ACCEPTED, **_KEEP_FILE
        )
        self._address.socket.listen(BACKLOG)
        logger.info("listening on %s", self._path)

    async def stop(self, grace: float = 2.0) -> None:
        """Accept nothing more, let running calls end within `grace` seconds, then drop what is left."""
        if self._server is None or self._address is None:
            return
        self._address.remove()
        self._server.close()
        for connection in tuple(self._connections):
            connection.finish()
        if not await self._emptied(grace):
            for connection in tuple(self._connections):
                connection.abort()
            await self._emptied(grace)
        self._server = self._address = None

    def _connect(self) -> Connection:
        return Connection(
            handlers=self._handlers,
            bounds=self._bounds,
            account=self._account,
            turns=self._turns,
            began=self._began,
            ended=self._ended,
            complain=self._complain,
        )

    def _began(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._empty.clear()
        if self._address is None:  # accepted while we stopped
            connection.abort()

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def _emptied(self, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _complain(self, peer: Credentials, what: str) -> None:
        """Log why a connection was closed, once a minute per user: no user can fill the log."""
        now = asyncio.get_running_loop().time()
        if now - self._complained.get(peer.uid, -_QUIET) >= _QUIET:
            self._complained[peer.uid] = now
            logger.warning("closed the connection of pid %d of uid %d: %s", peer.pid, peer.uid, what)
