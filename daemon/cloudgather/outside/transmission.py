"""Transmission by its RPC, version 16 (3.00) and later, read only: ports.downloader.Downloader."""

import asyncio
import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.downloader import (
    About,
    DownloaderSpec,
    DownloadOrder,
    Item,
    ItemFile,
    Phase,
    Polled,
    folder_named,
)
from cloudgather.outside.answers import understood
from cloudgather.outside.http import Answer, Conversation, NoAnswer
from cloudgather.outside.secrets import cause_of, secret_of
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk

_RPC: Final = "/transmission/rpc"
_OLDEST: Final = 16
_SESSION: Final = "X-Transmission-Session-Id"
_FIELDS: Final = (
    "hashString", "name", "status", "isStalled", "error", "errorString", "metadataPercentComplete", "sizeWhenDone",
    "leftUntilDone", "rateDownload", "downloadDir", "uploadRatio", "secondsSeeding", "labels",
)  # fmt: skip
# libtransmission/transmission.h, tr_torrent_activity
_STOPPED, _CHECK_WAIT, _CHECK, _DOWNLOAD_WAIT, _DOWNLOAD, _SEED_WAIT, _SEED = range(7)
_PHASES: Final[Mapping[int, Phase]] = {
    _CHECK_WAIT: Phase.CHECKING,
    _CHECK: Phase.CHECKING,
    _DOWNLOAD_WAIT: Phase.QUEUED,
    _SEED_WAIT: Phase.SEEDING,
    _SEED: Phase.SEEDING,
}
_LOCAL_ERROR: Final = 3


