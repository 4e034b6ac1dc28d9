"""What may be asked to be downloaded, by whom, and where it goes: all is checked before anything is recorded."""

import ipaddress
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cgwire import blob as blob_wire
from cgwire import download as wire
from cgwire.access import Access
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.config.values import BadPath, below
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import Allowance, Asked, Download
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.core.link import BadLink, Link, is_private, read_link
from cloudgather.core.options import BadOption, checked, of_group
from cloudgather.core.torrent import BadTorrent, Torrent, read_torrent
from cloudgather.operations import describe_downloads
from cloudgather.operations.world import WireMap, World, nearest
from cloudgather.outside.threads import on_thread
from cloudgather.ports.downloads import NewDownload

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


class DownloadRequests:
    """download.add and blob.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def blob_append(self, request: blob_wire.Append, caller: Caller) -> WireMap:
        """A piece of a torrent file."""
        return self._world.blobs.append(request, caller)

    async def download_add(self, request: wire.Add, caller: Caller) -> WireMap:
        """Checked in full before anything is recorded; what is recorded is followed until it has ended."""
        world = self._world
        wish = await self._wish(request, caller)
        allowance = world.allowance(caller)
        spec = self._downloader(request.downloader, wish, allowance)
        if request.if_exists not in ("reuse", "refuse"):
            raise bad_request('if_exists is "reuse" or "refuse"')
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
        return {"download": describe_downloads.download(self._world, download), "reused": False}

    async def _wish(self, request: wire.Add, caller: Caller) -> _Wish:
        if (request.uri is None) == (request.blob is None):
            raise bad_request("give either uri or blob")
        if request.blob is not None:
            content = self._world.blobs.take(request.blob, caller)
            try:
                return _Wish(torrent=await read_in_thread(content), content=content)
            except BadTorrent as bad:
                raise Refused(because(Code.ERROR_TORRENT, cause=bad.reason.to_wire())) from bad
        assert request.uri is not None
        try:
            link = read_link(request.uri)
        except BadLink as bad:
            raise Refused(because(Code.ERROR_LINK, cause=bad.reason.to_wire())) from bad
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
                unknown = because(Code.LINK_UNKNOWN_HOST, host=host, message=error.strerror)
                raise Refused(because(Code.ERROR_LINK, cause=unknown.to_wire())) from error
            except UnicodeError as error:  # from the codec of names: "a..b", or a label that is too long
                impossible = because(Code.LINK_BAD_HOST, host=host)
                raise Refused(because(Code.ERROR_LINK, cause=impossible.to_wire())) from error
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
        allowed = sorted(allowance.downloaders) if allowance.downloaders is not None else None
        raise Refused(because(Code.ERROR_NO_DOWNLOADER, downloader=name, web=wish.needs_aria2, allowed=allowed))

    def _earlier(self, earlier: Download, request: wire.Add, caller: Caller) -> WireMap:
        if request.if_exists == "refuse" or not is_theirs(earlier, caller):
            raise Refused(because(Code.ERROR_DOWNLOAD_THERE, downloader=earlier.asked.downloader, name=earlier.name))
        return {"download": describe_downloads.download(self._world, earlier), "reused": True}

    def _destination(self, request: wire.Add, caller: Caller) -> tuple[str | None, str, bytes]:
        """Task, target and folder there."""
        if request.task is not None and request.to is not None:
            raise bad_request("give either task or to")
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
            raise Refused(because(Code.ERROR_PLACE, target=name))
        try:
            return None, name, below(folder)
        except BadPath as bad:
            raise Refused(because(Code.ERROR_PLACE, cause=because(bad.code).to_wire())) from bad

    def _options(self, spec: DownloaderSpec, allowance: Allowance, given: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return {
                **checked(spec.kind, spec.options),
                **of_group(spec.kind, allowance.options),
                **checked(spec.kind, given),
            }
        except BadOption as bad:
            raise Refused(because(Code.ERROR_OPTION, downloader=spec.name, cause=bad.reason.to_wire())) from bad

    def _wanted(self, request: wire.Add, wish: _Wish) -> tuple[int, ...] | None:
        if not request.files:
            return None
        if request.choose:
            raise bad_request("give either files or choose")
        if wish.needs_aria2 and not request.uri.endswith(".torrent"):  # type: ignore[union-attr]  # a link has one
            raise Refused(because(Code.ERROR_NO_FILES))
        return as_numbers(request.files, len(wish.torrent.files) if wish.torrent is not None else None)


def is_theirs(download: Download, caller: Caller) -> bool:
    """Whether the caller may see and steer it."""
    return caller.access >= Access.OPERATE or download.asked.uid == caller.uid


def as_numbers(given: Sequence[int], most: int | None) -> tuple[int, ...]:
    """The numbers of files, sorted; raises Refused."""
    if not given or min(given) < 1 or len(given) > 100_000:
        raise bad_request("files: numbers from 1")
    if most is not None and max(given) > most:
        raise Refused(because(Code.DOWNLOAD_NO_SUCH_FILES, largest=max(given), files=most))
    return tuple(sorted(set(given)))


def _size(wish: _Wish, wanted: Sequence[int] | None) -> int | None:
    if wish.torrent is None:
        return None
    return sum(file.size for n, file in enumerate(wish.torrent.files, 1) if wanted is None or n in wanted)


async def read_in_thread(content: bytes) -> Torrent:
    """Not on the event loop: the largest that is taken keeps a thread busy for a second."""
    return await on_thread(partial(read_torrent, content), "torrent")


def bad_request(message: str) -> Refused:
    """The request is not as it should be."""
    return Refused(because(Code.ERROR_BAD_REQUEST, message=f"download: {message}"))
