"""A client at work on a web server whose answers a test gives."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.outside.aria2 import Aria2
from cloudgather.outside.qbittorrent import QBittorrent
from cloudgather.outside.transmission import Transmission
from fakes.web import Answered, answering


class _Client(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_Client)
T = TypeVar("T")
Answer = Callable[[str, bytes], bytes | Answered]


def qbittorrent(url: str) -> QBittorrent:
    """A client of the one there."""
    return QBittorrent(DownloaderSpec(name="qb", kind=Kind.QBITTORRENT, url=url), warn=lambda *_: None)


def aria2(url: str) -> Aria2:
    """A client of the one there."""
    return Aria2(DownloaderSpec(name="aria2", kind=Kind.ARIA2, url=url))


def transmission(url: str) -> Transmission:
    """A client of the one there."""
    return Transmission(DownloaderSpec(name="tr", kind=Kind.TRANSMISSION, url=url))


def talking(
    client_at: Callable[[str], C],
    answer: Answer,
    work: Callable[[C], Awaitable[T]],
    *,
    cookies: Callable[[str], None] = lambda _: None,
) -> T:
    """What `work` comes to with a client of a server that gives these answers."""

    async def run(url: str) -> T:
        client = client_at(url)
        try:
            return await work(client)
        finally:
            await client.close()

    with answering(answer, cookies=cookies) as url:
        return asyncio.run(run(url))
