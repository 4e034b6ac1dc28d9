"""What a poll of a downloader with 5,000 torrents costs the daemon in CPU: each kind, played back."""

import argparse
import asyncio
import http.server
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from report import machine

from cloudgather.app.downloaders import make_downloader
from cloudgather.core.downloader import DownloaderSpec, Kind
from cloudgather.outside.clock import SystemClock
from cloudgather.pipeline.following import Following
from cloudgather.ports.source import Source

_GOAL = 50.0  # milliseconds
_CHANGED = 50  # torrents that move at each poll: the rest is seeded or rests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torrents", type=int, default=5_000)
    parser.add_argument("--polls", type=int, default=20)
    asked = parser.parse_args()
    print(machine())
    print(f"{asked.torrents} torrents, {_CHANGED} of them under way; goal: {_GOAL:.0f} ms of CPU a poll")
    for kind, path, answers in (
        (Kind.QBITTORRENT, "", _qbittorrent),
        (Kind.ARIA2, "/jsonrpc", _aria2),
        (Kind.TRANSMISSION, "/transmission/rpc", _transmission),
    ):
        here, there = multiprocessing.Pipe()
        server = multiprocessing.Process(target=_serve, args=(there, answers, asked.torrents), daemon=True)
        server.start()
        try:
            first, later = asyncio.run(
                _polls(kind, f"http://127.0.0.1:{here.recv()}{path}", asked.torrents, asked.polls)
            )
        finally:
            server.kill()
            server.join()
        print(
            f"{kind:13} the first {first:4.0f} ms; then {statistics.median(later):5.1f} ms, at most {max(later):5.1f}"
        )


async def _polls(kind: Kind, url: str, torrents: int, polls: int) -> tuple[float, list[float]]:
    """Milliseconds of CPU of the first poll, and of those after it."""
    spec = DownloaderSpec(name=kind, kind=kind, url=url)
    following = Following(spec=spec, port=make_downloader(spec), clock=SystemClock(), source_at=_no_source)
    taken = []
    try:
        for _ in range(polls + 1):
            begin = time.process_time()
            await following.poll()
            following.unfinished()
            taken.append((time.process_time() - begin) * 1000)
            if following.silent is not None or len(following.items) != torrents:
                raise SystemExit(f"{kind}: {following.silent or len(following.items)}")
    finally:
        await following.port.close()
    return taken[0], taken[1:]


def _no_source(folder: bytes) -> Source:
    raise AssertionError(f"nothing is looked for at {folder!r}")


# ---- the other end ---------------------------------------------------------------------------------------------------

Answers = Callable[[int], Callable[[str, bytes], bytes]]


def _serve(told: Connection, answers: Answers, torrents: int) -> None:
    answer = answers(torrents)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_port)
    server.serve_forever()


def _qbittorrent(torrents: int) -> Callable[[str, bytes], bytes]:
    """5.1's words for a torrent, all but those on trackers."""
    like = {
        "added_on": 1795341592, "amount_left": 0, "auto_tmm": False, "availability": 0, "category": "films",
        "comment": "", "completed": 4030000000, "completion_on": 1795341700, "content_path": "/downloads/films",
        "dl_limit": 0, "dlspeed": 0, "download_path": "", "downloaded": 4030000000, "downloaded_session": 0,
        "eta": 8640000, "f_l_piece_prio": False, "force_start": False, "has_metadata": True,
        "inactive_seeding_time_limit": -2, "infohash_v2": "", "last_activity": 1795341592, "max_ratio": -1,
        "max_inactive_seeding_time": -1, "max_seeding_time": -1, "num_complete": 12, "num_incomplete": 3,
        "num_leechs": 0, "num_seeds": 0, "popularity": 0, "priority": 0, "private": False, "progress": 1,
        "ratio": 1.2, "ratio_limit": -2, "reannounce": 0,
        "save_path": "/downloads/films", "seeding_time": 90, "seeding_time_limit": -2, "seen_complete": 1795341592,
        "seq_dl": False, "size": 4030000000, "state": "stalledUP", "super_seeding": False, "tags": "one, two",
        "time_active": 90, "total_size": 4030000000, "tracker": "udp://tracker.example:1337/announce",
        "trackers_count": 12, "up_limit": 0, "uploaded": 0, "uploaded_session": 0, "upspeed": 0,
    }  # fmt: skip
    all_of_them = {}
    for number in range(torrents):
        hash, name = f"{number:040x}", f"Film {number} (2026) 2160p"
        under_way = {"state": "downloading", "amount_left": 10**9} if number < _CHANGED else {}
        link = f"magnet:?xt=urn:btih:{hash}&dn=Film&tr=udp%3A%2F%2Ftracker.example%3A1337%2Fannounce" * 2
        all_of_them[hash] = {
            **like, **under_way, "name": name, "infohash_v1": hash, "magnet_uri": link,
            "content_path": f"/downloads/films/{name}.mkv",
        }  # fmt: skip
    whole = json.dumps({"rid": 1, "full_update": True, "torrents": all_of_them}).encode()
    count = 1

    def answer(path: str, body: bytes) -> bytes:
        nonlocal count
        if "maindata" not in path:
            return b"2.11.4"
        if path.endswith("rid=0"):
            return whole
        count += 1
        moved = {"amount_left": 10**9 - count, "dlspeed": count, "downloaded": count, "num_seeds": 3, "eta": count}
        return json.dumps({"rid": count, "torrents": {f"{each:040x}": moved for each in range(_CHANGED)}}).encode()

    return answer


