"""Calls of rclone's remote control: JSON over HTTP, or over HTTP on a Unix socket."""

import base64
import json
import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.target import RemoteControl
from cloudgather.ports.uploads import CannotAsk

if TYPE_CHECKING:
    import aiohttp

_UNIX: Final = "unix:"
_CONNECT: Final = 5.0  # seconds
_ANSWER: Final = 30.0
_LARGEST: Final = 64 << 20


class CallRefused(Exception):
    """rclone answered with an error of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Calls:
    """One conversation, as `async with Calls(control) as calls`; the password is read anew for each."""

    def __init__(self, control: RemoteControl) -> None:
        self._control = control
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Calls":
        import aiohttp  # only where a target asks for it: it costs 15 MB

        control, headers = self._control, {}
        if control.user is not None:
            secret = base64.b64encode(f"{control.user}:{self._password()}".encode()).decode()
            headers["Authorization"] = f"Basic {secret}"
        connector: aiohttp.BaseConnector
        if control.address.startswith(_UNIX):
            connector = aiohttp.UnixConnector(path=control.address.removeprefix(_UNIX))
        else:
            connector = aiohttp.TCPConnector()
        self._session = aiohttp.ClientSession(connector=connector, headers=headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(self, method: str, *, patience: float = _ANSWER, **parameters: object) -> dict[str, Any]:
        """What rclone answers; raises CallRefused, and CannotAsk where nothing or nothing sensible answers."""
        import aiohttp

        assert self._session is not None
        limits = aiohttp.ClientTimeout(total=patience, sock_connect=_CONNECT)
        try:
            async with self._session.post(
                self._url(method), json=parameters, timeout=limits, allow_redirects=False
            ) as response:
                status, body = response.status, bytearray()
                async for piece in response.content.iter_chunked(1 << 20):
                    body += piece
                    if len(body) > _LARGEST:
                        raise self.cannot(f"{method}: an answer of more than {_LARGEST >> 20} MiB")
        except TimeoutError:
            raise self.cannot(f"{method}: no answer in time") from None
        except aiohttp.ClientConnectorError as error:
            raise self.cannot(_words(error.os_error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self.cannot(str(error) or type(error).__name__) from error
        return self._understood(method, status, bytes(body))

    def cannot(self, message: str) -> CannotAsk:
        """That rclone cannot be asked, and why."""
        return CannotAsk(because(Code.CONFIRM_UNREACHABLE, rc=self._control.address, message=message))

    def _understood(self, method: str, status: int, body: bytes) -> dict[str, Any]:
        if status == 401:
            raise self.cannot("it wants a user and a password, or others than these (401)")
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self.cannot(f"{method}: this is not rclone's remote control (HTTP status {status})")
        if status != 200:
            raise CallRefused(status, str(answer.get("error") or f"HTTP status {status}"))
        return answer

    def _url(self, method: str) -> str:
        address = "http://rclone" if self._control.address.startswith(_UNIX) else self._control.address
        return f"{address.rstrip('/')}/{method}"

    def _password(self) -> str:
        file = self._control.password_file
        if file is None:
            return ""
        try:
            with open(file, encoding="utf-8") as opened:
                return opened.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise self.cannot(f"its password cannot be read from {os.fsdecode(file)}: {_words(error)}") from error


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)  # asyncio puts more than that into strerror
    return str(error)
