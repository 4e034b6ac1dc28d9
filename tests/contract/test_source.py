"""The law of ports.source.Source, held by a source in threads and by one behind an agent."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agents import a_fleet
from cgwire.codes import Code
from cloudgather.agent.source import AgentSource, LocalSource, source_for
from cloudgather.core.mounts import Mount
from cloudgather.ports.source import Absent, Access, Look, Refused, Seen, Source, SourceUnavailable

Check = Callable[[Source], Awaitable[None]]
Run = Callable[[bytes, Check], None]


def run_local(root: bytes, check: Check) -> None:
    """The check against LocalSource."""

    async def main() -> None:
        await check(LocalSource(root))

    asyncio.run(main())


def run_by_agent(root: bytes, check: Check) -> None:
    """The check against AgentSource."""

    async def main() -> None:
        async with a_fleet() as fleet:
            await check(AgentSource(root, fleet))

    asyncio.run(main())


@pytest.fixture(params=[run_local, run_by_agent], ids=["local", "agent"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a check against one of the implementations."""
    chosen: Run = request.param
    return chosen


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """A folder with what sources are made of, and more beside it."""
    source = tmp_path / "downloads"
    (source / "series" / "one").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "film.mkv").write_bytes(b"12345")
    (source / "series" / "one" / "a.mkv").write_bytes(b"1")
    (source / "Thumbs.db").write_bytes(b"junk")
    (source / "@eaDir").mkdir()
    (source / "@eaDir" / "film.mkv").write_bytes(b"junk")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"secret")
    (source / "link").symlink_to(tmp_path / "elsewhere" / "secret")
    (source / "out").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(source / "fifo")
    with open(os.fsencode(source) + b"/\xff\n -name", "wb"):
        pass
    return os.fsencode(source)


async def everything(source: Source, below: bytes = b"") -> dict[bytes, Seen | Refused]:
    """All that a scan tells, by path."""
    return {found.path: found async for batch in source.scan(below) for found in batch}