class Transmission:
    """After the first poll it is asked for what was active lately only."""

    def __init__(self, spec: DownloaderSpec) -> None:
        self.spec = spec
        self._http = Conversation(spec.url if spec.url.endswith("/rpc") else spec.url + _RPC)
        self._session = ""
        self._refused: bytes | None = None  # a digest of the name and password that it did not take
        self._incomplete = b""  # the folder of what is not complete, where it uses one
        self._listed = False
        self._items: dict[str, Item] = {}

    async def about(self) -> About:
        """ports.downloader.Downloader."""
        self._refused = None
        session = await self._call("session-get")
        with understood("what it says of itself", self._foreign):
            return About(
                program=str(session["version"]),
                api=str(session["rpc-version"]),
                folder=folder_named(str(session["download-dir"])),
            )

    async def poll(self) -> Polled:
        """ports.downloader.Downloader."""
        try:
            with understood("its list", self._foreign):
                return await self._polled()
        except CannotAsk:
            self._listed = False  # what happened meanwhile may be no longer "recent" by the time that it answers
            raise

    async def _polled(self) -> Polled:
        if not self._listed:
            session = await self._call("session-get")
            if int(session["rpc-version"]) < _OLDEST:
                version, needed = str(session["rpc-version"]), str(_OLDEST)
                raise CannotAsk(self._because(Code.DOWNLOADER_OLD, version=version, needed=needed))
            enabled = session.get("incomplete-dir-enabled")
            self._incomplete = folder_named(str(session["incomplete-dir"])) if enabled else b""
        recent = {"ids": "recently-active"} if self._listed else {}
        answer = await self._call("torrent-get", fields=list(_FIELDS), **recent)
        told = {str(torrent["hashString"]): self._item(torrent) for torrent in answer["torrents"]}
        gone = frozenset(self._items.keys() - told.keys())
        if self._listed:
            # Those that are gone are told by numbers, which are others after a restart: the list says what is left.
            gone = frozenset() if not answer.get("removed") else await self._absent()
        self._listed = True
        changed = {id: item for id, item in told.items() if self._items.get(id) != item}
        self._items.update(changed)
        for id in gone:
            self._items.pop(id, None)
        return Polled(changed=changed, gone=gone)

    async def _absent(self) -> frozenset[str]:
        answer = await self._call("torrent-get", fields=["hashString"])
        return frozenset(self._items.keys() - {str(torrent["hashString"]) for torrent in answer["torrents"]})

    def _item(self, torrent: Mapping[str, Any]) -> Item:
        final, name = folder_named(str(torrent["downloadDir"])), str(torrent["name"])
        size, left, status = int(torrent["sizeWhenDone"]), int(torrent["leftUntilDone"]), int(torrent["status"])
        knows = float(torrent["metadataPercentComplete"]) >= 1
        return Item(
            id=str(torrent["hashString"]),
            name=name,
            phase=_phase(torrent, status, complete=knows and left == 0),
            final=final,
            current=self._incomplete if left and self._incomplete else final,
            others=(self._incomplete,) if self._incomplete else (),
            top=name.encode(errors="surrogateescape"),
            size=size,
            done=size - left,
            paused=status == _STOPPED,
            speed=int(torrent["rateDownload"]),
            infohashes=frozenset({str(torrent["hashString"]).lower()}),
            tags=frozenset(str(label) for label in torrent.get("labels") or ()),
            ratio=max(0.0, float(torrent["uploadRatio"])),
            seeding=float(torrent["secondsSeeding"]),
            message=str(torrent["errorString"]),
        )

    async def listen(self, stirred: Callable[[], None]) -> None:
        """ports.downloader.Downloader: it says nothing by itself."""
        await asyncio.get_running_loop().create_future()

    async def files(self, id: str) -> Sequence[ItemFile]:
        """ports.downloader.Downloader."""
        answer = await self._call("torrent-get", ids=[id], fields=["files", "wanted"])
        with understood("its files", self._foreign):
            torrents = answer["torrents"]
            if not torrents:
                return ()
            both = zip(torrents[0]["files"], torrents[0]["wanted"], strict=True)
            return [_file(number, each, bool(wanted)) for number, (each, wanted) in enumerate(both)]

    # ---- telling: not in this release --------------------------------------------------------------------------------

    async def add(self, order: DownloadOrder) -> str | None:
        """Always refused, as all that follows: Transmission is asked, and told nothing."""
        raise self._not_told()

    async def select(self, id: str, wanted: Collection[int]) -> None:
        """Refused."""
        raise self._not_told()

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        """ports.downloader.Downloader: it is given no downloads."""

    async def pause(self, id: str) -> None:
        """Refused."""
        raise self._not_told()

    async def resume(self, id: str) -> None:
        """Refused."""
        raise self._not_told()

    async def remove(self, id: str, *, with_files: bool) -> None:
        """Refused."""
        raise self._not_told()

    def _not_told(self) -> DownloadRefused:
        return DownloadRefused(self._because(Code.DOWNLOADER_READ_ONLY))

    async def close(self) -> None:
        """ports.downloader.Downloader."""
        await self._http.close()

    # ---- the conversation --------------------------------------------------------------------------------------------

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Its `arguments`; raises CannotAsk."""
        login = self._login()
        if login is not None and sha256(login).digest() == self._refused:
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=self.spec.username))
        answer = await self._once(method, arguments, login)
        if answer.status == 409 and _SESSION in answer.headers:  # against forged requests: it wants its number back
            self._session = answer.headers[_SESSION]
            answer = await self._once(method, arguments, login)
        if answer.status == 401:
            self._refused = sha256(login).digest() if login is not None else None
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=self.spec.username))
        if answer.status == 403 and "too many" in answer.text.lower():
            raise CannotAsk(self._because(Code.DOWNLOADER_BANNED))
        if answer.status == 403:
            raise self._foreign("it does not let this address in: see its rpc-whitelist")
        if answer.status == 421:
            raise CannotAsk(self._because(Code.DOWNLOADER_HOST))
        try:
            read = json.loads(answer.body)
        except ValueError:
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("arguments"), dict):
            raise self._foreign(f"this is not Transmission's RPC (HTTP status {answer.status})")
        if read.get("result") != "success":
            raise self._foreign(str(read.get("result")))
        found: dict[str, Any] = read["arguments"]
        return found

    async def _once(self, method: str, arguments: Mapping[str, Any], login: bytes | None) -> Answer:
        headers = {_SESSION: self._session}
        if login is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        try:
            return await self._http.ask("POST", body={"method": method, "arguments": arguments}, headers=headers)
        except NoAnswer as error:
            raise CannotAsk(self._because(Code.DOWNLOADER_UNREACHABLE, message=str(error))) from error

    def _login(self) -> bytes | None:
        if self.spec.username is None:
            return None
        password, file = "", self.spec.password_file
        if file is not None:
            try:
                password = secret_of(file)
            except (OSError, ValueError) as error:
                reason = self._because(Code.DOWNLOADER_SECRET_FILE, file=file, message=cause_of(error))
                raise CannotAsk(reason) from error
        return f"{self.spec.username}:{password}".encode()

    def _foreign(self, message: str) -> CannotAsk:
        return CannotAsk(self._because(Code.DOWNLOADER_FOREIGN, message=message))

    def _because(self, code: Code, **facts: Any) -> Reason:
        return because(code, downloader=self.spec.name, url=self.spec.url, **facts)


def _phase(torrent: Mapping[str, Any], status: int, *, complete: bool) -> Phase:
    if float(torrent["metadataPercentComplete"]) < 1:
        return Phase.METADATA
    if int(torrent["error"]) == _LOCAL_ERROR:
        return Phase.FAILED
    if status == _STOPPED:
        return Phase.COMPLETE if complete else Phase.QUEUED
    if status == _DOWNLOAD:
        return Phase.STALLED if torrent["isStalled"] or not int(torrent["rateDownload"]) else Phase.DOWNLOADING
    return _PHASES[status]


def _file(number: int, each: Mapping[str, Any], wanted: bool) -> ItemFile:
    return ItemFile(
        index=number,
        path=str(each["name"]).encode(errors="surrogateescape"),
        size=int(each["length"]),
        done=int(each["bytesCompleted"]),
        wanted=wanted,
    )
