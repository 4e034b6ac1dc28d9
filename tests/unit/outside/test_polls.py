"""What polls of downloaders' clients cost and keep, against answers made up here."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cloudgather.core.downloader import DownloaderSpec, Kind, Phase, Polled
from cloudgather.outside.aria2 import Aria2
from cloudgather.outside.qbittorrent import QBittorrent
from cloudgather.ports.uploads import CannotAsk
from fakes.web import answering

TORRENT = {"state": "stalledDL", "save_path": "/d", "name": "a", "size": 10, "amount_left": 5, "dlspeed": 0}
BROKEN = {**TORRENT, "size": "many"}


def told_by_qbittorrent(*answers: dict[str, Any]) -> list[Polled | None]:
    """What a poll brings at each of these answers to sync/maindata; None: it was refused."""
    left = [{"rid": number, **answer} for number, answer in enumerate(answers, 1)]

    def answer(path: str, body: bytes) -> bytes:
        return json.dumps(left.pop(0)).encode() if "maindata" in path else b"2.11.2"

    async def poll(url: str) -> list[Polled | None]:
        client = QBittorrent(DownloaderSpec(name="qb", kind=Kind.QBITTORRENT, url=url), warn=lambda *_: None)
        brought: list[Polled | None] = []
        try:
            for _ in answers:
                try:
                    brought.append(await client.poll())
                except CannotAsk:
                    brought.append(None)
        finally:
            await client.close()
        return brought

    with answering(answer) as url:
        return asyncio.run(poll(url))


def test_what_a_poll_told_that_failed_midway_the_next_one_tells_again() -> None:
    whole = {"full_update": True, "torrents": {"a": TORRENT, "b": TORRENT}}
    complete = {**TORRENT, "state": "stalledUP", "amount_left": 0}

    _, failed, again = told_by_qbittorrent(
        whole,
        {"torrents": {"a": {"state": "stalledUP", "amount_left": 0}, "c": BROKEN}},
        {"full_update": True, "torrents": {"a": complete, "b": TORRENT, "c": TORRENT}},
    )

    assert failed is None
    assert again is not None and again.changed.keys() == {"a", "c"} and not again.gone


@pytest.mark.parametrize(
    "failing",
    [{"torrents_removed": ["b"], "torrents": {"c": BROKEN}}, {"full_update": True, "torrents": {"a": BROKEN}}],
)
def test_what_has_gone_when_a_poll_failed_midway_is_gone_at_the_next_one(failing: dict[str, Any]) -> None:
    whole = {"full_update": True, "torrents": {"a": TORRENT, "b": TORRENT}}

    _, failed, again = told_by_qbittorrent(whole, failing, {"full_update": True, "torrents": {"a": TORRENT}})

    assert failed is None
    assert again is not None and not again.changed and again.gone == {"b"}


def test_what_waits_for_a_place_among_those_that_upload_is_seeded() -> None:
    queued = {**TORRENT, "state": "queuedUP", "amount_left": 0}
    stopped = {**TORRENT, "state": "stoppedUP", "amount_left": 0}

    (polled,) = told_by_qbittorrent({"full_update": True, "torrents": {"a": queued, "b": stopped}})

    assert polled is not None
    assert {id: item.phase for id, item in polled.changed.items()} == {"a": Phase.SEEDING, "b": Phase.COMPLETE}


def test_a_content_path_that_names_no_folder_is_below_where_it_downloads_to() -> None:
    # Seen of 4.5 for a moment after a torrent was added or the program was started.
    fresh = {**TORRENT, "state": "checkingResumeData", "content_path": "a.mkv"}

    (polled,) = told_by_qbittorrent(
        {"full_update": True, "torrents": {"a": fresh, "b": {**fresh, "download_path": "/temporary"}}}
    )

    assert polled is not None
    assert (polled.changed["a"].folders, polled.changed["a"].top) == ((b"/d",), b"a.mkv")
    assert (polled.changed["b"].folders, polled.changed["b"].top) == ((b"/temporary", b"/d"), b"a.mkv")


class FakeAria2:
    """One download, whose `status` a test changes; counts how often it is asked for files."""

    def __init__(self) -> None:
        self.status = {
            "gid": "1", "status": "active", "totalLength": "20", "completedLength": "5", "uploadLength": "0",
            "downloadSpeed": "0", "dir": "/d", "infoHash": "00", "bittorrent": {"info": {"name": "show"}},
        }  # fmt: skip
        self.selected = "true"
        self.asked_for_files = 0

    def answer(self, path: str, body: bytes) -> bytes:
        asked = json.loads(body)
        calls = asked["params"][-1] if asked["method"] == "system.multicall" else []
        results = [[self._result(call["methodName"])] for call in calls]
        return json.dumps({"jsonrpc": "2.0", "id": "1", "result": results or "OK"}).encode()

    def _result(self, method: str) -> Any:
        if method == "aria2.getFiles":
            self.asked_for_files += 1
            files = [("a", "true"), ("b", self.selected)]
            return [
                {"index": str(index), "path": f"/d/show/{name}", "length": "10", "completedLength": "0", "selected": on}
                for index, (name, on) in enumerate(files, 1)
            ]
        return {"aria2.getSessionInfo": {"sessionId": "1"}, "aria2.tellActive": [self.status]}.get(method, [])


def with_aria2(work: Callable[[FakeAria2, Aria2], Awaitable[None]]) -> None:
    """`work` with a client of its own."""
    aria2 = FakeAria2()

    async def run(url: str) -> None:
        client = Aria2(DownloaderSpec(name="aria2", kind=Kind.ARIA2, url=url))
        try:
            await work(aria2, client)
        finally:
            await client.close()

    with answering(aria2.answer) as url:
        asyncio.run(run(url))


def test_files_of_what_rests_or_is_seeded_are_asked_for_once() -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        for _ in range(3):
            await client.poll()
        assert aria2.asked_for_files == 1

        aria2.status |= {"completedLength": "20", "seeder": "true"}
        for _ in range(3):
            await client.poll()
        assert aria2.asked_for_files == 2

    with_aria2(poll)


def test_before_the_first_byte_and_after_a_choice_files_are_asked_for_anew() -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        aria2.status |= {"completedLength": "0"}
        for _ in range(3):
            await client.poll()
        assert aria2.asked_for_files == 3

        aria2.status |= {"completedLength": "5"}
        await client.poll()
        aria2.selected = "false"
        await client.select("1", [1])
        polled = await client.poll()
        assert polled.changed["1"].size == 10

    with_aria2(poll)
