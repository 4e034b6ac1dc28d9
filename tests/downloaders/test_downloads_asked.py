"""Who may have what downloaded, and what is refused with its reason: a real daemon and aria2, and real users."""

import asyncio
import grp
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgpack
import pytest

from downloaders.aria2 import Aria2c
from downloaders.program import Program
from downloaders.requesting import Requested, web_server
from downloaders.seeder import bencoded, made, noise
from fakes.control import ask_as
from waiting import eventually_sync

_ONE, _OTHER, _NOBODY = 64_001, 64_002, 64_003  # users that nothing else is granted to
_GROUPS = {_ONE: "users", _OTHER: "audio"}

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.full,
    pytest.mark.skipif(not Aria2c.is_there(), reason="aria2c is not installed"),
]
needs_users = pytest.mark.skipif(
    os.geteuid() != 0 or not set(_GROUPS.values()) <= {group.gr_name for group in grp.getgrall()},
    reason="needs root, and the groups users and audio",
)
LIMITS = """
[downloaders.another]
kind = "transmission"
url = "http://127.0.0.1:1"
folders = ["/nowhere"]
[groups.users]
access = "download"
max_active = 1
max_size = "50KiB"
options = { max-download-limit = "1M" }
[groups.audio]
access = "download"
downloaders = ["another"]
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that other users may look into, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="cloudgather-asked-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def aria2(folder: Path) -> Iterator[Program]:
    with Aria2c(folder / "aria2") as found:
        yield found


def asked(running: Requested, uid: int, method: str, params: Mapping[str, Any]) -> tuple[Any, Any]:
    """(error, result) of a call of this user."""
    frame = msgpack.packb([0, 1, method, [params]])
    groups = [grp.getgrnam(_GROUPS[uid]).gr_gid] if uid in _GROUPS else []
    answers = asyncio.run(ask_as(os.fsdecode(running.socket), uid=uid, gid=uid, groups=groups, frames=frame))
    ((_, _, error, result),) = [answer for answer in answers if answer[0] == 1]
    return error, result


@needs_users
def test_two_users_have_what_their_groups_grant_and_see_their_own(folder: Path, aria2: Program) -> None:
    web = folder / "web"
    web.mkdir()
    for name in ("a", "b"):
        (web / name).write_bytes(noise(40_000, name))
    large = made("large", {"large": noise(60_000, 1)})

    gate = threading.Event()
    with web_server(web, gate=gate) as address, Requested(folder, aria2, more=LIMITS) as running:

        def add(uid: int, **params: Any) -> tuple[Any, Any]:
            given = {"task": "film", "options": {}, **params}
            return asked(running, uid, "download.add", {name: each for name, each in given.items() if each is not None})

        refused, first = add(_ONE, uri=f"{address}/a")
        assert refused is None
        _, second = add(_ONE, uri=f"{address}/b")
        one, two = first["download"]["id"], second["download"]["id"]
        assert running.shown(one)["options"] == {"max-download-limit": "1048576"}
        eventually_sync(
            lambda: (running.shown(two)["download"]["held"] or {}).get("code") == "held.download-active",
            within=60,
            what="that the second waits for the first",
        )

        denied, _ = add(_NOBODY, uri=f"{address}/b")
        assert (denied["code"], denied["needed"]) == ("error.denied", "download")
        assert add(_OTHER, uri=f"{address}/b")[0]["code"] == "error.no-downloader"
        assert add(_ONE, uri=f"{address}/b", task=None, to="cloud:elsewhere")[0]["code"] == "error.denied"
        _, blob = asked(running, _ONE, "blob.append", {"data": large.content})
        assert add(_OTHER, blob=blob["blob"])[0]["code"] == "error.bad-request"
        assert add(_ONE, blob=blob["blob"])[0]["code"] == "download.too-large"

        assert asked(running, _OTHER, "download.list", {}) == (None, {"downloads": []})
        assert asked(running, _OTHER, "download.show", {"id": one})[0]["code"] == "error.no-such-download"
        assert asked(running, _OTHER, "download.remove", {"id": one})[0]["code"] == "error.no-such-download"
        listed = asked(running, _ONE, "download.list", {})[1]["downloads"]
        assert [each["id"] for each in listed] == [one, two]

        gate.set()
        running.until_state(one, "done")
        running.until_state(two, "done")
        assert running.arrived() == {b"a": noise(40_000, "a"), b"b": noise(40_000, "b")}


def test_what_cannot_be_is_refused_with_its_reason(folder: Path, aria2: Program) -> None:
    outside = folder / "outside.torrent"
    info = {"name": "x", "piece length": 16384, "pieces": b"x" * 20, "files": [{"length": 1, "path": ["..", "etc"]}]}
    outside.write_bytes(bencoded({"info": info}))

    with Requested(folder, aria2, rules='min_free = "1MiB"\n') as running:
        for words, said in {
            ("http://127.0.0.1:1/x",): "an address of this machine or of a private network",
            ("http://localhost:1/x",): "an address of this machine or of a private network",
            ("http://a..b/x",): "no host can be named a..b",
            ("file:///etc/passwd",): "only magnet, http, https and ftp",
            ("magnet:?dn=x",): "without the hash of a torrent",
            (str(outside),): "leads out of its folder",
            (os.devnull,): "is no torrent file",
            ("--option", "max-concurrent-downloads=3", "magnet:?xt=urn:btih:" + "0" * 40): "for aria2 as a whole",
            ("--options", '{"seed-ratio": [1]}', "magnet:?xt=urn:btih:" + "0" * 40): "seed-ratio must be a number",
            ("--downloader", "qb", "magnet:?xt=urn:btih:" + "0" * 40): "qb",
        }.items():
            done = running.cgctl("download", "add", "--task", "film", *words, check=False)
            assert (done.returncode != 0, said in done.stderr) == (True, True), (words, done.stderr)

        assert running.downloads() == []


def test_a_torrent_file_that_aria2_cannot_be_given_is_refused_with_what_would_help(
    folder: Path, aria2: Program
) -> None:
    pieces = 80_000
    info = {"name": "large", "piece length": 16384, "pieces": noise(20 * pieces, 1), "length": 16384 * pieces}
    file = folder / "large.torrent"
    file.write_bytes(bencoded({"info": info}))
    with Requested(folder, aria2) as running:
        id = running.download(str(file))
        eventually_sync(
            lambda: running.shown(id)["download"]["state"] == "failed", within=60, what="that it is refused"
        )
        shown = running.cgctl("download", "show", str(id)).stdout
        assert "larger than what the downloader dl takes" in shown and "rpc-max-request-size" in shown


def test_an_order_is_checked_even_where_the_torrent_is_there(folder: Path, aria2: Program) -> None:
    torrent = made("there", {"there": noise(40_000, 1)})
    file = folder / "there.torrent"
    file.write_bytes(torrent.content)
    with Requested(folder, aria2, rules='min_free = "1MiB"\n') as running:
        running.download("--paused", str(file))
        for words, said in {
            ("--task", "flim", str(file)): "no task is named flim; there is film",
            ("--to", "cluod:x", str(file)): "no target is named cluod; there is cloud",
            ("--task", "film", "--files", "2", str(file)): "number 2 was chosen, and it has 1 file",
            ("--task", "film", "--option", "frob=1", str(file)): "frob",
        }.items():
            done = running.cgctl("download", "add", *words, check=False)
            assert (done.returncode != 0, said in done.stderr) == (True, True), (words, done.stderr)
        told = running.cgctl("download", "add", "--to", "cloud:elsewhere", str(file)).stdout
        assert told == "download 1: there is there already (queued (paused), to cloud:films)\n"


def test_why_tells_of_the_download_that_a_path_belongs_to(folder: Path, aria2: Program) -> None:
    torrent = made("stuck", {"a.mkv": noise(40_000, 1), "b.mkv": noise(40_000, 2)})
    file = folder / "stuck.torrent"
    file.write_bytes(torrent.content)
    with Requested(folder, aria2) as running:
        id = running.download(str(file))
        running.until_state(id, "downloading", "stalled")
        path = Path(os.fsdecode(running.shown(id)["folder"])) / "stuck" / "a.mkv"
        told = running.cgctl("why", str(path)).stdout
        assert "It belongs to a download, and is uploaded once that is complete." in told
        assert f"Download {id}: 0%, downloading" in told
        assert f"cgctl download show {id}" in told
        assert "No task covers it." in running.cgctl("why", str(path.parents[2])).stdout
