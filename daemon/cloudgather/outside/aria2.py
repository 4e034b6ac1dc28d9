"""aria2 by its JSON-RPC, 1.36 and later: ports.downloader.Downloader."""

import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.downloader import About, DownloaderSpec, DownloadOrder, Item, ItemFile, Polled, folder_named
from cloudgather.core.secrecy import without_sign_in
from cloudgather.outside.answers import understood
from cloudgather.outside.aria2_items import KEYS, files_of, item_of, like, rests, seeding, trackers
from cloudgather.outside.http import Conversation, NoAnswer
from cloudgather.outside.secrets import cause_of, secret_of
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk

_RPC: Final = "/jsonrpc"
_MOST: Final = 10_000
_LARGEST_REQUEST: Final = 2 << 20  # bytes, unless it says otherwise
_AROUND: Final = 1 << 10  # bytes: what a request has beside its parameters
_KEYS: Final = list(KEYS)
# What can become of one that waits: all else that is told of it stays as it is.
_BRIEF: Final = ["gid", "status", "dir", "totalLength", "completedLength", "verifiedLength", "verifyIntegrityPending"]
_NOTHING: Final[Mapping[str, Any]] = {}
_UNAUTHORIZED: Final = "Unauthorized"
_NOT_FOUND: Final = " is not found"
_ENDED: Final = frozenset({"complete", "error", "removed"})


class _Refused(Exception):
    """aria2 answered with an error of its own."""


