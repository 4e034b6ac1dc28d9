"""What may be asked of downloads."""

import ipaddress
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from cgwire import blob as blob_wire
from cgwire import download as wire
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.values import below
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import ARRIVING, MOVES, Allowance, Asked, Download, Event, State
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.core.link import BadLink, Link, is_private, read_link
from cloudgather.core.options import BadOption, checked, of_group
from cloudgather.core.secrecy import shown_options
from cloudgather.core.torrent import BadTorrent, Torrent, read_torrent
from cloudgather.operations import describe_downloads
from cloudgather.operations.world import WireMap, World, nearest
from cloudgather.outside.threads import on_thread
from cloudgather.pipeline.downloading import Known
from cloudgather.pipeline.matching import chosen, find
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.downloads import NewDownload
from cloudgather.ports.queue import Overtaken
from cloudgather.ports.uploads import CannotAsk

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is to be downloaded, checked."""

    link: Link | None = None
    torrent: Torrent | None = None
    content: bytes | None = None  # of the torrent file

    @property
    def infohash(self) -> str | None:
        if self.torrent is not None:
            return self.torrent.infohash
        return self.link.infohash if self.link is not None else None

    @property
    def name(self) -> bytes:
        if self.torrent is not None:
            return self.torrent.name
        assert self.link is not None
        return os.fsencode(self.link.name)

    @property
    def needs_aria2(self) -> bool:
        return self.link is not None and self.link.infohash is None


class DownloadOperations:
    """download.* and blob.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def blob_append(self, request: blob_wire.Append, caller: Caller) -> WireMap:
        """A piece of a torrent file."""
        return self._world.blobs.append(request, caller)

    # ---- asking for one ----------------------------------------------------------------------------------------------

    async def download_add(self, request: wire.Add, caller: Caller) -> WireMap:
        """Checked in full before anything is recorded; what is recorded is followed until it has ended."""
        world = self._world
        wish = await self._wish(request, caller)
        allowance = world.allowance(caller)
        spec = self._downloader(request.downloader, wish, allowance)
        if request.if_exists not in ("reuse", "refuse"):
            raise _bad('if_exists is "reuse" or "refuse"')
        task, target, base = self._destination(request, caller)
        wanted = self._wanted(request, wish)
        options = self._options(spec, allowance, request.options)
        if wish.infohash is not None and (earlier := await world.downloads.of_infohash(wish.infohash)) is not None:
            return self._earlier(earlier, request, caller)
        size = _size(wish, wanted)
        if allowance.max_size is not None and size is not None and size > allowance.max_size:
            raise Refused(because(Code.DOWNLOAD_TOO_LARGE, size=size, limit=allowance.max_size))
        asked = Asked(
            uri=wish.link.uri if wish.link is not None else None,
            downloader=spec.name,
            task=task,
            target=target,
            base=base,
            choose=request.choose,
            reuse=request.if_exists == "reuse",
            options=options,
            max_size=allowance.max_size,
            max_active=allowance.max_active,
            uid=caller.uid,
            user=caller.user,
        )
        assert spec.dir is not None
        download = await world.downloads.add(
            NewDownload(
                asked=asked,
                infohash=wish.infohash,
                name=wish.name,
                parent=spec.dir,
                wanted=wanted,
                size=size,
                paused=request.paused,
                torrent=wish.content,
                private=wish.torrent.private if wish.torrent is not None else None,
            )
        )
        logger.info("download %d: asked for by %s", download.id, caller.user)
        return {"download": self._described(download), "reused": False}

    async def _wish(self, request: wire.Add, caller: Caller) -> _Wish:
        if (request.uri is None) == (request.blob is None):
            raise _bad("give either uri or blob")
        if request.blob is not None:
            content = self._world.blobs.take(request.blob, caller)
            try:
                return _Wish(torrent=await _read(content), content=content)
            except BadTorrent as bad:
                raise Refused(because(Code.ERROR_TORRENT, message=str(bad))) from bad
        assert request.uri is not None
        try:
            link = read_link(request.uri)
        except BadLink as bad:
            raise Refused(because(Code.ERROR_LINK, message=str(bad))) from bad
        if link.host is not None and not self._world.configuration().settings.downloads.allow_private:
            await self._refuse_private(link.host)
        return _Wish(link=link)

    async def _refuse_private(self, host: str) -> None:
        """What the name means to the downloader a moment later cannot be known: a firewall can, this cannot."""
        try:
            addresses: Sequence[str] = [str(ipaddress.ip_address(host))]
        except ValueError:
            try:
                addresses = await self._world.resolve(host)
            except OSError as error:
                message = f"the host {host} is not known: {error.strerror or 'no answer'}"
                raise Refused(because(Code.ERROR_LINK, message=message)) from error
            except UnicodeError as error:  # from the codec of names: "a..b", or a label that is too long
                raise Refused(because(Code.ERROR_LINK, message=f"{host} cannot be the name of a host")) from error
        for address in addresses:
            if is_private(address):
                raise Refused(because(Code.ERROR_PRIVATE_ADDRESS, host=host, address=address))

    def _downloader(self, name: str | None, wish: _Wish, allowance: Allowance) -> DownloaderSpec:
        """The one that was named, or the first that can do it."""
        specs = self._world.configuration().settings.downloaders
        if name is not None and name not in specs:
            raise Refused(because(Code.ERROR_NO_SUCH_DOWNLOADER, downloader=name, near=nearest(name, specs)))
        for spec in specs.values():
            if name not in (None, spec.name) or spec.kind is Kind.TRANSMISSION or spec.dir is None:
                continue
            if allowance.downloaders is not None and spec.name not in allowance.downloaders:
                continue
            if wish.needs_aria2 and spec.kind is not Kind.ARIA2:
                continue
            return spec
        raise Refused(because(Code.ERROR_NO_DOWNLOADER, downloader=name, web=wish.needs_aria2))

    def _earlier(self, earlier: Download, request: wire.Add, caller: Caller) -> WireMap:
        if request.if_exists == "refuse" or not is_theirs(earlier, caller):
            raise Refused(because(Code.ERROR_DOWNLOAD_THERE, downloader=earlier.asked.downloader, name=earlier.name))
        return {"download": self._described(earlier), "reused": True}

    def _destination(self, request: wire.Add, caller: Caller) -> tuple[str | None, str, bytes]:
        """Task, target and folder there."""
        if request.task is not None and request.to is not None:
            raise _bad("give either task or to")
        if request.task is not None:
            task = self._world.task(request.task).task
            return task.name, task.target, task.base
        if request.to is not None and caller.access < Access.OPERATE:
            raise Refused(because(Code.ERROR_DENIED, needed="operate", access="download", user=caller.user))
        given = request.to or self._world.configuration().settings.downloads.to
        if given is None:
            raise Refused(because(Code.ERROR_NO_DESTINATION))
        name, colon, folder = given.partition(":")
        self._world.target(name)
        if not colon:
            raise _bad(f'to: write it as "{name}:folder"')
        try:
            return None, name, below(folder)
        except ValueError as error:
            raise _bad(f"to: {error}") from error

    def _options(self, spec: DownloaderSpec, allowance: Allowance, given: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return {
                **checked(spec.kind, spec.options),
                **of_group(spec.kind, allowance.options),
                **checked(spec.kind, given),
            }
        except BadOption as bad:
            raise Refused(because(Code.ERROR_OPTION, downloader=spec.name, message=str(bad))) from bad

    def _wanted(self, request: wire.Add, wish: _Wish) -> tuple[int, ...] | None:
        if not request.files:
            return None
        if request.choose:
            raise _bad("give either files or choose")
        if wish.needs_aria2 and not request.uri.endswith(".torrent"):  # type: ignore[union-attr]  # a link has one
            raise _bad("files: there are none to choose from at an address of the web")
        return _numbers(request.files, len(wish.torrent.files) if wish.torrent is not None else None)

    # ---- seeing them -------------------------------------------------------------------------------------------------

    async def download_list(self, request: wire.List, caller: Caller) -> WireMap:
        """Their own, or all."""
        uid = None if caller.access >= Access.OPERATE else caller.uid
        return {"downloads": [self._described(each) for each in await self._world.downloads.all(uid=uid)]}

    async def download_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its history."""
        download = await self._download(request.id, caller)
        history = await self._world.downloads.history(request.id)
        return {
            "download": self._described(download),
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
            known, id = self._handed(download)
            if known is not None and id is not None:
                with _asking():
                    files = sorted(await known.client.files(id), key=lambda file: file.index)
                if files:
                    rows = [[n, f.path, f.size, f.done, f.wanted] for n, f in enumerate(files, 1)]
                    return {"files": rows}
            if (content := await self._world.downloads.torrent(download.id)) is not None:
                wanted = download.wanted
                listed = enumerate((await _read(content)).files, 1)
                return {"files": [[n, f.path, f.size, 0, wanted is None or n in wanted] for n, f in listed]}
        return {"files": [[n, path, size, size, True] for n, (path, size) in enumerate(download.files, 1)]}

    # ---- steering them -----------------------------------------------------------------------------------------------

    async def download_select(self, request: wire.Select, caller: Caller) -> WireMap:
        """Told to the downloader at once where it has it."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "select")
        numbers = _numbers(request.files, None)
        known, id = self._handed(download)
        if known is not None and id is not None:
            with _asking():
                files = await known.client.files(id)
                if (picked := chosen(files, numbers)) is None:
                    raise _bad(f"files: there are {len(files)}, numbered from 1")
                await known.client.select(id, picked)
                if download.state is State.CHOOSING:
                    await known.client.resume(id)
        await self._note(download, {"wanted": numbers})
        return {}

    async def download_pause(self, request: wire.Pause, caller: Caller) -> WireMap:
        """Of one that is arriving."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "pause")
        known, id = self._handed(download)
        if known is not None and id is not None:
            with _asking():
                await known.client.pause(id)
        await self._note(download, {"paused": True})
        return {}

    async def download_resume(self, request: wire.Resume, caller: Caller) -> WireMap:
        """Go on."""
        download = await self._download(request.id, caller)
        _require_own(download)
        self._require(download, download.state in ARRIVING, "resume")
        known, id = self._handed(download)
        if known is not None and id is not None and download.state is not State.CHOOSING:
            with _asking():
                await known.client.resume(id)
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
        """Its data goes as soon as the downloader can be told."""
        download = await self._download(request.id, caller)
        self._require(download, Event.REMOVE in MOVES[download.state], "remove")
        keep = request.keep_files or download.foreign
        await self._move(download, Event.REMOVE, {"keep_files": keep, "cleared": False})
        logger.info("download %d: removed by %s", download.id, caller.user)
        return {}

    # ---- -------------------------------------------------------------------------------------------------------------

    async def _download(self, id: int, caller: Caller) -> Download:
        download = await self._world.downloads.one(id)
        if download is None or not is_theirs(download, caller):
            raise Refused(because(Code.ERROR_NO_SUCH_DOWNLOAD, id=id))
        return download

    def _handed(self, download: Download) -> tuple[Known | None, str | None]:
        """The downloader, and what it calls it; None where it does not have it. Raises Refused if it is silent."""
        match self._world.downloads.known(download.asked.downloader):
            case Known() as known:
                item = find(download, known)
                return known, item.id if item is not None else None
            case silent:
                if download.state is State.QUEUED and not download.tries:
                    return None, None
                raise Refused(silent.reason)

    async def _note(self, download: Download, changes: Mapping[str, Any]) -> None:
        try:
            await self._world.downloads.note(download, changes)
        except Overtaken:
            raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(download.state))) from None

    async def _move(self, download: Download, event: Event, changes: Mapping[str, Any]) -> None:
        try:
            await self._world.downloads.move(download, event, changes)
        except Overtaken:
            raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(download.state))) from None

    def _require(self, download: Download, possible: bool, what: str) -> None:
        if not possible:
            raise Refused(because(Code.ERROR_DOWNLOAD_STATE, state=str(download.state), order=what))

    def _described(self, download: Download) -> WireMap:
        return describe_downloads.download(self._world, download)


@contextmanager
def _asking() -> Iterator[None]:
    """What the downloader does not answer or does not do is a refusal that says so."""
    try:
        yield
    except (CannotAsk, DownloadRefused) as error:
        raise Refused(error.reason) from error


def is_theirs(download: Download, caller: Caller) -> bool:
    """Whether the caller may see and steer it."""
    return caller.access >= Access.OPERATE or download.asked.uid == caller.uid


def _require_own(download: Download) -> None:
    if download.foreign:
        raise Refused(because(Code.ERROR_DOWNLOAD_FOREIGN, downloader=download.asked.downloader))


def _numbers(given: Sequence[int], most: int | None) -> tuple[int, ...]:
    if not given or min(given) < 1 or (most is not None and max(given) > most) or len(given) > 100_000:
        raise _bad("files: numbers from 1" + (f" to {most}" if most is not None else ""))
    return tuple(sorted(set(given)))


def _size(wish: _Wish, wanted: Sequence[int] | None) -> int | None:
    if wish.torrent is None:
        return None
    return sum(file.size for n, file in enumerate(wish.torrent.files, 1) if wanted is None or n in wanted)


async def _read(content: bytes) -> Torrent:
    """Not on the event loop: the largest that is taken keeps a thread busy for a second."""
    return await on_thread(partial(read_torrent, content), "torrent")


def _bad(message: str) -> Refused:
    return Refused(because(Code.ERROR_BAD_REQUEST, message=f"download: {message}"))
