"""A control server on a scratch socket with operations that are told what to answer, and clients that are not ours."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from cgwire.access import Access
from cgwire.codec import REPLY_LIMIT, Answer, Call, Frames
from cloudgather.control.bounds import Bounds
from cloudgather.control.handlers import HANDLERS, Handlers
from cloudgather.control.peers import Peers
from cloudgather.control.server import ControlServer
from cloudgather.control.users import Users
from cloudgather.core.caller import Caller
from cloudgather.pipeline.events import Bus

Reply = Mapping[str, Any] | Callable[[Any, Caller], Awaitable[Mapping[str, Any]]]


class FakeOperations:
    """Answers each operation with what `replies` has for it, or with its name; remembers what was asked."""

    def __init__(self, **replies: Reply) -> None:
        self.asked: list[tuple[str, Any, Caller]] = []
        self.replies = replies

    def __getattr__(self, name: str) -> Any:
        if name not in HANDLERS.values():
            raise AttributeError(name)

        async def operation(request: Any, caller: Caller) -> Mapping[str, Any]:
            self.asked.append((name, request, caller))
            reply = self.replies.get(name, {"operation": name})
            return await reply(request, caller) if callable(reply) else reply

        return operation


@dataclass(kw_only=True)
class Served:
    """A server that runs."""

    path: str
    server: ControlServer
    operations: FakeOperations
    bus: Bus
    handlers: Handlers


@asynccontextmanager
async def serving(
    folder: Path,
    operations: FakeOperations | None = None,
    *,
    grants: Mapping[int, Access] | None = None,
    bounds: Bounds | None = None,
) -> AsyncIterator[Served]:
    """Run a server for the block. Whoever runs the test is the daemon's own user, and so admin."""
    operations = operations or FakeOperations()
    bus = Bus()
    peers = Peers(grants or {}, {gid: f"group-{gid}" for gid in grants or {}}, users=Users(within=60.0))
    handlers = Handlers(operations=operations, bus=bus, peers=peers)
    path = str(folder / "control.sock")
    server = ControlServer(path, handlers=handlers, bounds=bounds)
    await server.start()
    try:
        yield Served(path=path, server=server, operations=operations, bus=bus, handlers=handlers)
    finally:
        await server.stop(grace=0.2)


class _Arrivals(asyncio.Protocol):
    """Everything that arrives, in order, and None at the end, also when that end is a reset."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def data_received(self, data: bytes) -> None:
        self.queue.put_nowait(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.queue.put_nowait(None)


@dataclass(kw_only=True)
class Client:
    """An asyncio client that sends any bytes and reads messages."""

    transport: asyncio.WriteTransport
    arrivals: asyncio.Queue[bytes | None]
    frames: Frames = field(default_factory=lambda: Frames(REPLY_LIMIT))

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def call(self, id: int, method: str, **params: Any) -> None:
        self.send(msgpack.packb([0, id, method, [params]]))

    async def receive(self) -> Answer | Call | None:
        """The next message; None at the end of the stream."""
        while (message := self.frames.take()) is None:
            if not (data := await self.arrived()):
                return None
            self.frames.push(data)
        return message

    async def arrived(self) -> bytes | None:
        """The next bytes; None at the end of the stream, once."""
        async with asyncio.timeout(60):
            return await self.arrivals.get()

    async def ask(self, method: str, **params: Any) -> Answer:
        self.call(1, method, **params)
        answer = await self.receive()
        assert isinstance(answer, Answer)
        return answer

    async def refused(self, method: str, **params: Any) -> Mapping[str, Any]:
        answer = await self.ask(method, **params)
        assert answer.error is not None
        return answer.error

    async def closed_because(self) -> str:
        """What the daemon says before it closes the connection."""
        notice = await self.receive()
        assert isinstance(notice, Call)
        assert notice.method == "closed"
        assert await self.receive() is None
        message: str = notice.params["message"]
        return message


@asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Client]:
    """A client for the block."""
    transport, protocol = await asyncio.get_running_loop().create_unix_connection(_Arrivals, served.path)
    try:
        yield Client(transport=transport, arrivals=protocol.queue)
    finally:
        transport.abort()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that other tasks bring about."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (conditions of all kinds, that no asyncio.Event tells)
            await asyncio.sleep(0.002)


_CLIENT = """
import contextlib, os, socket, sys
path, uid, gid, groups = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
frames = sys.stdin.buffer.read()
os.setgroups([int(group) for group in groups.split(",") if group])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
with socket.socket(socket.AF_UNIX) as client:
    client.connect(path)
    with contextlib.suppress(OSError):  # the daemon may have closed it already
        client.sendall(frames)
        client.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionResetError):  # what we had sent was not read to its end
        while data := client.recv(65536):
            sys.stdout.buffer.write(data)
"""


async def ask_as(path: str, *, uid: int, gid: int, groups: Sequence[int], frames: bytes) -> list[Any]:
    """What another user's process is answered (needs root)."""
    arguments = [path, str(uid), str(gid), ",".join(map(str, groups))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLIENT, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate(frames)
    assert process.returncode == 0
    unpacker = msgpack.Unpacker()
    unpacker.feed(output)
    return list(unpacker)


def blocking(path: str) -> socket.socket:
    """A connected socket that nobody reads."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    return client
