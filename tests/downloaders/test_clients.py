"""Every client of a downloader says the same of the same download: one suite against the real programs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cgwire.codes import Code
from cloudgather.core.downloader import DownloaderSpec, DownloadOrder, Kind, Phase
from cloudgather.ports.downloader import Downloader, DownloadRefused
from cloudgather.ports.uploads import CannotAsk
from downloaders.following import Followed, with_client
from downloaders.program import Program, closed_port
from downloaders.programs import PROGRAMS
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, made, noise


@pytest.fixture(scope="module", params=[*PROGRAMS, *NEWER])
def program(
    request: pytest.FixtureRequest, program_of: Callable[[str, Path], Program], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    with program_of(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(
    scope="module",
    # Transmission lets a peer wait for ten seconds and more before it asks for anything.
    params=["qbittorrent", "aria2", pytest.param("transmission", marks=pytest.mark.full), *NEWER],
)
def leecher(
    request: pytest.FixtureRequest, program_of: Callable[[str, Path], Program], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    with program_of(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


def test_it_says_what_it_is(program: Program) -> None:
    about = with_client(program.spec(), lambda client: client.about())

    assert about.program and about.api
    assert about.folder == bytes(program.downloads)


def test_a_torrent_from_half_to_complete(leecher: Program, seeder: Seeder) -> None:
    torrent = made("film", {"a.mkv": noise(300_000, 1), "sub/b.srt": noise(50_000, 2)})
    seeder.give(torrent, share=0.5)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=leecher)
        await followed.poll()
        leecher.add(torrent)
        item = await followed.until(torrent, lambda item: item is not None and item.done > 0)
        assert item is not None
        half = await followed.until(torrent, lambda item: item is not None and item.progress > 0.4)
        assert half is not None and not half.complete and half.phase in (Phase.DOWNLOADING, Phase.STALLED)
        assert (half.size, half.top, half.current) == (350_000, b"film", bytes(leecher.downloads))
        files = {file.path: file for file in await client.files(half.id)}
        assert {path: file.size for path, file in files.items()} == {b"film/a.mkv": 300_000, b"film/sub/b.srt": 50_000}
        assert all(file.wanted for file in files.values()) and not files[b"film/sub/b.srt"].complete

        seeder.give(torrent)
        whole = await followed.until(torrent, lambda item: item is not None and item.complete)
        assert whole is not None and whole.phase in (Phase.SEEDING, Phase.COMPLETE) and whole.progress == 1
        assert all(file.complete for file in await client.files(whole.id))
        for path, content in torrent.files.items():
            assert (leecher.downloads / path).read_bytes() == content

    with_client(leecher.spec(), follow)


def test_files_that_nobody_chose(leecher: Program, seeder: Seeder) -> None:
    torrent = made("season", {f"{number}.mkv": noise(70_000, number) for number in range(6)})
    seeder.give(torrent)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=leecher)
        leecher.add(torrent, wanted=[1, 3])
        await followed.until(torrent, lambda item: item is not None)
        whole = await followed.until(torrent, lambda item: item is not None and item.complete)
        assert whole is not None and 140_000 <= whole.size < 420_000  # some count in whole pieces
        files = await client.files(whole.id)
        assert [file.path for file in files if file.wanted] == [b"season/1.mkv", b"season/3.mkv"]
        assert all(file.complete for file in files if file.wanted)
        assert not all(file.complete for file in files)

    with_client(leecher.spec(), follow)


def test_a_download_by_order(leecher: Program, seeder: Seeder) -> None:
    torrent = made("ordered", {f"{number}.mkv": noise(60_000, ("o", number)) for number in range(4)})
    seeder.give(torrent)
    folder = leecher.folder / "elsewhere"
    order = DownloadOrder(torrent=torrent.content, folder=bytes(folder), mark="0123456789abcdef", paused=True)

    async def follow(client: Downloader) -> None:
        if leecher.kind is Kind.TRANSMISSION:
            with pytest.raises(DownloadRefused) as refused:
                await client.add(order)
            assert refused.value.reason.code == Code.DOWNLOADER_READ_ONLY
            return
        followed = Followed(client, seeder=seeder, program=leecher)
        await client.add(order)
        item = await followed.until(torrent, lambda item: item is not None and item.paused)
        assert item is not None and order.mark in item.tags and item.final == bytes(folder)
        files = await client.files(item.id)
        await client.select(item.id, [file.index for file in files if file.path.endswith((b"0.mkv", b"2.mkv"))])
        await client.resume(item.id)
        await followed.until(torrent, lambda item: item is not None and not item.paused)
        whole = await followed.until(torrent, lambda item: item is not None and item.complete)
        assert whole is not None and 120_000 <= whole.size < 240_000
        assert (folder / "ordered" / "2.mkv").read_bytes() == torrent.files["ordered/2.mkv"]
        await client.pause(whole.id)
        await followed.until(torrent, lambda item: item is not None and item.paused)
        await client.remove(whole.id, with_files=False)
        item = await followed.until(torrent, lambda item: item is None or item.phase is Phase.FAILED)
        if item is not None:  # aria2 may go on listing it, as one that has ended
            await client.remove(item.id, with_files=False)
        await followed.until(torrent, lambda item: item is None)
        await client.remove(whole.id, with_files=False)  # not an error

    with_client(leecher.spec(), follow)


def test_who_has_it_already_is_told_so(leecher: Program, seeder: Seeder) -> None:
    if leecher.kind is not Kind.QBITTORRENT:
        return  # only qBittorrent says so at once
    torrent = made("twice", {"twice": noise(40_000, "twice")})
    seeder.give(torrent)
    order = DownloadOrder(torrent=torrent.content, folder=bytes(leecher.downloads), mark="00000000000000aa")

    async def twice(client: Downloader) -> None:
        await client.add(order)
        await Followed(client, seeder=seeder, program=leecher).until(torrent, lambda item: item is not None)
        with pytest.raises(DownloadRefused):
            await client.add(order)

    with_client(leecher.spec(), twice)


def refusal(spec: DownloaderSpec, *, polls: int = 1) -> str:
    """The code with which the last of so many polls is refused."""

    async def ask(client: Downloader) -> str:
        for _ in range(polls):
            with pytest.raises(CannotAsk) as refused:
                await client.poll()
        return refused.value.reason.code

    return with_client(spec, ask)


def test_a_wrong_password_is_shown_once(program: Program, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    key = "secret_file" if program.kind is Kind.ARIA2 else "password_file"

    # After five qBittorrent would ban us.
    assert refusal(program.spec(**{key: bytes(wrong)}), polls=8) == Code.DOWNLOADER_PASSWORD
    assert with_client(program.spec(), lambda client: client.about()).program


def test_no_password_at_all(program: Program) -> None:
    spec = replace(program.spec(), username=None, password_file=None, secret_file=None)

    assert refusal(spec) == Code.DOWNLOADER_PASSWORD


def test_a_secret_that_cannot_be_read(program: Program, tmp_path: Path) -> None:
    key = "secret_file" if program.kind is Kind.ARIA2 else "password_file"

    assert refusal(program.spec(**{key: bytes(tmp_path / "none")})) == Code.DOWNLOADER_SECRET_FILE


def test_nobody_listens_there(program: Program) -> None:
    with closed_port() as port:
        assert refusal(replace(program.spec(), url=f"http://127.0.0.1:{port}")) == Code.DOWNLOADER_UNREACHABLE


def test_another_program_listens_there(program: Program, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = next(each for each in PROGRAMS.values() if each.kind is not program.kind)
    if not other.is_there():
        pytest.skip(f"{other.program} is not installed; script/bootstrap --test installs it")
    with other(tmp_path_factory.mktemp("other")) as running:
        code = refusal(replace(program.spec(), url=running.url.removesuffix("/jsonrpc")))

    assert code in (Code.DOWNLOADER_FOREIGN, Code.DOWNLOADER_PASSWORD)


def test_it_is_started_anew(leecher: Program, seeder: Seeder) -> None:
    torrent = made("kept", {"kept": noise(100_000, "kept")})
    seeder.give(torrent, share=0.5)

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=leecher)
        leecher.add(torrent)
        await followed.until(torrent, lambda item: item is not None and item.progress > 0.4)
        leecher.stop()
        with pytest.raises(CannotAsk) as refused:
            await client.poll()
        assert refused.value.reason.code == Code.DOWNLOADER_UNREACHABLE
        leecher.again()
        if leecher.kind is Kind.ARIA2:  # it forgets torrents that were handed in
            leecher.add(torrent)
        seeder.give(torrent)
        await followed.until(torrent, lambda item: item is not None and item.complete)

    with_client(leecher.spec(), follow)