def _aria2(torrents: int) -> Callable[[str, bytes], bytes]:
    """1.36's words, of the keys that it is asked for."""
    statuses = [_aria2_status(number) for number in range(torrents)]
    files = {
        status["gid"]: [
            {
                "index": "1", "path": f"/downloads/films/Film {number} (2026) 2160p.mkv", "length": "4030000000",
                "completedLength": status["completedLength"], "selected": "true", "uris": [],
            }
        ]
        for number, status in enumerate(statuses)
    }  # fmt: skip
    count = 0

    def answer(path: str, body: bytes) -> bytes:
        nonlocal count
        count += 1
        for status in statuses[:_CHANGED]:
            status["completedLength"], status["downloadSpeed"] = str(10**9 + count), str(count)
        active, waiting, stopped = (
            [status for status in statuses if status["status"] == each] for each in ("active", "paused", "complete")
        )
        of_method: Mapping[str, Callable[[Any], object]] = {
            "aria2.getSessionInfo": lambda _: {"sessionId": "1"},
            "aria2.getGlobalStat": lambda _: {"numStopped": str(len(stopped)), "numStoppedTotal": str(len(stopped))},
            "aria2.tellActive": lambda keys: _of_keys(active, keys),
            "aria2.tellWaiting": lambda keys: _of_keys(waiting, keys),
            "aria2.tellStopped": lambda keys: _of_keys(stopped, keys),
            "aria2.getFiles": lambda gid: files[gid],
        }
        calls = json.loads(body)["params"][-1]
        results = [[of_method[call["methodName"]]((call["params"] or [None])[-1])] for call in calls]
        return json.dumps({"jsonrpc": "2.0", "id": "1", "result": results}).encode()

    return answer


def _of_keys(statuses: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    return [{key: status[key] for key in keys if key in status} for status in statuses]


def _aria2_status(number: int) -> dict[str, Any]:
    """The first are active, of the others as many are paused as have ended."""
    state = "active" if number < _CHANGED else ("paused", "complete")[number % 2]
    done = "4030000000" if state == "complete" else "1000000000"
    return {
        "gid": f"{number:016x}", "status": state, "totalLength": "4030000000",
        "completedLength": done, "uploadLength": "0", "downloadSpeed": "0",
        "dir": "/downloads/films", "infoHash": f"{number:040x}", "seeder": "false", "errorCode": "0",
        "errorMessage": "", "bittorrent": {
            "announceList": [["udp://tracker.example:1337/announce"]] * 3,
            "info": {"name": f"Film {number} (2026) 2160p.mkv"}, "mode": "single", "creationDate": 1795341592,
        },
    }  # fmt: skip


def _transmission(torrents: int) -> Callable[[str, bytes], bytes]:
    """3.00's words, of the fields that it is asked for."""

    def of(number: int, left: int) -> dict[str, Any]:
        return {
            "hashString": f"{number:040x}", "name": f"Film {number} (2026) 2160p.mkv", "status": 4 if left else 6,
            "isStalled": False, "error": 0, "errorString": "", "metadataPercentComplete": 1, "sizeWhenDone": 4030000000,
            "leftUntilDone": left, "rateDownload": left % 1000, "downloadDir": "/downloads/films", "uploadRatio": 1.2,
            "secondsSeeding": 90, "labels": ["one", "two"],
        }  # fmt: skip

    def reply(arguments: Mapping[str, Any]) -> bytes:
        return json.dumps({"result": "success", "arguments": arguments}).encode()

    whole = reply({"torrents": [of(number, 10**9 if number < _CHANGED else 0) for number in range(torrents)]})
    count = 0

    def answer(path: str, body: bytes) -> bytes:
        nonlocal count
        asked = json.loads(body)
        if asked["method"] == "session-get":
            return reply({"rpc-version": 16, "version": "3.00", "incomplete-dir-enabled": False})
        if "ids" not in asked["arguments"]:
            return whole
        count += 1
        return reply({"removed": [], "torrents": [of(number, 10**9 - count) for number in range(_CHANGED)]})

    return answer


if __name__ == "__main__":
    main()
