"""What another program answers at a downloader's address is named as that, whatever it is."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from cgwire.codes import Code
from cloudgather.app.downloaders import make_downloader
from cloudgather.core.downloader import DownloaderSpec, DownloadOrder, Kind
from cloudgather.ports.downloader import Downloader, DownloadRefused
from cloudgather.ports.uploads import CannotAsk
from fakes.web import answering

ORDER: Final = DownloadOrder(uri="magnet:?xt=urn:btih:" + "a" * 40, folder=b"/d", mark="0123456789abcdef")
VALUES: Final[tuple[Any, ...]] = (None, 5, "x", [], [[]], {}, {"a": 1})
ASKED: Final[tuple[Callable[[Downloader], Awaitable[object]], ...]] = (
    lambda client: client.about(),
    lambda client: client.poll(),
    lambda client: client.files("1"),
    lambda client: client.add(ORDER),
    lambda client: client.pause("1"),
    lambda client: client.remove("1", with_files=False),
)


def answers(value: Any) -> list[bytes]:
    """JSON of all kinds with this value somewhere in it."""
    inside = {"version": value, "rpc-version": 16, "download-dir": value, "torrents": value, "files": value}
    rpc = {"jsonrpc": "2.0", "id": "1"}
    found: list[Any] = [
        value,
        {**rpc, "result": value},
        {**rpc, "result": [value] * 4},
        {**rpc, "result": [[value]] * 4},
        {**rpc, "error": value},
        {"result": "success", "arguments": inside},
        {"rid": 1, "torrents": value, "save_path": value},
        {"rid": value},
    ]
    return [json.dumps(each).encode() for each in found]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("greets", [True, False])
def test_whatever_answers_is_no_bug_of_ours(kind: Kind, greets: bool) -> None:
    said = b""

    def answer(path: str, body: bytes) -> bytes:
        return b"2.8.18" if greets and path.endswith("webapiVersion") else said

    async def ask(url: str) -> None:
        nonlocal said
        for said in [b"", b"Ok.", b"\xff", b'{"rid": 1e400}', *(each for value in VALUES for each in answers(value))]:
            client = make_downloader(DownloaderSpec(name="dl", kind=kind, url=url))
            try:
                for asked in ASKED:
                    try:
                        await asked(client)
                    except (CannotAsk, DownloadRefused) as refused:
                        assert refused.reason.code.startswith("downloader."), said
            finally:
                await client.close()

    with answering(answer) as url:
        asyncio.run(ask(url))


@pytest.mark.parametrize("kind", Kind)
def test_another_json_rpc_is_not_taken_for_it(kind: Kind) -> None:
    error = {"code": -32601, "message": "Method not found."}

    async def ask(url: str) -> str:
        client = make_downloader(DownloaderSpec(name="dl", kind=kind, url=url))
        try:
            with pytest.raises(CannotAsk) as refused:
                await client.about()
            return refused.value.reason.code
        finally:
            await client.close()

    with answering(lambda path, body: json.dumps({"jsonrpc": "2.0", "id": "1", "error": error}).encode()) as url:
        assert asyncio.run(ask(url)) == Code.DOWNLOADER_FOREIGN
