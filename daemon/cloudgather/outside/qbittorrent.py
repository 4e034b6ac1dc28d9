"""qBittorrent by its WebUI API, 2.8.4 (4.4) and later: ports.downloader.Downloader."""

import asyncio
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
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
    SeedingGoal,
    folder_named,
)
from cloudgather.core.mounts import is_below
from cloudgather.outside.http import Answer, Conversation, NoAnswer
from cloudgather.outside.secrets import cause_of, secret_of
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk

_OLDEST: Final = (2, 8, 4)
_STARTS_AND_STOPS: Final = (2, 11, 0)  # pause and resume before

PHASES: Final[Mapping[str, Phase]] = {
    "allocating": Phase.QUEUED,
    "queuedDL": Phase.QUEUED,
    "pausedDL": Phase.QUEUED,
    "stoppedDL": Phase.QUEUED,
    "metaDL": Phase.METADATA,
    "forcedMetaDL": Phase.METADATA,
    "checkingResumeData": Phase.CHECKING,
    "checkingDL": Phase.CHECKING,
    "checkingUP": Phase.CHECKING,
    "downloading": Phase.DOWNLOADING,
    "forcedDL": Phase.DOWNLOADING,
    "stalledDL": Phase.STALLED,
    "moving": Phase.MOVING,
    "uploading": Phase.SEEDING,
    "forcedUP": Phase.SEEDING,
    "stalledUP": Phase.SEEDING,
    "queuedUP": Phase.COMPLETE,
    "pausedUP": Phase.COMPLETE,
    "stoppedUP": Phase.COMPLETE,
    "error": Phase.FAILED,
    "missingFiles": Phase.MISSING,
}
_NOT_ADDED: Final = "it has it already, or cannot read it"  # no release says which
_LETS_STAY: Final = frozenset({0, 2})  # what it does at a limit of seeding: stop; seed as sparingly as it can
_UNLIMITED: Final = {"ratioLimit": "-1", "seedingTimeLimit": "-1", "inactiveSeedingTimeLimit": "-1"}
_STOPPED: Final = frozenset({"pausedDL", "stoppedDL", "pausedUP", "stoppedUP"})


