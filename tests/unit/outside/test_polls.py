"""What polls of downloaders' clients cost and keep, against answers made up here."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cloudgather.core.downloader import Phase, Polled
from cloudgather.outside.aria2 import Aria2
from cloudgather.outside.qbittorrent import QBittorrent
from cloudgather.outside.transmission import Transmission
from cloudgather.ports.uploads import CannotAsk
from fakes.web import Answered
from unit.outside.talking import aria2, qbittorrent, talking, transmission

TORRENT = {"state": "stalledDL", "save_path": "/d", "name": "a", "size": 10, "amount_left": 5, "dlspeed": 0}
BROKEN = {**TORRENT, "size": "many"}


def told_by_qbittorrent(*answers: dict[str, Any]) -> list[Polled | None]:
    """What a poll brings at each of these answers to sync/maindata; None: it was refused."""
    left = [{"rid": number, **answer} for number, answer in enumerate(answers, 1)]

    def answer(path: str, body: bytes) -> bytes:
        return json.dumps(left.pop(0)).encode() if "maindata" in path else b"2.11.2"

    async def poll(client: QBittorrent) -> list[Polled | None]:
        brought: list[Polled | None] = []
        for _ in answers:
            try:
                brought.append(await client.poll())
            except CannotAsk:
                brought.append(None)
        return brought

    return talking(qbittorrent, answer, poll)


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


class FakeSessions:
    """A qBittorrent that lets everybody in, and tells each session what is new to that."""

    def __init__(self) -> None:
        self.made = 0
        self.whole = 0  # so often it has listed all that it has
        self._known: dict[str, int] = {}  # by cookie: the number of its last list
        self._sent = ""

    def cookies(self, sent: str) -> None:
        self._sent = sent

    def answer(self, path: str, body: bytes) -> Answered:
        headers = {}
        if self._sent not in self._known:
            self.made += 1
            self._sent = f"SID={self.made}"
            self._known[self._sent] = 0
            headers = {"Set-Cookie": f"{self._sent}; HttpOnly; path=/"}
        if "maindata" not in path:
            return Answered(b"2.8.18", headers=headers)
        before = self._known[self._sent]
        self._known[self._sent] = rid = before + 1
        whole = before == 0 or not path.endswith(f"rid={before}")
        self.whole += whole
        told = {"full_update": True, "torrents": {"a": TORRENT}} if whole else {}
        return Answered(json.dumps({"rid": rid, **told}).encode(), headers=headers)

    def forget(self) -> None:
        self._known.clear()


def test_whom_qbittorrent_lets_in_without_a_login_has_one_session_and_hears_only_what_is_new() -> None:
    sessions = FakeSessions()

    async def poll(client: QBittorrent) -> None:
        assert [len((await client.poll()).changed) for _ in range(3)] == [1, 0, 0]
        assert (sessions.made, sessions.whole) == (1, 1)
        sessions.forget()
        assert [len((await client.poll()).changed) for _ in range(3)] == [0, 0, 0]
        assert (sessions.made, sessions.whole) == (2, 2)

    talking(qbittorrent, sessions.answer, poll, cookies=sessions.cookies)


class FakeAria2:
    """One download, whose `status` a test changes; counts how often it is asked for files."""

    def __init__(self) -> None:
        self.status = {
            "gid": "1", "status": "active", "totalLength": "20", "completedLength": "5", "uploadLength": "0",
            "downloadSpeed": "0", "dir": "/d", "infoHash": "00", "bittorrent": {"info": {"name": "show"}},
        }  # fmt: skip
        self.selected = "true"
        self.waiting: list[dict[str, Any]] = []
        self.waitings: list[list[dict[str, Any]]] = []  # what waits when it is asked for that the next times
        self.ended: list[dict[str, Any]] = []
        self.ended_ever = 0
        self.asked_for_files = 0
        self.requests: list[list[str]] = []  # the methods that each of them called

    def answer(self, path: str, body: bytes) -> bytes:
        asked = json.loads(body)
        calls = asked["params"][-1] if asked["method"] == "system.multicall" else []
        self.requests.append([call["methodName"] for call in calls])
        results = [[self._result(call["methodName"], call["params"])] for call in calls]
        return json.dumps({"jsonrpc": "2.0", "id": "1", "result": results or "OK"}).encode()

    def one_more_ends(self) -> None:
        self.ended.append({**self.status, "gid": f"e{self.ended_ever}", "status": "complete"})
        self.ended_ever += 1

    def _result(self, method: str, params: list[Any]) -> Any:
        last = params[-1] if params else []
        if method == "aria2.tellWaiting" and self.waitings:
            self.waiting = self.waitings.pop(0)
        if method == "aria2.getFiles":
            self.asked_for_files += 1
            files = [("a", "true"), ("b", self.selected)]
            return [
                {"index": str(index), "path": f"/d/show/{name}", "length": "10", "completedLength": "0", "selected": on}
                for index, (name, on) in enumerate(files, 1)
            ]
        told = {
            "aria2.getSessionInfo": {"sessionId": "1"},
            "aria2.getGlobalStat": {"numStopped": str(len(self.ended)), "numStoppedTotal": str(self.ended_ever)},
            "aria2.tellActive": [self.status],
            "aria2.tellWaiting": [{key: each[key] for key in last if key in each} for each in self.waiting],
            "aria2.tellStopped": self.ended,
        }
        return told.get(method, [])


def with_aria2(work: Callable[[FakeAria2, Aria2], Awaitable[None]]) -> None:
    """`work` with a client of its own."""
    server = FakeAria2()
    talking(aria2, server.answer, lambda client: work(server, client))


def test_what_was_complete_and_is_paused_in_aria2_is_not_seeded() -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        aria2.status |= {"completedLength": "20", "seeder": "true"}
        assert (await client.poll()).changed["1"].phase is Phase.SEEDING
        aria2.status |= {"status": "paused"}
        assert (await client.poll()).changed["1"].phase is Phase.QUEUED

    with_aria2(poll)


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


@pytest.mark.parametrize("torrents", [1, 300])
def test_however_many_have_ended_aria2_is_asked_once_a_poll_until_one_more_has(torrents: int) -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        for _ in range(torrents):
            aria2.one_more_ends()
        first = await client.poll()
        assert len(first.changed) == torrents + 1
        asked = len(aria2.requests)
        for completed in range(6, 9):
            aria2.status["completedLength"] = aria2.status["downloadSpeed"] = str(completed)
            assert (await client.poll()).changed.keys() == {"1"}
        later = [method for request in aria2.requests[asked:] for method in request]
        assert len(aria2.requests) == asked + 6  # three times: the lists, and the files of the one that goes on
        assert later.count("aria2.getFiles") == 3 and "aria2.tellStopped" not in later

        aria2.one_more_ends()
        assert (await client.poll()).changed.keys() == {f"e{torrents}"}
        aria2.ended.pop(0)
        assert (await client.poll()).gone == {"e0"}
        aria2.ended.pop(0)
        aria2.one_more_ends()  # as many as before
        polled = await client.poll()
        assert polled.gone == {"e1"} and polled.changed.keys() == {f"e{torrents + 1}"}

    with_aria2(poll)


@pytest.mark.parametrize("torrents", [1, 300])
def test_however_many_wait_aria2_is_asked_once_a_poll_until_one_more_does_or_goes_on(torrents: int) -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        aria2.status["completedLength"] = "0"
        aria2.waiting = [{**aria2.status, "gid": f"w{number}", "status": "paused"} for number in range(torrents)]
        first = await client.poll()
        assert len(first.changed) == torrents + 1 and first.changed["w0"].paused
        asked = len(aria2.requests)
        for _ in range(3):
            assert not (await client.poll()).changed
        assert len(aria2.requests) == asked + 6  # the lists, and the files of the one that is active

        aria2.waiting[0]["status"] = "waiting"
        polled = await client.poll()
        assert polled.changed.keys() == {"w0"} and not polled.changed["w0"].paused
        aria2.status = aria2.waiting.pop(0) | {"status": "active", "downloadSpeed": "5"}
        polled = await client.poll()
        assert polled.changed.keys() == {"w0"} and polled.gone == {"1"}
        assert polled.changed["w0"].name == "show"

    with_aria2(poll)


def test_what_aria2_cannot_go_on_with_is_told_in_words() -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        for code, message in (("8", "No URI available."), ("3", "Resource not found")):
            aria2.ended.append({**aria2.status, "gid": code, "status": "error", "errorCode": code})
            aria2.ended[-1]["errorMessage"] = message
            aria2.ended_ever += 1
        items = (await client.poll()).changed
        assert [items[code].resumable for code in ("8", "3")] == [False, True]
        assert "begins it anew" in items["8"].message and items["3"].message == "Resource not found"

    with_aria2(poll)


def test_what_waits_in_aria2_for_the_moment_of_one_request_only_is_seen_to_wait_no_longer() -> None:
    async def poll(aria2: FakeAria2, client: Aria2) -> None:
        paused = {**aria2.status, "gid": "w", "status": "paused"}
        waits = {**paused, "status": "waiting"}
        aria2.waitings = [[paused], [waits], [paused], [paused]]  # first in few words, then in full
        first = await client.poll()
        assert not first.changed["w"].paused
        again = await client.poll()
        assert again.changed["w"].paused

    with_aria2(poll)


@pytest.mark.parametrize("torrents", [1, 300])
def test_however_many_there_are_qbittorrent_is_asked_once_a_poll_for_what_has_changed(torrents: int) -> None:
    asked = []

    def answer(path: str, body: bytes) -> bytes:
        asked.append(path.rpartition("/")[2])
        if "maindata" not in path:
            return b"2.11.2"
        if path.endswith("rid=0"):
            whole = {f"{number}": TORRENT for number in range(torrents)}
            return json.dumps({"rid": 1, "full_update": True, "torrents": whole}).encode()
        return json.dumps({"rid": len(asked), "torrents": {"0": {"amount_left": len(asked)}}}).encode()

    async def poll(client: QBittorrent) -> None:
        assert len((await client.poll()).changed) == torrents
        for _ in range(3):
            assert (await client.poll()).changed.keys() == {"0"}

    talking(qbittorrent, answer, poll)

    assert asked == ["webapiVersion", *(f"maindata?rid={rid}" for rid in (0, 1, 3, 4))]


@pytest.mark.parametrize("torrents", [1, 300])
def test_however_many_there_are_transmission_is_asked_once_a_poll_for_what_was_active(torrents: int) -> None:
    asked = []

    def torrent(id: int, left: int) -> dict[str, Any]:
        return {
            "hashString": str(id), "name": "a", "status": 4, "isStalled": False, "error": 0, "errorString": "",
            "metadataPercentComplete": 1, "sizeWhenDone": 10, "leftUntilDone": left, "rateDownload": 0,
            "downloadDir": "/d", "uploadRatio": 0, "secondsSeeding": 0, "labels": [],
        }  # fmt: skip

    def answer(path: str, body: bytes) -> bytes:
        call = json.loads(body)
        ids = call["arguments"].get("ids")
        asked.append((call["method"], ids))
        told = [torrent(id, 10) for id in range(torrents)] if ids is None else [torrent(0, 10 - len(asked))]
        session = {"rpc-version": 16, "incomplete-dir-enabled": False}
        given = session if call["method"] == "session-get" else {"torrents": told, "removed": []}
        return json.dumps({"result": "success", "arguments": given}).encode()

    async def poll(client: Transmission) -> None:
        assert len((await client.poll()).changed) == torrents
        for _ in range(3):
            assert (await client.poll()).changed.keys() == {"0"}

    talking(transmission, answer, poll)

    assert asked == [("session-get", None), ("torrent-get", None), *[("torrent-get", "recently-active")] * 3]
