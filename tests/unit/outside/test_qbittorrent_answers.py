"""What answers of qBittorrent mean, made up here as its versions give them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from cgwire.codes import Code
from cloudgather.core.downloader import DownloaderSpec, Item, Kind, Phase
from cloudgather.outside.qbittorrent import QBittorrent
from cloudgather.ports.uploads import CannotAsk
from fakes.web import Answered
from unit.outside.talking import qbittorrent, talking

TORRENT = {"state": "downloading", "save_path": "/d", "name": "a", "size": 10, "amount_left": 5, "dlspeed": 1}


def items(*told: dict[str, Any], warned: list[str] | None = None) -> Sequence[Item]:
    """What is known of a torrent after each poll; `warned`: states that were told to be unknown."""
    left = [{"rid": number, "torrents": {"a": each}} for number, each in enumerate(told, 1)]

    def answer(path: str, body: bytes) -> bytes:
        return json.dumps(left.pop(0)).encode() if "maindata" in path else b"2.11.2"

    def client_at(url: str) -> QBittorrent:
        spec = DownloaderSpec(name="qb", kind=Kind.QBITTORRENT, url=url)
        return QBittorrent(spec, warn=lambda _, state: None if warned is None else warned.append(state))

    async def poll(client: QBittorrent) -> Sequence[Item]:
        return [(await client.poll()).changed["a"] for _ in told]

    return talking(client_at, answer, poll)


def test_a_state_that_is_not_known_leaves_what_it_does_as_it_was_and_is_told_once() -> None:
    warned: list[str] = []

    found = items(TORRENT, {"state": "pondering", "dlspeed": 2}, {"dlspeed": 3}, warned=warned)

    assert [item.phase for item in found] == [Phase.DOWNLOADING] * 3
    assert warned == ["pondering"]
    assert items({**TORRENT, "state": "pondering"})[0].phase is Phase.QUEUED


@pytest.mark.parametrize(
    ("told", "current", "top"),
    [
        ({}, b"/d", None),
        ({"download_path": "/t"}, b"/t", None),
        ({"content_path": "/d/show/a.mkv"}, b"/d", b"show"),
        ({"content_path": "/d", "download_path": "/t"}, b"/d", None),
        ({"content_path": "/d/t/show", "download_path": "/d/t"}, b"/d/t", b"show"),
        ({"content_path": "/elsewhere/show"}, b"/elsewhere", b"show"),
        ({"content_path": "/show"}, b"/", b"show"),
    ],
)
def test_where_its_content_is(told: dict[str, Any], current: bytes, top: bytes | None) -> None:
    (item,) = items({**TORRENT, **told})

    assert (item.current, item.top, item.final) == (current, top, b"/d")


def test_its_tags_are_names_between_commas() -> None:
    (item,) = items({**TORRENT, "tags": "films, 0123456789abcdef,"})

    assert item.tags == {"films", "0123456789abcdef"}


@pytest.mark.parametrize(
    ("torrent", "ways", "announced"),
    [
        ({"private": True}, None, False),
        ({"private": False}, None, True),
        ({}, [("** [DHT] **", ""), ("http://a", "")], True),
        ({}, [("** [DHT] **", "This torrent is private"), ("http://a", "")], False),
        ({}, [("http://a", "")], False),
    ],
)
def test_further_trackers_are_not_for_a_private_torrent(
    torrent: dict[str, Any], ways: list[tuple[str, str]] | None, announced: bool
) -> None:
    told: list[dict[str, list[str]]] = []

    def answer(path: str, body: bytes) -> bytes:
        if "maindata" in path:
            return json.dumps({"rid": 1, "torrents": {"a": {**TORRENT, **torrent}}}).encode()
        if "torrents/trackers" in path:
            assert ways is not None
            return json.dumps([{"url": url, "msg": message} for url, message in ways]).encode()
        if "addTrackers" in path:
            told.append(parse_qs(body.decode()))
        return b"2.8.18"

    async def announce(client: QBittorrent) -> None:
        await client.poll()
        await client.announce("a", ["udp://b", "udp://c"])

    talking(qbittorrent, answer, announce)

    assert told == ([{"hash": ["a"], "urls": ["udp://b\nudp://c"]}] if announced else [])


@pytest.mark.parametrize(("status", "code"), [(401, Code.DOWNLOADER_HOST), (403, Code.DOWNLOADER_PASSWORD)])
def test_whom_it_does_not_let_in_with_a_key_is_told_why(tmp_path: Path, status: int, code: Code) -> None:
    (tmp_path / "key").write_text("qbt_1234567890abcdefghijklmnopqrst")

    def client_at(url: str) -> QBittorrent:
        spec = DownloaderSpec(name="qb", kind=Kind.QBITTORRENT, url=url, api_key_file=os.fsencode(tmp_path / "key"))
        return QBittorrent(spec, warn=lambda *_: None)

    with pytest.raises(CannotAsk) as cannot:
        talking(client_at, lambda path, body: Answered(status=status), lambda client: client.poll())

    assert cannot.value.reason.code == code


@pytest.mark.parametrize(("version", "verbs"), [(b"2.10.4", ["pause", "resume"]), (b"2.11.0", ["stop", "start"])])
def test_each_version_is_told_to_rest_and_to_go_on_in_its_words(version: bytes, verbs: list[str]) -> None:
    told: list[str] = []

    def answer(path: str, body: bytes) -> bytes:
        if "webapiVersion" not in path:
            told.append(path.rpartition("/")[2])
        return version

    async def tell(client: QBittorrent) -> None:
        await client.pause("a")
        await client.resume("a")

    talking(qbittorrent, answer, tell)

    assert told == verbs


def test_of_a_file_as_much_is_there_as_its_progress_says_and_all_of_it_only_where_that_is_1() -> None:
    listed = [
        {"index": 3, "name": "show/a.mkv", "size": 1000, "progress": 0.9999, "priority": 1},
        {"name": "show/b.mkv", "size": 1000, "progress": 1, "priority": 0},
    ]

    def answer(path: str, body: bytes) -> bytes:
        return json.dumps(listed).encode() if "files" in path else b"2.11.2"

    found = talking(qbittorrent, answer, lambda client: client.files("a"))

    assert [(file.index, file.path, file.done, file.wanted) for file in found] == [
        (3, b"show/a.mkv", 999, True),
        (1, b"show/b.mkv", 1000, False),
    ]


@pytest.mark.parametrize("told", [b"[]", b"null", b"<html>", b""])
def test_what_is_no_answer_of_its_is_told_as_such(told: bytes) -> None:
    with pytest.raises(CannotAsk) as cannot:
        talking(qbittorrent, lambda path, _: told if "maindata" in path else b"2.11.2", lambda client: client.poll())

    assert cannot.value.reason.code == Code.DOWNLOADER_FOREIGN
