"""What may be asked and ordered of downloads that were asked for."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cgwire import download as wire
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import ARRIVING, MOVES, Download, Event, State
from cloudgather.core.downloader import Item, Phase
from cloudgather.core.secrecy import shown_options
from cloudgather.operations import describe_downloads
from cloudgather.operations.requesting import as_numbers, is_theirs, read_in_thread
from cloudgather.operations.world import WireMap, World
from cloudgather.pipeline.beginning import is_to_begin
from cloudgather.pipeline.downloading import Known
from cloudgather.pipeline.matching import chosen, find
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.queue import Overtaken
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)


class DownloadOperations:
    """download.*, but for what asks for one."""

    def __init__(self, world: World) -> None:
        self._world = world

    # ---- seeing them -------------------------------------------------------------------------------------------------

    async def download_list(self, request: wire.List, caller: Caller) -> WireMap:
        """Their own, or all."""
        uid = None if caller.access >= Access.OPERATE else caller.uid
        return {
            "downloads": [
                describe_downloads.download(self._world, each) for each in await self._world.downloads.all(uid=uid)
            ]
        }

    async def download_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its history."""
        download = await self._download(request.id, caller)
        history = await self._world.downloads.history(request.id)
        return {
            "download": describe_downloads.download(self._world, download),
            "folder": download.folder,
            "infohash": download.infohash,
            "options": shown_options(download.asked.options),
            "upload": download.task_name if download.files else None,
            "history": [
                {
                    "at": each.at.timestamp(),
                    "event": str(each.event),
                    "before": str(each.before),
                    "after": str(each.after),
                    "reason": each.reason.to_wire() if each.reason else None,
                }
                for each in history
            ],
        }

    async def download_files(self, request: wire.Files, caller: Caller) -> WireMap:
        """As the downloader has them, or as they were recorded, or as the torrent file names them."""
        download = await self._download(request.id, caller)
        if download.state in ARRIVING:
            known, item = self._handed(download)
            if known is not None and item is not None and item.phase is not Phase.METADATA:
                with _asking():
                    files = sorted(await known.client.files(item.id), key=lambda file: file.index)
                if files:
                    rows = [[n, f.path, f.size, f.done, f.wanted] for n, f in enumerate(files, 1)]
                    return {"files": rows}
            if (content := await self._world.downloads.torrent(download.id)) is not None:
                wanted = download.wanted
                listed = enumerate((await read_in_thread(content)).files, 1)
                return {"files": [[n, f.path, f.size, 0, wanted is None or n in wanted] for n, f in listed]}
        return {"files": [[n, path, size, size, True] for n, (path, size) in enumerate(download.files, 1)]}

    # ---- steering them -----------------------------------------------------------------------------------------------

    async def download_select(self, request: wire.Select, caller: Caller) -> WireMap:
        """Told to the downloader at once where it has it; one that waits for that begins with the next step."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "select")
        numbers = as_numbers(request.files, None)
        known, item = self._handed(download)
        if known is not None and item is not None:
            if item.phase is Phase.METADATA:  # the one file that aria2 names then is the torrent's own
                raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(State.METADATA), order="select"))
            with _asking():
                files = await known.client.files(item.id)
                if (picked := chosen(files, numbers)) is None:
                    raise Refused(because(Code.DOWNLOAD_NO_SUCH_FILES, largest=max(numbers), files=len(files)))
                await known.client.select(item.id, picked)
        await self._note(download, {"wanted": numbers})
        return {}

    async def download_pause(self, request: wire.Pause, caller: Caller) -> WireMap:
        """Of one that is arriving."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "pause")
        known, item = self._handed(download)
        if known is not None and item is not None:
            with _asking():
                await known.client.pause(item.id)
        await self._note(download, {"paused": True})
        return {}

    async def download_resume(self, request: wire.Resume, caller: Caller) -> WireMap:
        """Go on; one that has yet to begin is let begin by the next step, with the files that were asked for."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "resume")
        known, item = self._handed(download)
        if known is not None and item is not None and not is_to_begin(replace(download, paused=False), item):
            with _asking():
                await known.client.resume(item.id)
        await self._note(download, {"paused": False})
        return {}

    async def download_retry(self, request: wire.Retry, caller: Caller) -> WireMap:
        """From the beginning, or only the upload where all of it is here."""
        download = await self._download(request.id, caller)
        event = Event.RESEND if download.files else Event.REQUEUE
        self._require(download, event in MOVES[download.state], "retry")
        changes: dict[str, Any] = {"left_out": None} if event is Event.RESEND else {}
        if event is Event.REQUEUE and download.own_folder is not None:
            changes = {"foreign": False, "folder": download.own_folder, "own_folder": None}
        await self._move(download, event, changes)
        return {}

    async def download_remove(self, request: wire.Remove, caller: Caller) -> WireMap:
        """Its data goes as soon as the downloader can be told; the same order once more changes nothing."""
        download = await self._download(request.id, caller)
        keep = request.keep_files or download.foreign
        if download.state is State.REMOVED and download.keep_files == keep:
            return {"under_way": not download.cleared}
        self._require(download, Event.REMOVE in MOVES[download.state], "remove")
        await self._move(download, Event.REMOVE, {"keep_files": keep, "cleared": False})
        logger.info("download %d: removed by %s", download.id, caller.user)
        return {"under_way": False}

    # ---- -------------------------------------------------------------------------------------------------------------

    async def _download(self, id: int, caller: Caller) -> Download:
        download = await self._world.downloads.one(id)
        if download is None or not is_theirs(download, caller):
            raise Refused(because(Code.ERROR_NO_SUCH_DOWNLOAD, id=id))
        return download

    def _handed(self, download: Download) -> tuple[Known | None, Item | None]:
        """The downloader, and what it has of it; None where it does not have it. Raises Refused if it is silent."""
        match self._world.downloads.known(download.asked.downloader):
            case Known() as known:
                return known, find(download, known)
            case silent:
                if download.state is State.QUEUED and not download.handed:
                    return None, None
                raise Refused(silent.reason)

    async def _note(self, download: Download, changes: Mapping[str, Any]) -> None:
        """Of one that is arriving, and that a step may have moved since it was read."""
        while True:
            try:
                return await self._world.downloads.note(download, changes)
            except Overtaken:
                found = await self._world.downloads.one(download.id)
                if found is None or found.state not in ARRIVING:
                    state = found.state if found is not None else State.REMOVED
                    raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(state))) from None
                download = found

    async def _move(self, download: Download, event: Event, changes: Mapping[str, Any]) -> None:
        try:
            await self._world.downloads.move(download, event, changes)
        except Overtaken:
            raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(download.state))) from None

    def _require(self, download: Download, possible: bool, what: str) -> None:
        if not possible:
            raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(download.state), order=what))


@contextmanager
def _asking() -> Iterator[None]:
    """What the downloader does not answer or does not do is a refusal that says so."""
    try:
        yield
    except (CannotAsk, DownloadRefused) as error:
        raise Refused(error.reason) from error


def _require_own(download: Download) -> None:
    if download.foreign:
        raise Refused(because(Code.ERROR_DOWNLOAD_FOREIGN, downloader=download.asked.downloader))
