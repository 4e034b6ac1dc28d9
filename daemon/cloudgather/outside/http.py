"""HTTP with one program that is asked again and again: bounded in time and size, no redirect, no cookie kept."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.ports.uploads import CannotAsk

if TYPE_CHECKING:
    import aiohttp

_CONNECT: Final = 5.0  # seconds
_ANSWER: Final = 30.0
_HEARTBEAT: Final = 30.0
_LARGEST: Final = 64 << 20
_PIECE: Final = 1 << 20


class NoAnswer(Exception):
    """Nothing came back, or too much; the text says what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    cookies: Mapping[str, str]

    @property
    def text(self) -> str:
        """The body, as far as it is text."""
        return self.body.decode(errors="replace")


class Conversation:
    """Requests below one address, over connections that stay open between them.

    Raises CannotAsk where what speaks HTTP is not installed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        path: str = "",
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float = _ANSWER,
    ) -> Answer:
        """What answers at `path`; raises NoAnswer. `body` goes as JSON, `form` as a form, with `files` in parts."""
        session = self._opened()
        import aiohttp

        data: Any = form
        if files:
            data = aiohttp.FormData()
            for name, value in (form or {}).items():
                data.add_field(name, value)
            for name, content in files.items():
                data.add_field(name, content, filename=name, content_type="application/octet-stream")
        limits = aiohttp.ClientTimeout(total=patience, sock_connect=_CONNECT)
        try:
            async with session.request(
                method,
                self._url + path,
                params=query,
                data=data,
                json=body,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                received = bytearray()
                async for piece in response.content.iter_chunked(_PIECE):
                    received += piece
                    if len(received) > _LARGEST:
                        raise NoAnswer(f"an answer of more than {_LARGEST >> 20} MiB")
                cookies = {name: morsel.value for name, morsel in response.cookies.items()}
                return Answer(status=response.status, body=bytes(received), headers=response.headers, cookies=cookies)
        except TimeoutError:
            raise NoAnswer("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(_words(error)) from error

    async def listen(self, begun: Callable[[], None], heard: Callable[[str], None]) -> None:
        """Open a WebSocket and hear each text that comes, until the other side ends it; raises NoAnswer."""
        opening = self._opened().ws_connect(self._url, heartbeat=_HEARTBEAT, max_msg_size=_PIECE)
        import aiohttp

        try:
            async with asyncio.timeout(_CONNECT):
                socket = await opening
            async with socket:
                begun()
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        heard(message.data)
        except TimeoutError:
            raise NoAnswer("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(_words(error)) from error

    def _opened(self) -> "aiohttp.ClientSession":
        try:
            import aiohttp  # only where a downloader is asked: it costs 15 MB
        except ImportError as error:
            raise CannotAsk(because(Code.DOWNLOADER_NO_CLIENT)) from error

        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Close the connections; the next request opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _words(error: Exception) -> str:
    """What went wrong below aiohttp, whose own words for it are long, and of TLS not told by every release."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted here: {cause.verify_message}"
        case ssl.SSLError():  # its numbers are no errno
            return f"TLS: {cause.reason or cause}"
        case socket.gaierror():
            return str(cause.strerror)
        case OSError() if cause.errno and cause.errno > 0:
            return os.strerror(cause.errno)  # asyncio puts more than that into strerror
    return str(error) or type(error).__name__
