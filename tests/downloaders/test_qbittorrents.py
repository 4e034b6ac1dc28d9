"""What releases of qBittorrent do each in a way of their own comes to the same here: 4.5, 5.1 and 5.3."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cgwire.codes import Code
from cloudgather.core.downloader import DownloaderSpec, DownloadOrder, Item
from cloudgather.ports.downloader import Downloader, DownloadRefused
from cloudgather.ports.uploads import CannotAsk
from downloaders.following import Followed, with_client
from downloaders.program import Program
from downloaders.qbittorrent import QBittorrentNox
from downloaders.requesting import web_server
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, Torrent, made, noise

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]
MARK = "0123456789abcdef"
Made = Callable[[str, Path], Program]


@pytest.fixture(scope="module", params=["qbittorrent", *NEWER])
def qbittorrent(
    request: pytest.FixtureRequest, program_of: Made, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QBittorrentNox]:
    with program_of(request.param, tmp_path_factory.mktemp(request.param)) as running:
        assert isinstance(running, QBittorrentNox)
        yield running


def refusal(spec: DownloaderSpec) -> str:
    """The code with which a poll is refused."""

    async def ask(client: Downloader) -> str:
        with pytest.raises(CannotAsk) as refused:
            await client.poll()
        return refused.value.reason.code

    return with_client(spec, ask)


def listed(program: QBittorrentNox, torrent: Torrent) -> dict[str, Any]:
    """What it says of the torrent itself."""
    (found,) = json.loads(program.ask(f"torrents/info?hashes={torrent.infohash}"))
    return dict(found)


# ---- what is downloaded ----------------------------------------------------------------------------------------------


def test_of_a_magnet_link_files_are_chosen_before_the_first_byte(qbittorrent: QBittorrentNox, seeder: Seeder) -> None:
    torrent = made("linked", {f"{number}.mkv": noise(60_000, ("m", number)) for number in range(4)})
    seeder.give(torrent)
    folder = qbittorrent.folder / "magnet"
    uri = f"magnet:?xt=urn:btih:{torrent.infohash}&dn=x"
    order = DownloadOrder(uri=uri, folder=bytes(folder), mark=MARK, choose=True)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=qbittorrent)
        await client.add(order)
        item = await followed.until(torrent, lambda item: item is not None and item.paused and item.size > 0)
        assert item is not None and (item.done, item.final) == (0, bytes(folder)) and MARK in item.tags
        files = await client.files(item.id)
        assert [file.path for file in files] == [path.encode() for path in torrent.files]
        await client.select(item.id, [1, 2])
        await client.resume(item.id)
        await followed.until(torrent, lambda item: item is not None and item.complete)
        assert [file.complete for file in await client.files(item.id) if file.wanted] == [True, True]
        assert (folder / "linked" / "2.mkv").read_bytes() == torrent.files["linked/2.mkv"]

    with_client(qbittorrent.spec(), follow)


def test_a_torrent_file_of_the_web(qbittorrent: QBittorrentNox, seeder: Seeder, tmp_path: Path) -> None:
    torrent = made("fetched", {"fetched": noise(50_000, "fetched")})
    seeder.give(torrent)
    (tmp_path / "a.torrent").write_bytes(torrent.content)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=qbittorrent)
        with web_server(tmp_path) as address:
            order = DownloadOrder(uri=f"{address}/a.torrent", folder=bytes(qbittorrent.downloads), mark=MARK)
            await client.add(order)
            item = await followed.until(torrent, lambda item: item is not None)
        assert item is not None and MARK in item.tags
        await followed.until(torrent, lambda item: item is not None and item.complete)

    with_client(qbittorrent.spec(), follow)


def test_who_has_it_already_or_cannot_read_it_says_so_in_words(qbittorrent: QBittorrentNox, seeder: Seeder) -> None:
    torrent = made("again", {"again": noise(40_000, "again")})
    seeder.give(torrent)
    order = DownloadOrder(torrent=torrent.content, folder=bytes(qbittorrent.downloads), mark=MARK, paused=True)
    link = replace(order, torrent=None, uri=f"magnet:?xt=urn:btih:{torrent.infohash}")

    async def twice(client: Downloader) -> None:
        added = await client.add(order)
        assert added in (None, torrent.infohash)
        # Until it is listed, 5.3 says of a second one that it has been added.
        await Followed(client, seeder=seeder, program=qbittorrent).until(torrent, lambda item: item is not None)
        for again in (order, link):
            with pytest.raises(DownloadRefused) as refused:
                await client.add(again)
            assert "has it already" in str(refused.value.reason.facts["message"])
        with pytest.raises(DownloadRefused) as refused:
            await client.add(replace(order, torrent=b"rubbish"))
        assert "not a valid torrent file" in str(refused.value.reason.facts["message"])

    with_client(qbittorrent.spec(), twice)


def test_options_of_a_download_arrive(qbittorrent: QBittorrentNox, seeder: Seeder) -> None:
    torrent = made("limited", {"limited": noise(40_000, "limited")})
    seeder.give(torrent)
    options = {
        "dlLimit": 1_000_000, "upLimit": 2_000_000, "ratioLimit": 1.5, "seedingTimeLimit": 60, "category": "films",
        "sequentialDownload": "true", "firstLastPiecePrio": "true",
    }  # fmt: skip
    order = DownloadOrder(
        torrent=torrent.content, folder=bytes(qbittorrent.downloads), mark=MARK, paused=True, options=options
    )

    async def add(client: Downloader) -> Item:
        await client.add(order)
        followed = Followed(client, seeder=seeder, program=qbittorrent)
        item = await followed.until(torrent, lambda item: item is not None)
        assert item is not None
        return item

    item = with_client(qbittorrent.spec(), add)

    assert item.tags == {MARK}
    said = listed(qbittorrent, torrent)
    assert said["auto_tmm"] is False
    expected: Mapping[str, object] = {
        "dl_limit": 1_000_000, "up_limit": 2_000_000, "ratio_limit": 1.5, "seeding_time_limit": 60, "category": "films",
        "seq_dl": True, "f_l_piece_prio": True,
    }  # fmt: skip
    assert {key: said[key] for key in expected} == expected


# ---- who may ask -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def reached_as(port: int) -> AsyncIterator[int]:
    """Another port at which it can be reached, as a container's is published."""
    passing: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        passing.add(asyncio.create_task(pass_on(reader, back)))
        passing.add(asyncio.create_task(pass_on(there, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*passing)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, until the end, which is passed on as well."""
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
    await writer.wait_closed()


def reached_otherwise(program: QBittorrentNox, spec: DownloaderSpec) -> str:
    """The code with which it refuses who calls it by another port than its own."""

    async def ask() -> str:
        async with reached_as(program.port) as port:
            return await asyncio.to_thread(refusal, replace(spec, url=f"http://127.0.0.1:{port}"))

    return asyncio.run(ask())


def test_a_port_that_is_not_its_own_has_a_name(qbittorrent: QBittorrentNox) -> None:
    assert reached_otherwise(qbittorrent, qbittorrent.spec()) == Code.DOWNLOADER_HOST


def test_a_ban_has_a_name(qbittorrent: QBittorrentNox, program_of: Made, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    # One of its own, of the same release: nobody else comes in for an hour.
    with QBittorrentNox(tmp_path / "banning", root=qbittorrent.root) as program:
        program.ask("app/setPreferences", {"json": json.dumps({"web_ui_max_auth_fail_count": 1})})

        assert refusal(program.spec(password_file=bytes(wrong))) == Code.DOWNLOADER_PASSWORD
        assert refusal(program.spec()) == Code.DOWNLOADER_BANNED


with_keys = pytest.mark.parametrize("qbittorrent", NEWER[1:], indirect=True)  # they came with 5.2


@pytest.fixture
def key(qbittorrent: QBittorrentNox) -> bytes:
    """A file with the key that it takes instead of a name and password."""
    file = qbittorrent.folder / "key"
    file.write_text(new_key(qbittorrent) + "\n")
    return bytes(file)


def new_key(program: QBittorrentNox) -> str:
    """Its next key; the one before is worth nothing any more."""
    return str(json.loads(program.ask("app/rotateAPIKey", {}))["apiKey"])


def with_key(program: QBittorrentNox, key: bytes) -> DownloaderSpec:
    """As it would be configured."""
    return program.spec(username=None, password_file=None, api_key_file=key)


@with_keys
def test_a_key_instead_of_a_password(qbittorrent: QBittorrentNox, key: bytes, seeder: Seeder) -> None:
    torrent = made("by key", {"by key": noise(40_000, "by key")})
    seeder.give(torrent)
    order = DownloadOrder(torrent=torrent.content, folder=bytes(qbittorrent.downloads), mark=MARK)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=qbittorrent)
        assert (await client.about()).program.startswith("v5.")
        await client.add(order)
        whole = await followed.until(torrent, lambda item: item is not None and item.complete)
        assert whole is not None
        new = new_key(qbittorrent)
        with pytest.raises(CannotAsk) as refused:
            await client.poll()
        assert refused.value.reason.code == Code.DOWNLOADER_PASSWORD
        Path(key.decode()).write_text(new + "\n")
        await followed.poll()
        qbittorrent.kill()
        with pytest.raises(CannotAsk) as refused:
            await client.poll()
        assert refused.value.reason.code == Code.DOWNLOADER_UNREACHABLE
        qbittorrent.again()
        await client.remove(whole.id, with_files=True)
        await followed.until(torrent, lambda item: item is None)

    with_client(with_key(qbittorrent, key), follow)


@with_keys
def test_a_wrong_key_is_no_ban_and_another_port_no_wrong_key(
    qbittorrent: QBittorrentNox, key: bytes, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("qbt_" + "x" * 28 + "\n")

    for _ in range(8):
        assert refusal(with_key(qbittorrent, bytes(wrong))) == Code.DOWNLOADER_PASSWORD
    assert reached_otherwise(qbittorrent, with_key(qbittorrent, key)) == Code.DOWNLOADER_HOST
    assert with_client(with_key(qbittorrent, key), lambda client: client.about()).program