class Aria2:
    """aria2 cannot tell what has changed: at each poll it lists what is active, and what else there is if it changed.

    Files are not in those lists. They are asked for where an item is not what it was.
    """

    def __init__(self, spec: DownloaderSpec) -> None:
        self.spec = spec
        self._http = Conversation(spec.url if spec.url.endswith(_RPC) else spec.url + _RPC)
        self._session: str | None = None  # another one: aria2 was started anew
        self._shown: bytes | None = None  # a digest of the secret that was shown last
        self._refused: bytes | None = None  # of that which it did not take
        self._brief: object = None  # the session, and in few words what waited, when that was listed last
        self._waiting: Sequence[Mapping[str, Any]] = ()
        self._ended_then: object = None  # the session, and how many had ended, when those were listed last
        self._ended: Sequence[Mapping[str, Any]] = ()
        self._statuses: Mapping[str, Mapping[str, Any]] = {}  # the words that `_items` were made of
        self._items: dict[str, Item] = {}
        self._files: dict[str, tuple[object, tuple[ItemFile, ...]]] = {}  # with what their item was like then

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def about(self) -> About:
        """ports.downloader.Downloader."""
        self._refused = None
        with understood("what it says of itself", self._foreign):
            version, options = await self._calls(("aria2.getVersion", []), ("aria2.getGlobalOption", []))
            return About(program=str(version["version"]), api="JSON-RPC", folder=folder_named(str(options["dir"])))

    async def poll(self) -> Polled:
        """ports.downloader.Downloader."""
        with understood("its list", self._foreign):
            session, counts, active, waiting = await self._lists(_BRIEF)
            if (session, waiting) != self._brief:
                session, counts, active, self._waiting = await self._lists(_KEYS)
                self._brief = session, [{key: each[key] for key in _BRIEF if key in each} for each in self._waiting]
            if session["sessionId"] != self._session:
                self._session, self._files = session["sessionId"], {}
            ended = await self._ended_ones(counts)
            told = {str(status["gid"]): status for statuses in (active, self._waiting, ended) for status in statuses}
            same = {id for id in self._files if self._statuses.get(id) == told.get(id, _NOTHING)}
            others = {id: status for id, status in told.items() if id not in same}
            files = await self._files_of(others, same)
            changed = {id: item_of(id, status, files.get(id, ())) for id, status in others.items()}
        items = {id: changed[id] if id in changed else self._items[id] for id in told}
        changed = {id: item for id, item in changed.items() if self._items.get(id) != item}
        gone = frozenset(self._items.keys() - items.keys())
        self._statuses, self._items = told, items
        return Polled(changed=changed, gone=gone)

    async def _lists(self, of_waiting: Sequence[str]) -> Sequence[Any]:
        """Session, counts, what is active and what waits, of one moment: what goes from one to the other is in one."""
        return await self._calls(
            ("aria2.getSessionInfo", []),
            ("aria2.getGlobalStat", []),
            ("aria2.tellActive", [_KEYS]),
            ("aria2.tellWaiting", [0, _MOST, of_waiting]),
        )

    async def _ended_ones(self, counts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """What has ended stays as it is until it is removed; counted are those that are there, and all there were."""
        then = self._session, counts["numStopped"], counts["numStoppedTotal"]
        if then != self._ended_then:
            (self._ended,) = await self._calls(("aria2.tellStopped", [-1, _MOST, _KEYS]))
            self._ended_then = then
        return self._ended

    async def _files_of(
        self, told: Mapping[str, Mapping[str, Any]], same: Collection[str]
    ) -> dict[str, tuple[ItemFile, ...]]:
        """The files of what is told: totals count those that nobody wants, and a web download's name is its file's.

        Of `same` they are as they were.
        """
        likes = {id: like(status) for id, status in told.items()}
        known = {id: self._files[id][1] for id in told if id in self._files and self._files[id][0] == likes[id]}
        asked = [id for id in told if id not in known]
        answers = await self._calls(*(("aria2.getFiles", [id]) for id in asked), missing=[]) if asked else []
        for id, files in zip(asked, answers, strict=True):
            known[id] = files_of(files, folder_named(str(told[id]["dir"])))
        kept = {id: self._files[id] for id in same if id in self._files}  # a choice may have been made meanwhile
        self._files = kept | {id: (likes[id], files) for id, files in known.items() if rests(told[id])}
        return known

    async def listen(self, stirred: Callable[[], None]) -> None:
        """ports.downloader.Downloader: it tells whoever is connected, without a secret, that it has begun or ended one.

        What it told while nobody listened is not told again: therefore the connection counts as well.
        """

        def heard(text: str) -> None:
            if '"method"' in text:
                stirred()

        try:
            await self._http.listen(stirred, heard)
        except NoAnswer as error:
            raise CannotAsk(self._because(Code.DOWNLOADER_UNREACHABLE, message=str(error))) from error

    async def files(self, id: str) -> Sequence[ItemFile]:
        """ports.downloader.Downloader."""
        item = self._items.get(id)
        with understood("its files", self._foreign):
            (files,) = await self._calls(("aria2.getFiles", [id]), missing=[])
            return files_of(files, item.final if item is not None else b"")

    # ---- telling -----------------------------------------------------------------------------------------------------

    async def add(self, order: DownloadOrder) -> str | None:
        """ports.downloader.Downloader; the order's mark becomes the id."""
        options: dict[str, Any] = {
            "gid": order.mark,
            "dir": order.folder.decode(),
            "pause": str(order.paused or (order.choose and order.torrent is not None)).lower(),
            "pause-metadata": str(order.choose).lower(),
            "follow-torrent": "mem",
            "rpc-save-upload-metadata": "false",
            "bt-save-metadata": "false",
            **seeding(order.goal),
            **order.options,
            **trackers(order),
            # `always-resume` = false would do so by itself, and makes 1.36 crash.
            **({"remove-control-file": "true"} if order.afresh else {}),
        }
        if order.uri is not None:
            return await self._added("aria2.addUri", [order.uri], options)
        content = base64.b64encode(order.torrent or b"").decode()
        return await self._added("aria2.addTorrent", content, [], options)

    async def _added(self, method: str, *params: Any) -> str:
        """What is larger than it takes it answers by hanging up."""
        size = len(json.dumps(params)) + _AROUND
        with understood("its options", self._foreign):
            options = await self._told("aria2.getGlobalOption")
            limit = int(options.get("rpc-max-request-size") or _LARGEST_REQUEST)
        if size > limit:
            raise DownloadRefused(self._because(Code.DOWNLOADER_REQUEST, size=size, limit=limit))
        return str(await self._told(method, *params))

    async def select(self, id: str, wanted: Collection[int]) -> None:
        """ports.downloader.Downloader; what is active is begun anew by it."""
        chosen = ",".join(str(number) for number in sorted(wanted))
        await self._told("aria2.changeOption", id, {"select-file": chosen})
        self._files.pop(id, None)

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        """ports.downloader.Downloader: it has had them with the order; a change would begin the download anew."""

    async def pause(self, id: str) -> None:
        """ports.downloader.Downloader."""
        if self._status(await self._told("aria2.tellStatus", id, ["status"])) in ("active", "waiting"):
            await self._told("aria2.forcePause", id)

    async def resume(self, id: str) -> None:
        """ports.downloader.Downloader."""
        if self._status(await self._told("aria2.tellStatus", id, ["status"])) == "paused":
            await self._told("aria2.unpause", id)

    async def remove(self, id: str, *, with_files: bool) -> None:
        """ports.downloader.Downloader: aria2 never removes files. What was active stays listed until removed again."""
        try:
            ended = self._status(await self._call("aria2.tellStatus", id, ["status"])) in _ENDED
            await self._call("aria2.removeDownloadResult" if ended else "aria2.forceRemove", id)
        except _Refused as refused:
            if not str(refused).endswith(_NOT_FOUND):
                raise self._refusal(refused) from refused

    async def close(self) -> None:
        """ports.downloader.Downloader."""
        await self._http.close()

    def _status(self, told: Any) -> str:
        with understood("what it says of a download", self._foreign):
            return str(told["status"])

    async def _told(self, method: str, *params: Any) -> Any:
        try:
            return await self._call(method, *params)
        except _Refused as refused:
            raise self._refusal(refused) from refused

    def _refusal(self, refused: _Refused) -> DownloadRefused:
        return DownloadRefused(self._because(Code.DOWNLOADER_REFUSED, message=without_sign_in(str(refused))[:300]))

    # ---- the conversation --------------------------------------------------------------------------------------------

    async def _call(self, method: str, *params: Any) -> Any:
        """The result; raises _Refused and CannotAsk."""
        answer = await self._rpc(method, [*self._token(), *params])
        if "error" in answer:
            raise self._error(answer["error"])
        return answer.get("result")

    async def _calls(self, *calls: tuple[str, Sequence[Any]], missing: Any = None) -> list[Any]:
        """The results, in order, for the price of one request; `missing` for an id that is not there any more."""
        if not calls:
            return []
        token = self._token()
        together = [{"methodName": method, "params": [*token, *params]} for method, params in calls]
        answer = await self._rpc("system.multicall", [together])
        if "error" in answer:
            raise self._foreign(str(self._error(answer["error"])))
        found = []
        for result in answer.get("result") or ():
            if isinstance(result, list):
                found.append(result[0])
                continue
            error = self._error(result)
            if missing is None or not str(error).endswith(_NOT_FOUND):
                raise self._foreign(str(error))
            found.append(missing)
        if len(found) != len(calls):
            raise self._foreign("it did not answer all that it was asked")
        return found

    async def _rpc(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        try:
            answer = await self._http.ask(
                "POST", body={"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
            )
        except NoAnswer as error:
            raise CannotAsk(self._because(Code.DOWNLOADER_UNREACHABLE, message=str(error))) from error
        try:
            read = json.loads(answer.body)
        except ValueError:
            read = None
        if not isinstance(read, dict) or read.get("jsonrpc") != "2.0":
            raise self._foreign(f"this is not aria2's JSON-RPC (HTTP status {answer.status})")
        return read

    def _error(self, error: Any) -> _Refused:
        """aria2's own error; raises CannotAsk where it is about us."""
        message = str(error.get("message") if isinstance(error, dict) else error)
        if message == _UNAUTHORIZED:
            self._refused = self._shown
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD))
        return _Refused(message)

    def _token(self) -> list[str]:
        """The secret, in the form in which it goes first; one that was refused is not shown again."""
        secret, file = "", self.spec.secret_file
        if file is not None:
            try:
                secret = secret_of(file)
            except (OSError, ValueError) as error:
                reason = self._because(Code.DOWNLOADER_SECRET_FILE, file=file, message=cause_of(error))
                raise CannotAsk(reason) from error
        self._shown = sha256(secret.encode()).digest()
        if self._shown == self._refused:
            raise CannotAsk(self._because(Code.DOWNLOADER_PASSWORD))
        return [f"token:{secret}"] if file is not None else []

    def _foreign(self, message: str) -> CannotAsk:
        return CannotAsk(self._because(Code.DOWNLOADER_FOREIGN, message=message))

    def _because(self, code: Code, **facts: Any) -> Reason:
        return because(code, downloader=self.spec.name, url=self.spec.url, **facts)
