"""qBittorrent by its WebUI API, 2.8.4 (4.4) and later: ports.downloader.Downloader."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

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
from cloudgather.outside.qbittorrent_items import PHASES, file_of, item_of, seeding
from cloudgather.outside.qbittorrent_session import Session

_STARTS_AND_STOPS: Final = (2, 11, 0)  # pause and resume before
_NOT_ADDED: Final = "it has it already, or cannot read it"  # no release says which
_LETS_STAY: Final = frozenset({0, 2})  # what it does at a limit of seeding: stop; seed as sparingly as it can
_UNLIMITED: Final = {"ratioLimit": "-1", "seedingTimeLimit": "-1", "inactiveSeedingTimeLimit": "-1"}


class QBittorrent:
    """Polls tell what has changed since the one before, so that the whole of it is kept here."""

    def __init__(self, spec: DownloaderSpec, *, warn: Callable[[str, str], None]) -> None:
        self.spec = spec
        self._warn = warn  # of a state that this release does not know
        self._session = Session(spec, anew=self._begin_anew)
        self._poll = 0
        self._torrents: dict[str, dict[str, Any]] = {}
        self._items: dict[str, Item] = {}
        self._unknown: set[str] = set()  # states that it was warned of

    # ---- asking ------------------------------------------------------------------------------------------------------

    async def about(self) -> About:
        """ports.downloader.Downloader."""
        fresh = Session(self.spec, anew=lambda: None)
        try:
            program = (await fresh.get("app/version")).text
            preferences = fresh.read(await fresh.get("app/preferences"))
            api = ".".join(str(part) for part in fresh.api or ())
        finally:
            await fresh.close()
        self._session.trust()
        with understood("its preferences", self._session.foreign):
            return About(program=program, api=api, folder=folder_named(preferences["save_path"]))

    async def poll(self) -> Polled:
        """ports.downloader.Downloader."""
        answer = self._session.read(await self._session.get("sync/maindata", rid=str(self._poll)))
        self._poll = 0  # unless it can be understood it is to be told anew
        with understood("its list", self._session.foreign):
            changed, gone = self._merged(answer)
        return Polled(changed=changed, gone=frozenset(gone))

    def _merged(self, answer: Mapping[str, Any]) -> tuple[dict[str, Item], set[str]]:
        told: Mapping[str, Mapping[str, Any]] = answer.get("torrents") or {}
        gone = set(answer.get("torrents_removed") or ())
        whole = bool(answer.get("full_update"))
        if whole:
            gone |= self._items.keys()
        gone = (gone - told.keys()) & self._items.keys()
        torrents = {id: {**({} if whole else self._torrents.get(id, {})), **values} for id, values in told.items()}
        items = {id: item_of(id, torrent, self._phase(id, torrent)) for id, torrent in torrents.items()}
        poll = int(answer["rid"])
        # All of the answer can be understood: only now is anything of it taken, else a change would be told to nobody.
        changed = {id: item for id, item in items.items() if self._items.get(id) != item}
        self._torrents.update(torrents)
        self._items.update(items)
        for id in gone:
            del self._items[id], self._torrents[id]
        self._poll = poll
        return changed, gone

    def _phase(self, id: str, torrent: Mapping[str, Any]) -> Phase:
        """A state that is not known here leaves it as it was."""
        state, known = str(torrent["state"]), self._items.get(id)
        if (phase := PHASES.get(state)) is not None:
            return phase
        if state not in self._unknown:
            self._unknown.add(state)
            self._warn(self.spec.name, state)
        return known.phase if known is not None else Phase.QUEUED

    def _begin_anew(self) -> None:
        self._poll = 0

    async def listen(self, stirred: Callable[[], None]) -> None:
        """ports.downloader.Downloader: it says nothing by itself."""
        await asyncio.get_running_loop().create_future()

    async def files(self, id: str) -> Sequence[ItemFile]:
        """ports.downloader.Downloader."""
        answer = await self._session.get("torrents/files", accept=(200, 404, 409), hash=id)
        if answer.status != 200:
            return ()
        with understood("its files", self._session.foreign):
            return [file_of(number, each) for number, each in enumerate(json.loads(answer.body))]

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
            **seeding(order.goal),
            **{name: str(value) for name, value in order.options.items()},
            **await self._limits_that_remove(),
        }
        if order.choose:
            form["stopCondition"] = "MetadataReceived"
        if order.uri is not None:
            form["urls"] = order.uri
        files = {"torrents": order.torrent} if order.torrent is not None else None
        answer = await self._session.post("torrents/add", form, files=files, accept=(200, 202, 409, 415))
        if answer.status == 415:
            raise self._session.refusal(answer.text.strip())
        if answer.status == 409 or answer.text.strip() == "Fails.":
            raise self._session.refusal(_NOT_ADDED)
        if not answer.body.startswith(b"{"):
            return None
        added = self._session.read(answer)
        if int(added.get("failure_count") or 0):
            raise self._session.refusal(_NOT_ADDED)
        ids = added.get("added_torrent_ids")
        return str(ids[0]) if ids else None

    async def _limits_that_remove(self) -> Mapping[str, str]:
        """No limit of seeding at all where it removes what has reached one: nothing may go that is not uploaded.

        The action for a single torrent is known to later versions only, so that the program's own must be asked for.
        """
        preferences = self._session.read(await self._session.get("app/preferences"))
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
                await self._session.post("torrents/filePrio", {"hash": id, "id": joined, "priority": priority})

    async def announce(self, id: str, trackers: Sequence[str]) -> None:
        """ports.downloader.Downloader."""
        if not await self._is_private(id):
            await self._session.post("torrents/addTrackers", {"hash": id, "urls": "\n".join(trackers)})

    async def _is_private(self, id: str) -> bool:
        """From 5.0 on it says so; before, it has a remark at DHT and its like."""
        if (told := self._torrents.get(id, {}).get("private")) is not None:
            return bool(told)
        answer = await self._session.get("torrents/trackers", accept=(200, 404), hash=id)
        with understood("its trackers", self._session.foreign):
            listed = json.loads(answer.body) if answer.status == 200 else []
            ways = [each for each in listed if str(each["url"]).startswith("** [")]
            return not ways or any(each["msg"] for each in ways)

    async def pause(self, id: str) -> None:
        """ports.downloader.Downloader."""
        await self._session.post(f"torrents/{await self._verb('stop', 'pause')}", {"hashes": id})

    async def resume(self, id: str) -> None:
        """ports.downloader.Downloader."""
        await self._session.post(f"torrents/{await self._verb('start', 'resume')}", {"hashes": id})

    async def remove(self, id: str, *, with_files: bool) -> None:
        """ports.downloader.Downloader."""
        await self._session.post("torrents/delete", {"hashes": id, "deleteFiles": str(with_files).lower()})

    async def close(self) -> None:
        """ports.downloader.Downloader."""
        await self._session.close()

    async def _verb(self, now: str, before: str) -> str:
        if self._session.api is None:
            await self._session.get("app/webapiVersion")
        assert self._session.api is not None
        return now if self._session.api >= _STARTS_AND_STOPS else before