def test_the_root_is_known_by_device_and_inode(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        status = os.stat(root)

        assert await source.root() == (status.st_dev, status.st_ino)

    run(root, check)


def test_a_scan_finds_every_file_by_its_bytes_and_refuses_what_is_none(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        found = await everything(source)

        refused = {path: each.why for path, each in found.items() if isinstance(each, Refused)}
        assert {path for path, each in found.items() if isinstance(each, Seen)} == {
            b"film.mkv",
            b"series/one/a.mkv",
            b"\xff\n -name",
        }
        assert refused == {b"link": Absent.SYMLINK, b"out": Absent.SYMLINK, b"fifo": Absent.SPECIAL}

    run(root, check)


def test_a_scan_tells_the_version_of_what_it_saw(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        status = os.stat(root + b"/film.mkv")

        seen = (await everything(source))[b"film.mkv"]

        assert seen == Seen(
            path=b"film.mkv",
            size=5,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            device=status.st_dev,
            inode=status.st_ino,
        )

    run(root, check)


def test_a_scan_below_a_folder_stays_there_and_gives_paths_from_the_root(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        assert set(await everything(source, b"series")) == {b"series/one/a.mkv"}
        assert set(await everything(source, b"empty")) == set()
        assert set(await everything(source, b"absent")) == set()
        assert all(isinstance(found, Refused) for found in (await everything(source, b"out")).values())

    run(root, check)


def test_a_large_folder_comes_in_batches_and_whole(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        for number in range(5000):
            os.mknod(root + b"/empty/%d" % number)

        batches = [batch async for batch in source.scan(b"empty")]

        assert {found.path for batch in batches for found in batch} == {b"empty/%d" % n for n in range(5000)}
        assert all(len(batch) <= 1024 for batch in batches)

    run(root, check)


def test_a_scan_may_be_left_in_the_middle(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        for number in range(3000):
            os.mknod(root + b"/empty/%d" % number)

        scan = source.scan(b"")
        await anext(scan)
        await scan.aclose()

        assert isinstance(await source.look(b"film.mkv"), Look)

    run(root, check)


def test_what_is_looked_at_during_a_scan_is_answered(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        async for batch in source.scan():
            for found in batch:
                assert await source.look(found.path) is not Absent.GONE

    run(root, check)


def test_a_look_tells_version_links_and_who_may_be_writing(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        os.link(root + b"/film.mkv", root + b"/second")
        status = os.stat(root + b"/film.mkv")

        look = await source.look(b"film.mkv")

        assert isinstance(look, Look)
        assert (look.path, look.version.size, look.version.inode) == (b"film.mkv", 5, status.st_ino)
        assert (look.ctime_ns, look.links, look.control_file) == (status.st_ctime_ns, 2, None)
        writing = os.open(root + b"/film.mkv", os.O_WRONLY)
        written, writers = await source.look(b"film.mkv"), await source.writers(b"film.mkv")
        os.close(writing)
        assert isinstance(written, Look)
        assert written.access in (Access.WRITTEN, Access.UNKNOWN)
        assert (look.access is Access.UNKNOWN) == (written.access is Access.UNKNOWN)
        assert os.getpid() in {pid for pid, _ in writers}
        assert await source.writers(b"film.mkv") == []
        assert await source.writers(b"absent/film.mkv") == []

    run(root, check)


@pytest.mark.parametrize("scanned", [False, True])
def test_many_are_looked_at_in_order_each_as_by_itself(run: Run, root: bytes, scanned: bool) -> None:
    async def check(source: Source) -> None:
        paths = [b"film.mkv", b"absent", b"series", b"series/one/a.mkv", b"link", b"out/secret", b"fifo"] * 40

        looks = await source.look_all(paths, scanned=scanned)

        assert looks == [await source.look(path) for path in paths]
        assert await source.look_all([]) == []

    run(root, check)


def test_a_control_file_beside_it_or_beside_its_top_folder_is_told(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        for name in (b"film.mkv.aria2", b"series.aria2"):
            os.mknod(root + b"/" + name)

        film, episode = await source.look(b"film.mkv"), await source.look(b"series/one/a.mkv")

        assert isinstance(film, Look)
        assert isinstance(episode, Look)
        assert film.control_file == b"film.mkv.aria2"
        assert episode.control_file == b"series.aria2"

    run(root, check)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"absent", Absent.GONE),
        (b"absent/film.mkv", Absent.GONE),
        (b"film.mkv/below", Absent.GONE),
        (b"series", Absent.DIRECTORY),
        (b"link", Absent.SYMLINK),
        (b"out/secret", Absent.SYMLINK),
        (b"fifo", Absent.SPECIAL),
    ],
)
def test_what_is_no_file_of_the_tree_is_absent_and_says_why(run: Run, root: bytes, path: bytes, why: Absent) -> None:
    async def check(source: Source) -> None:
        assert await source.look(path) is why

    run(root, check)


def test_the_device_of_the_deepest_folder_on_the_way(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        device = os.stat(root).st_dev

        assert await source.folder_above(b"series/one/a.mkv") == (device, False)
        assert await source.folder_above(b"absent/x/y") == (device, False)
        os.makedirs(root + b"/emptied")
        assert await source.folder_above(b"emptied/gone.mkv") == (device, True)

    run(root, check)


@pytest.mark.parametrize("ask", ["root", "scan", "look", "folder_above"])
def test_a_root_that_is_not_there_makes_the_source_unavailable(run: Run, tmp_path: Path, ask: str) -> None:
    async def check(source: Source) -> None:
        with pytest.raises(SourceUnavailable) as unavailable:
            match ask:
                case "root":
                    await source.root()
                case "scan":
                    await everything(source)
                case "look":
                    await source.look(b"film.mkv")
                case _:
                    await source.folder_above(b"film.mkv")

        assert unavailable.value.reason.code == Code.SOURCE_GONE

    run(os.fsencode(tmp_path / "absent"), check)


def test_a_root_that_is_a_file_is_said_to_be_no_folder(run: Run, root: bytes) -> None:
    async def check(source: Source) -> None:
        with pytest.raises(SourceUnavailable) as unavailable:
            await source.root()

        assert unavailable.value.reason.code == Code.SOURCE_NOT_A_FOLDER

    run(root + b"/film.mkv", check)


@pytest.mark.parametrize(
    ("fs_type", "kind"), [("ext4", LocalSource), ("fuse.rclone", AgentSource), ("nfs4", AgentSource)]
)
def test_a_source_that_may_hang_for_good_gets_an_agent(fs_type: str, kind: type) -> None:
    async def main() -> None:
        async with a_fleet() as fleet:
            mount = Mount(
                id=1,
                parent=0,
                device="0:1",
                mount_point=b"/mnt",
                fs_type=fs_type,
                source=b"x",
                options=frozenset(),
            )

            assert type(source_for(b"/mnt/downloads", [mount], fleet)) is kind

    asyncio.run(main())
