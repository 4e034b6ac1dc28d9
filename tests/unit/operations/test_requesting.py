"""What is wrong with a request for a download is a code, which is told in the language of whoever asked."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cgwire.access import Access
from cgwire.download import Add
from cloudgather.core.caller import Caller, Refused
from cloudgather.core.download import Allowance
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.operations.requesting import DownloadRequests
from cloudgather.operations.world import World

MAGNET = "magnet:?xt=urn:btih:" + "0" * 40
TORRENT = b"d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:" + b"x" * 20 + b"ee"


async def spelled(host: str) -> Any:
    host.encode("idna")


async def nobody(host: str) -> Any:
    raise OSError(-2, "Name or service not known")


def refused(content: bytes = TORRENT, allowance: Allowance | None = None, resolve: Any = nobody, **wish: Any) -> Any:
    aria2 = DownloaderSpec(name="aria2", kind=Kind.ARIA2, url="http://aria2", dir=b"/vol")
    settings = SimpleNamespace(
        downloads=SimpleNamespace(allow_private=False, to="cloud:films"), downloaders={"aria2": aria2}
    )
    world = SimpleNamespace(
        allowance=lambda caller: allowance or Allowance(),
        blobs=SimpleNamespace(take=lambda id, caller: content),
        configuration=lambda: SimpleNamespace(settings=settings),
        resolve=resolve,
        target=lambda name: None,
    )
    caller = cast(Caller, SimpleNamespace(access=Access.ADMIN, uid=0, user="root"))
    with pytest.raises(Refused) as caught:
        asyncio.run(DownloadRequests(cast(World, world)).download_add(Add(**{"options": {}, **wish}), caller))
    return caught.value.reason.to_wire()


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"uri": "x:"}, {"code": "error.link", "cause": {"code": "link.other"}}),
        ({"blob": 1, "content": b"<html>"}, {"code": "error.torrent", "cause": {"code": "torrent.web-page"}}),
        ({"blob": 1, "content": b"de "}, {"code": "error.torrent", "cause": {"code": "torrent.damaged"}}),
        ({"blob": 1, "files": (1, 9)}, {"code": "download.no-such-files", "largest": 9, "files": 1}),
        ({"uri": MAGNET, "to": "cloud"}, {"code": "error.place", "target": "cloud"}),
        ({"uri": MAGNET, "to": "cloud:../x"}, {"code": "error.place", "cause": {"code": "place.up"}}),
        ({"uri": MAGNET, "to": "cloud:\0"}, {"code": "error.place", "cause": {"code": "place.nul"}}),
        ({"uri": MAGNET, "to": "cloud:" + "x" * 256}, {"code": "error.place", "cause": {"code": "place.too-long"}}),
    ],
)
def test_the_reason_has_its_facts(wish: dict[str, Any], reason: dict[str, Any]) -> None:
    assert refused(**wish) == reason


def test_a_host_that_nobody_knows_is_named() -> None:
    assert refused(uri="https://none.invalid/x")["cause"] == {
        "code": "link.unknown-host", "host": "none.invalid", "message": "Name or service not known",
    }  # fmt: skip


def test_what_can_be_no_hosts_name_is_named() -> None:
    cause = refused(uri="https://a..b/x", resolve=spelled)["cause"]

    assert cause == {"code": "link.bad-host", "host": "a..b"}


def test_an_address_of_the_web_has_no_files_to_choose() -> None:
    assert refused(uri="https://1.1.1.1/x", files=(1,))["code"] == "error.no-files"


def test_who_may_use_other_downloaders_only_is_told_which() -> None:
    reason = refused(allowance=Allowance(downloaders=frozenset({"qb"})), uri=MAGNET, downloader="aria2")

    assert (reason["code"], reason["downloader"], reason["allowed"]) == ("error.no-downloader", "aria2", ["qb"])