class QBittorrent:
    """One conversation: a session is opened when it is needed, and anew when it has run out."""

    def __init__(self, spec: DownloaderSpec, *, warn: Callable[[str, str], None]) -> None:
        self.spec = spec
        self._warn = warn  # of a state that this release does not know
        self._http = Conversation(f"{spec.url}/api/v2")
        self._login = asyncio.Lock()
        self._headers: dict[str, str] = {}
        self._api: tuple[int, ...] | None = None  # of the program at the other end; None: not asked yet
        self._refused: bytes | None = None  # a digest of the name and password that it did not take
        self._poll = 0
        self._torrents: dict[str, dict[str, Any]] = {}
        self._items: dict[str, Item] = {}
        self._unknown: set[str] = set()  # states that it was warned of

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def about(self) -> About:
        """ports.downloader.Downloader."""
        fresh = QBittorrent(self.spec, warn=self._warn)
        try:
            program = (await fresh._get("app/version")).text
            preferences = self._read(await fresh._get("app/preferences"))
            api = ".".join(str(part) for part in fresh._api or ())
        finally:
            await fresh.close()
        self._refused = None
        return About(program=program, api=api, folder=folder_named(preferences["save_path"]))

    async def poll(self) -> Polled:
        """ports.downloader.Downloader."""
        answer = self._read(await self._get("sync/maindata", rid=str(self._poll)))
        try:
            changed, gone = self._merged(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._poll = 0
            raise self._foreign(f"its list cannot be understood: {error!r}") from error
        return Polled(changed=changed, gone=frozenset(gone))

    def _merged(self, answer: Mapping[str, Any]) -> tuple[dict[str, Item], set[str]]:
        told: Mapping[str, Mapping[str, Any]] = answer.get("torrents") or {}
        gone = set(answer.get("torrents_removed") or ())
        whole = bool(answer.get("full_update"))
        if whole:
            gone |= self._items.keys()
        gone = (gone - told.keys()) & self._items.keys()
        torrents = {id: {**({} if whole else self._torrents.get(id, {})), **values} for id, values in told.items()}
        items = {id: self._item(id, torrent) for id, torrent in torrents.items()}
        poll = int(answer["rid"])
        # All of the answer can be understood: only now is anything of it taken, else a change would be told to nobody.
        changed = {id: item for id, item in items.items() if self._items.get(id) != item}
        self._torrents.update(torrents)
        self._items.update(items)
        for id in gone:
            del self._items[id], self._torrents[id]
        self._poll = poll
        return changed, gone

    def _item(self, id: str, torrent: Mapping[str, Any]) -> Item:
        state, known = str(torrent["state"]), self._items.get(id)
        if (phase := PHASES.get(state)) is None:
            if state not in self._unknown:
                self._unknown.add(state)
                self._warn(self.spec.name, state)
            phase = known.phase if known is not None else Phase.QUEUED
        final = folder_named(torrent["save_path"])
        temporary = folder_named(torrent.get("download_path") or "")
        content = folder_named(torrent.get("content_path") or "")
        current, top = _places(content, final, temporary)
        return Item(
            id=id,
            name=str(torrent["name"]),
            phase=phase,
            final=final,
            current=current,
            others=(temporary,) if temporary else (),
            top=top,
            size=int(torrent["size"]),
            done=int(torrent["size"]) - int(torrent["amount_left"]),
            paused=state in _STOPPED,
            speed=int(torrent["dlspeed"]),
            infohashes=frozenset(torrent[key] for key in ("infohash_v1", "infohash_v2") if torrent.get(key))
            or frozenset({id}),
            tags=frozenset(tag.strip() for tag in str(torrent.get("tags") or "").split(",") if tag.strip()),
            ratio=float(torrent.get("ratio") or 0.0),
            seeding=float(torrent.get("seeding_time") or 0.0),
        )

    async def listen(self, stirred: Callable[[], None]) -> None:
        """ports.downloader.Downloader: it says nothing by itself."""
        await asyncio.get_running_loop().create_future()

    async def files(self, id: str) -> Sequence[ItemFile]:
        """ports.downloader.Downloader."""
        answer = await self._get("torrents/files", accept=(200, 404, 409), hash=id)
        if answer.status != 200:
            return ()
        try:
            return [_file(number, each) for number, each in enumerate(json.loads(answer.body))]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._foreign(f"its files cannot be understood: {error!r}") from error

    # ---- telling -----------------------------------------------------------------------------------------------------

    async def add(self, order: DownloadOrder) -> str | None:
        """ports.downloader.Downloader."""
        form = {
            "savepath": order.folder.decode(),
            "useDownloadPath": "false",
            "autoTMM": "false",
            "contentLayout": "Original",
            "tags": order.mark,
            "paused": str(order.paused).lower(),
            "stopped": str(order.paused).lower(),  # its name since 5.0
            **_seeding(order.goal),
            **{name: str(value) for name, value in order.options.items()},
            **await self._limits_that_remove(),
        }
        if order.choose:
            form["stopCondition"] = "MetadataReceived"
        if order.uri is not None:
            form["urls"] = order.uri
        files = {"torrents": order.torrent} if order.torrent is not None else None
        answer = await self._post("torrents/add", form, files=files, accept=(200, 202, 409, 415))
        if answer.status == 415:
            raise self._refusal(answer.text.strip())
        if answer.status == 409 or answer.text.strip() == "Fails.":
            raise self._refusal(_NOT_ADDED)
        if not answer.body.startswith(b"{"):
            return None
        added = self._read(answer)
        if int(added.get("failure_count") or 0):
            raise self._refusal(_NOT_ADDED)
        ids = added.get("added_torrent_ids")
        return str(ids[0]) if ids else None

    async def _limits_that_remove(self) -> Mapping[str, str]:
        """No limit of seeding at all where it removes what has reached one: nothing may go that is not uploaded.

        The action for a single torrent is known to later versions only, so that the program's own must be asked for.
        """
        preferences = self._read(await self._get("app/preferences"))
        return {} if preferences.get("max_ratio_act") in _LETS_STAY else _UNLIMITED

    async def select(self, id: str, wanted: Collection[int]) -> None:
        """ports.downloader.Downloader."""
        files = await self.files(id)
        chosen = frozenset(wanted)
        for priority, numbers in (
            ("0", [file.index for file in files if file.index not in chosen]),
            ("1", [file.index for file in files if file.index in chosen and not file.wanted]),
        ):
            if numbers:
                joined = "|".join(str(number) for number in numbers)
                await self._post("torrents/filePrio", {"hash": id, "id": joined, "priority": priority})

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        """ports.downloader.Downloader."""
        if not await self._is_private(id):
            await self._post("torrents/addTrackers", {"hash": id, "urls": "\n".join(trackers)})

    async def _is_private(self, id: str) -> bool:
        """From 5.0 on it says so; before, it has a remark at DHT and its like."""
        if (told := self._torrents.get(id, {}).get("private")) is not None:
            return bool(told)
        answer = await self._get("torrents/trackers", accept=(200, 404), hash=id)
        try:
            listed = json.loads(answer.body) if answer.status == 200 else []
            ways = [each for each in listed if str(each["url"]).startswith("** [")]
            return not ways or any(each["msg"] for each in ways)
        except (KeyError, TypeError, ValueError) as error:
            raise self._foreign(f"its trackers cannot be understood: {error!r}") from error

    async def pause(self, id: str) -> None:
        """ports.downloader.Downloader."""
        await self._post(f"torrents/{await self._verb('stop', 'pause')}", {"hashes": id})

    async def resume(self, id: str) -> None:
        """ports.downloader.Downloader."""
        await self._post(f"torrents/{await self._verb('start', 'resume')}", {"hashes": id})

    async def remove(self, id: str, *, with_files: bool) -> None:
        """ports.downloader.Downloader."""
        await self._post("torrents/delete", {"hashes": id, "deleteFiles": str(with_files).lower()})

    async def close(self) -> None:
        """ports.downloader.Downloader."""
        await self._http.close()

    async def _verb(self, now: str, before: str) -> str:
        if self._api is None:
            await self._get("app/webapiVersion")
        assert self._api is not None
        return now if self._api >= _STARTS_AND_STOPS else before

    # ---- the conversation --------------------------------------------------------------------------------------------

    async def _get(self, path: str, *, accept: Sequence[int] = (200,), **query: str) -> Answer:
        return await self._asked("GET", path, accept=accept, query=query)

    async def _post(
        self,
        path: str,
        form: Mapping[str, str],
        *,
        files: Mapping[str, bytes] | None = None,
        accept: Sequence[int] = (200, 204),  # the latter from 5.2 on, where there is nothing to tell
    ) -> Answer:
        return await self._asked("POST", path, accept=accept, form=form, files=files)

    async def _asked(self, method: str, path: str, *, accept: Sequence[int], **parts: Any) -> Answer:
        await self._greet()
        answer = await self._once(method, path, **parts)
        if answer.status == 403:  # the session has run out, or the program was started anew
            self._api, self._headers = None, {}
            await self._greet()
            answer = await self._once(method, path, **parts)
        if answer.status in accept:
            return answer
        if answer.status in (401, 403):
            self._api, self._headers = None, {}
            raise self._denied(answer.status)
        if method == "POST":
            raise self._refusal(answer.text.strip() or f"HTTP status {answer.status}")
        raise self._foreign(f"{path}: HTTP status {answer.status}")

    async def _once(self, method: str, path: str, **parts: Any) -> Answer:
        try:
            return await self._http.ask(method, f"/{path}", headers=self._headers, **parts)
        except NoAnswer as error:
            self._api = None  # it may be another one by the time that it answers
            raise CannotAsk(self._because(Code.DOWNLOADER_UNREACHABLE, message=str(error))) from error

    async def _greet(self) -> None:
        """Log in where that is needed, and learn the version; no-op where that is done."""
        async with self._login:
            if self._api is not None:
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
                raise self._foreign(f"this is not qBittorrent's WebUI (HTTP status {answer.status})")
            version = tuple(int(part) for part in parts)
            if version < _OLDEST:
                needed = ".".join(str(part) for part in _OLDEST)
                raise CannotAsk(self._because(Code.DOWNLOADER_OLD, version=text, needed=needed))
            if version != self._api:
                self._poll = 0
            self._api = version

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
            raise self._foreign(f"its login cannot be understood (HTTP status {answer.status})")
        self._headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}

    def _denied(self, status: int) -> CannotAsk:
        if status == 401:  # a wrong key is a 403
            return CannotAsk(self._because(Code.DOWNLOADER_HOST))
        return CannotAsk(self._because(Code.DOWNLOADER_PASSWORD, user=self.spec.username))

    def _secret(self, file: bytes) -> str:
        try:
            return secret_of(file)
        except (OSError, ValueError) as error:
            raise CannotAsk(self._because(Code.DOWNLOADER_SECRET_FILE, file=file, message=cause_of(error))) from error

    def _read(self, answer: Answer) -> dict[str, Any]:
        try:
            read = json.loads(answer.body)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise self._foreign("its answer is not what qBittorrent gives")
        return read

    def _foreign(self, message: str) -> CannotAsk:
        return CannotAsk(self._because(Code.DOWNLOADER_FOREIGN, message=message))

    def _refusal(self, message: str) -> DownloadRefused:
        return DownloadRefused(self._because(Code.DOWNLOADER_REFUSED, message=message[:300]))

    def _because(self, code: Code, **facts: Any) -> Reason:
        return because(code, downloader=self.spec.name, url=self.spec.url, **facts)


