"""Which folders of a downloader are looked for here by `cgctl downloader test`, and where `detect` looks."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, cast

from cgwire import downloader as wire
from cgwire.codes import Code
from cgwire.reasons import because
from cloudgather.core.caller import Caller
from cloudgather.core.downloader import DownloaderSpec, Item, Kind
from cloudgather.operations.downloaders import DownloaderOperations
from cloudgather.operations.world import World
from cloudgather.ports.source import Absent, SourceUnavailable
from fakes.clock import FakeClock
from fakes.downloader import FakeDownloader, an_item, complete

HERE = {b"/downloads": (), b"/vol/cg": (b"cg-1-7/film.mkv",)}


class Folder:
    """As a source: it is there where HERE has it, with the names that stand there."""

    def __init__(self, path: bytes) -> None:
        self._path = path

    async def root(self) -> None:
        if self._path not in HERE:
            raise SourceUnavailable(because(Code.SOURCE_GONE, source=self._path))

    async def look_all(self, names: Sequence[bytes]) -> list[Any]:
        return [object() if name in HERE[self._path] else Absent.GONE for name in names]


def findings(*items: Item, **spec: Any) -> list[tuple[bool, str, bytes | None]]:
    port = FakeDownloader(**spec)
    following = SimpleNamespace(
        spec=port.spec, port=port, items={item.id: item for item in items}, poll_soon=lambda: None
    )
    claims = SimpleNamespace(following={"qb": following}, source_at=Folder)
    world = SimpleNamespace(clock=FakeClock(), intake=SimpleNamespace(claims=claims), board=SimpleNamespace(tasks={}))
    request = DownloaderOperations(cast(World, world)).downloader_test(wire.Test(name="qb"), cast(Caller, None))
    reply = asyncio.run(request)
    assert reply["ok"] == all(ok for ok, _ in reply["findings"])
    return [(ok, why["code"], why.get("folder")) for ok, why in reply["findings"][1:]]


def test_a_folder_in_which_nothing_has_come_need_not_be_there() -> None:
    nothing = an_item("1", final=b"/new", current=b"/new", done=0)
    something = an_item("2", final=b"/moved", current=b"/moved", done=1)

    assert findings(nothing) == [(True, "downloader.folder", b"/downloads")]
    assert findings(something)[1] == (False, "downloader.no-folder", b"/moved")


def test_what_was_asked_for_here_is_looked_for_below_its_dir() -> None:
    failed = an_item("1", final=b"/remote/cg-1-5", current=b"/remote/cg-1-5", done=1)
    done = complete(an_item("2", final=b"/remote/cg-1-7", current=b"/remote/cg-1-7", top=b"film.mkv"))
    elsewhere = complete(an_item("3", final=b"/remote/cg-1-9", current=b"/remote/cg-1-9", top=b"other.mkv"))
    spec = {"dir": b"/vol/cg", "path_map": ((b"/remote", b"/vol/cg"),)}

    assert findings(failed, done, **spec)[1:] == [(True, "downloader.folder", b"/remote")]
    assert findings(elsewhere, **spec)[1:] == [(False, "downloader.other-folder", b"/remote")]


def test_a_dir_that_is_not_there_is_to_be_made() -> None:
    assert findings(dir=b"/vol/none")[1] == (False, "held.download-folder", b"/vol/none")


def test_detecting_tells_what_listens_where_and_all_that_was_tried() -> None:
    def make(spec: DownloaderSpec) -> FakeDownloader:
        port = FakeDownloader()
        port.down = spec.kind is not Kind.ARIA2
        return port

    claims = SimpleNamespace(following={}, make=make)
    world = SimpleNamespace(intake=SimpleNamespace(claims=claims))

    reply = asyncio.run(DownloaderOperations(cast(World, world)).downloader_detect(wire.Detect(), cast(Caller, None)))

    aria2 = {"kind": "aria2", "url": "http://127.0.0.1:6800"}
    lines = ["[downloaders.aria2]", 'kind = "aria2"', 'url = "http://127.0.0.1:6800"']
    assert reply["found"] == [{**aria2, "configured": None, "lines": lines}]
    assert aria2 in reply["tried"]
    assert {each["kind"] for each in reply["tried"]} == {"qbittorrent", "aria2", "transmission"}


def test_detecting_without_what_asks_says_what_to_install() -> None:
    asked = """
        import asyncio, sys
        from types import SimpleNamespace

        sys.modules["aiohttp"] = None  # as if it were not installed
        from cgwire.text import hint, sentence
        from cloudgather.app.downloaders import make_downloader
        from cloudgather.core.caller import Refused
        from cloudgather.operations.downloaders import DownloaderOperations

        claims = SimpleNamespace(following={}, make=make_downloader)
        operations = DownloaderOperations(SimpleNamespace(intake=SimpleNamespace(claims=claims)))
        try:
            asyncio.run(operations.downloader_detect(None, None))
        except Refused as refused:
            reason = refused.reason.to_wire()
            print(reason["code"], sentence(reason, "en"), hint(reason, "en"), sep="\\n")
    """

    said = subprocess.run([sys.executable, "-c", dedent(asked)], capture_output=True, text=True, check=True, timeout=60)

    code, sentence, hint = said.stdout.splitlines()
    assert code == "downloader.no-client"
    assert sentence.startswith("aiohttp is not installed")
    assert hint.startswith("run pip install aiohttp in the daemon's environment")
