"""What an operator may ask of downloaders."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from cgwire import downloader as wire
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.downloader import DownloaderSpec, Item, Kind
from cloudgather.core.mounts import is_below
from cloudgather.operations import describe, describe_downloads
from cloudgather.operations.world import WireMap, World, nearest
from cloudgather.pipeline.following import Following
from cloudgather.ports.source import Absent, SourceUnavailable
from cloudgather.ports.uploads import CannotAsk

_SHOWN: Final = 100
_USUAL: Final = (
    (Kind.QBITTORRENT, "http://127.0.0.1:8080"),
    (Kind.QBITTORRENT, "http://127.0.0.1:8081"),
    (Kind.QBITTORRENT, "http://127.0.0.1:8085"),
    (Kind.QBITTORRENT, "http://127.0.0.1:8090"),
    (Kind.ARIA2, "http://127.0.0.1:6800"),
    (Kind.TRANSMISSION, "http://127.0.0.1:9091"),
)
# What shows that the right program listens there, though it does not let us in.
_IS_IT: Final = frozenset({Code.DOWNLOADER_PASSWORD, Code.DOWNLOADER_BANNED, Code.DOWNLOADER_HOST, Code.DOWNLOADER_OLD})
_LOGINS: Final = {
    Kind.QBITTORRENT: ('username = "admin"', 'password_file = "qb-password"'),
    Kind.ARIA2: ('secret_file = "aria2-secret"',),
    Kind.TRANSMISSION: ('username = "admin"', 'password_file = "transmission-password"'),
}


class DownloaderOperations:
    """downloader.*"""

    def __init__(self, world: World) -> None:
        self._world = world

    async def downloader_list(self, request: wire.List, caller: Caller) -> WireMap:
        """All of them, as their last answers show them."""
        return {"downloaders": [self._seen_of(each) for each in self._world.intake.claims.following.values()]}

    async def downloader_show(self, request: wire.Show, caller: Caller) -> WireMap:
        """One with its configuration and what it has not completed."""
        following = self._following(request.name)
        unfinished = [item for item in following.items.values() if not item.complete][:_SHOWN]
        return {
            **self._seen_of(following),
            "config": describe.plain(following.spec),
            "unfinished_items": [
                [item.name, str(item.phase), item.progress, item.speed, following.spec.ours(item.final)]
                for item in unfinished
            ],
        }

    def _seen_of(self, following: Following) -> WireMap:
        return describe_downloads.downloader(self._world, following)

    def _following(self, name: str) -> Following:
        known = self._world.intake.claims.following
        if (following := known.get(name)) is None:
            raise Refused(because(Code.ERROR_NO_SUCH_DOWNLOADER, downloader=name, near=nearest(name, known)))
        return following

    # ---- test --------------------------------------------------------------------------------------------------------

    async def downloader_test(self, request: wire.Test, caller: Caller) -> WireMap:
        """Whether it answers, lets us in, and puts its files where we find them."""
        following = self._following(request.name)
        begun = self._world.clock.monotonic()
        try:
            about = await following.port.about()
        except CannotAsk as refused:
            return {
                "ok": False, "findings": [[False, refused.reason.to_wire()]], "program": None, "api": None,
                "seconds": None,
            }  # fmt: skip
        seconds = self._world.clock.monotonic() - begun
        findings = [(True, because(Code.DOWNLOADER_ANSWERS, downloader=request.name, seconds=seconds))]
        for folder in _highest(_folders(following.spec, about.folder, following.items.values())):
            findings.append(await self._folder(following, folder))
        following.poll_soon()  # it may not have been answering until now
        return {
            "ok": all(ok for ok, _ in findings),
            "findings": [[ok, reason.to_wire()] for ok, reason in findings],
            "program": about.program,
            "api": about.api,
            "seconds": seconds,
        }

    async def _folder(self, following: Following, folder: bytes) -> tuple[bool, Reason]:
        """Whether what it calls `folder` is a folder here, in which what it has completed lies."""
        here = following.spec.ours(folder)
        facts = {"downloader": following.spec.name, "folder": folder, "here": here}
        names = _names(following.items.values(), folder)
        there, found = await self._found(here, names)
        if there and (found or not names):
            return True, because(Code.DOWNLOADER_FOLDER, **facts)
        if not there and here == following.spec.dir:
            return False, because(Code.HELD_DOWNLOAD_FOLDER, downloader=following.spec.name, folder=here)
        suggestion = await self._suggested(folder, names)
        code = Code.DOWNLOADER_OTHER_FOLDER if there else Code.DOWNLOADER_NO_FOLDER
        return False, because(code, **facts, suggestion=suggestion)

    async def _found(self, folder: bytes, names: Sequence[bytes]) -> tuple[bool, bool]:
        """Whether a folder of ours can be used, and whether any of these lies in it."""
        source = self._world.intake.claims.source_at(folder)
        try:
            await source.root()
            looks = await source.look_all(names)
        except SourceUnavailable:
            return False, False
        return True, any(look is not Absent.GONE for look in looks)

    async def _suggested(self, folder: bytes, names: Sequence[bytes]) -> bytes | None:
        """The source of a task, or a folder above one, in which lies what it says that it has put into `folder`."""
        candidates = [each for state in self._world.board.tasks.values() for each in _around(state.task.source)]
        for candidate in candidates:
            if (await self._found(candidate, names))[1]:
                return candidate
        alike = [each for each in candidates if each.rpartition(b"/")[2] == folder.rpartition(b"/")[2]]
        return alike[0] if alike else None

    # ---- detect ------------------------------------------------------------------------------------------------------

    async def downloader_detect(self, request: wire.Detect, caller: Caller) -> WireMap:
        """Nobody is shown a password: what wants one is known by how it refuses."""
        configured = {
            (each.spec.kind, each.spec.url.removesuffix("/jsonrpc")): each.spec.name
            for each in self._world.intake.claims.following.values()
        }
        found = []
        for kind, url in _USUAL:
            if (login := await self._tried(kind, url)) is None:
                continue
            lines = [f"[downloaders.{kind}]", f'kind = "{kind}"', f'url = "{url}"', *login]
            found.append({"kind": str(kind), "url": url, "configured": configured.get((kind, url)), "lines": lines})
        return {"found": found, "tried": [{"kind": str(kind), "url": url} for kind, url in _USUAL]}

    async def _tried(self, kind: Kind, url: str) -> Sequence[str] | None:
        """The lines for its login, where such a program listens there; raises Refused where nothing can be asked."""
        port = self._world.intake.claims.make(DownloaderSpec(name=str(kind), kind=kind, url=url))
        try:
            await port.about()
        except CannotAsk as refused:
            if refused.reason.code == Code.DOWNLOADER_NO_CLIENT:
                raise Refused(refused.reason) from refused
            return _LOGINS[kind] if refused.reason.code in _IS_IT else None
        finally:
            await port.close()
        return ()


def _folders(spec: DownloaderSpec, usual: bytes, items: Iterable[Item]) -> set[bytes]:
    """What must be found here of the folders that it names: where it has put something, and where it is to put it.

    It makes a folder with the first byte, so one in which nothing has come need not be there. What was asked for here
    lies in folders of its own below `dir`.
    """
    found = {item.final for item in items if item.done and not (spec.dir and is_below(spec.ours(item.final), spec.dir))}
    return found | {usual} | ({spec.theirs(spec.dir)} if spec.dir else set())


def _highest(folders: Iterable[bytes]) -> list[bytes]:
    """Those that are below none of the others."""
    return sorted(
        folder for folder in folders if not any(folder != other and is_below(folder, other) for other in folders)
    )


def _names(items: Iterable[Item], folder: bytes) -> list[bytes]:
    """What must lie in `folder` according to some of what is complete."""
    complete = (item for item in items if item.complete and item.top is not None and is_below(item.final, folder))
    return [
        (item.final[len(folder) :].strip(b"/") + b"/" + (item.top or b"")).lstrip(b"/")
        for item in islice(complete, _SHOWN)
    ]


def _around(source: bytes) -> list[bytes]:
    """The folder itself and those above it, but for the root."""
    parts = source.strip(b"/").split(b"/")
    return [b"/" + b"/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