def _seeding(goal: SeedingGoal | None) -> dict[str, str]:
    action = {"shareLimitAction": "Stop"}  # not known to 5.0 and earlier
    if goal is None:
        return action
    minutes = math.ceil(goal.time / timedelta(minutes=1))
    return {**action, "ratioLimit": str(goal.ratio), "seedingTimeLimit": str(minutes)}


def _places(content: bytes, final: bytes, temporary: bytes) -> tuple[bytes, bytes | None]:
    """The folder that the content lies in now, and its name in there; None: the content is that folder."""
    above = [folder for folder in (final, temporary) if folder and content and is_below(content, folder)]
    if not content or content in above:
        return content or temporary or final, None
    if not content.startswith(b"/"):  # 4.5, before it has looked at what is there
        return temporary or final, content.split(b"/")[0]
    if not above:
        folder, _, name = content.rpartition(b"/")
        return folder or b"/", name
    folder = max(above, key=len)
    return folder, content[len(folder) :].strip(b"/").split(b"/")[0]


def _file(number: int, each: Mapping[str, Any]) -> ItemFile:
    size, progress = int(each["size"]), float(each["progress"])
    return ItemFile(
        index=int(each.get("index", number)),
        path=str(each["name"]).encode(errors="surrogateescape"),
        size=size,
        done=size if progress >= 1 else int(size * progress),
        wanted=int(each["priority"]) != 0,
    )
