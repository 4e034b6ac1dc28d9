"""A session with qBittorrent's WebUI: login, version, and what its refusals mean."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.downloader import DownloaderSpec
from cloudgather.outside.http import Answer, Conversation, NoAnswer
from cloudgather.outside.secrets import cause_of, secret_of
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk

_OLDEST: Final = (2, 8, 4)


class Session:
    """It is opened when it is needed, and anew when it has run out."""

    def __init__(self, spec: DownloaderSpec, *, anew: Callable[[], None]) -> None:
        """`anew` is called when another program may be at the other end."""
        self.spec = spec
        self.api: tuple[int, ...] | None = None  # of the program at the other end; None: not asked yet
        self._anew = anew
        self._http = Conversation(f"{spec.url}/api/v2")
        self._login = asyncio.Lock()
        self._headers: dict[str, str] = {}
        # Whom it lets in without a login it gives a session as well, at each request that names none: it would keep
        # thousands, and list all torrents in each.
        self._cookies: dict[str, str] = {}
        self._refused: bytes | None = None  # a digest of the name and password that it did not take

    def trust(self) -> None:
        """The name and password are right after all."""
        self._refused = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def get(self, path: str, *, accept: Sequence[int] = (200,), **query: str) -> Answer:
        """What it answers with one of these statuses; raises CannotAsk."""
        return await self._asked("GET", path, accept=accept, query=query)

    async def post(
        self,
        path: str,
        form: Mapping[str, str],
        *,
        files: Mapping[str, bytes] | None = None,
        accept: Sequence[int] = (200, 204),  # the latter from 5.2 on, where there is nothing to tell
    ) -> Answer:
        """The same where it is told to do something; raises DownloadRefused as well."""
        return await self._asked("POST", path, accept=accept, form=form, files=files)

    async def _asked(self, method: str, path: str, *, accept: Sequence[int], **parts: Any) -> Answer:
        await self._greet()
        cookies = self._cookies
        answer = await self._once(method, path, **parts)
        if answer.status == 403:  # the session has run out, or the program was started anew
            if cookies is self._cookies:  # nobody else has opened another meanwhile
                self._forget()
            await self._greet()
            answer = await self._once(method, path, **parts)
        if answer.status in accept:
            return answer
        if answer.status in (401, 403):
            self._forget()
            raise self._denied(answer.status)
        if method == "POST" and answer.status < 500:  # what is above a proxy says, or a program that is ill
            raise self.refusal(answer.text.strip() or f"HTTP status {answer.status}")
        raise self.foreign(f"{path}: HTTP status {answer.status}")

    async def _once(self, method: str, path: str, **parts: Any) -> Answer:
        cookies, headers = self._cookies, self._headers
        if cookies:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        try:
            answer = await self._http.ask(method, f"/{path}", headers=headers, **parts)
        except NoAnswer as error:
            self.api = None  # it may be another one by the time that it answers
            raise CannotAsk(self._because(Code.DOWNLOADER_UNREACHABLE, message=str(error))) from error
        cookies.update(answer.cookies)
        return answer

    def _forget(self) -> None:
        self.api, self._headers, self._cookies = None, {}, {}

    async def _greet(self) -> None:
        """Log in where that is needed, and learn the version; no-op where that is done."""
        async with self._login:
            if self.api is not None:
                return
            if self.spec.api_key_file is not None:
                self._headers = {"Authorization": f"Bearer {self._secret(self.spec.api_key_file)}"}
            answer = await self._once("GET", "app/webapiVersion")
            if answer.status == 403 and self.spec.api_key_file is None:
                await self._log_in()
                answer = await self._once("GET", "app/webapiVersion")
            if answer.status in (401, 403):
                raise self._denied(answer.status)
            text = answer.text.strip()
            parts = text.split(".")
            if answer.status != 200 or len(parts) > 4 or not all(part.isdecimal() and len(part) < 6 for part in parts):
                raise self.foreign(f"this is not qBittorrent's WebUI (HTTP status {answer.status})")
            version = tuple(int(part) for part in parts)
            if version < _OLDEST:
                needed = ".".join(str(part) for part in _OLDEST)
                raise CannotAsk(self._because(Code.DOWNLOADER_OLD, version=text, needed=needed))
            if version != self.api:
                self._anew()
            self.api = version

    async def _log_in(self) -> None:
        """Once; whoever was refused does not come again with the same name and password: five times is a ban."""
        user = self.spec.username
        if user is None:
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD))
        password = self._secret(self.spec.password_file) if self.spec.password_file is not None else ""
        shown = sha256(f"{user}\0{password}".encode()).digest()
        if shown == self._refused:
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=user))
        answer = await self._once("POST", "auth/login", form={"username": user, "password": password})
        if answer.status == 403:
            raise CannotAsk(self._because(Code.DOWNLOADER_BANNED))
        if answer.status == 401 or answer.text.strip() == "Fails.":
            self._refused = shown
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=user))
        if answer.status not in (200, 204) or not answer.cookies:
            raise self.foreign(f"its login cannot be understood (HTTP status {answer.status})")

    def _denied(self, status: int) -> CannotAsk:
        if status == 401:  # a wrong key is a 403
            return CannotAsk(self._because(Code.DOWNLOADER_HOST))
        return CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=self.spec.username))

    def _secret(self, file: bytes) -> str:
        try:
            return secret_of(file)
        except (OSError, ValueError) as error:
            raise CannotAsk(self._because(Code.DOWNLOADER_SECRET_FILE, file=file, message=cause_of(error))) from error

    def read(self, answer: Answer) -> dict[str, Any]:
        """The map that it answered with; raises CannotAsk."""
        try:
            read = json.loads(answer.body)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise self.foreign("its answer is not what qBittorrent gives")
        return read

    def foreign(self, message: str) -> CannotAsk:
        """It did not answer as it should."""
        return CannotAsk(self._because(Code.DOWNLOADER_FOREIGN, message=message))

    def refusal(self, message: str) -> DownloadRefused:
        """It will not do it, in its own words."""
        return DownloadRefused(self._because(Code.DOWNLOADER_REFUSED, message=message[:300]))

    def _because(self, code: Code, **facts: Any) -> Reason:
        return because(code, downloader=self.spec.name, url=self.spec.url, **facts)
