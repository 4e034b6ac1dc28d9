"""What is told of a download beside its content holds in the real programs: seeding goals, further trackers."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cloudgather.core.downloader import DownloadOrder, Item, Phase, SeedingGoal
from cloudgather.ports.downloader import Downloader
from downloaders.following import Followed, with_client
from downloaders.program import Program
from downloaders.qbittorrent import QBittorrentNox
from downloaders.roots import NEWER
from downloaders.seeder import Seeder, Torrent, made, noise
from waiting import eventually_sync

FAR = SeedingGoal(ratio=100.0, time=timedelta(days=30))


@pytest.fixture
def program(
    request: pytest.FixtureRequest, program_of: Callable[[str, Path], Program], tmp_path: Path
) -> Iterator[Program]:
    with program_of(request.param, tmp_path) as running:
        yield running


def an_order(name: str, content: bytes, program: Program, goal: SeedingGoal | None) -> DownloadOrder:
    mark = noise(8, name).hex()
    return DownloadOrder(torrent=content, folder=bytes(program.downloads / name), mark=mark, goal=goal)


def is_complete(item: Item | None) -> bool:
    return item is not None and item.complete


# qBittorrent looks every ten seconds only whether a limit is reached.
@pytest.mark.parametrize(
    "program", ["aria2", pytest.param("qbittorrent", marks=pytest.mark.full), *NEWER], indirect=True
)
def test_what_has_reached_its_goal_is_seeded_no_longer_and_stays_and_the_other_is_seeded_on(
    program: Program, seeder: Seeder
) -> None:
    brief = made("brief.mkv", {"brief.mkv": noise(40_000, "brief")})
    far = made("far.mkv", {"far.mkv": noise(40_000, "far")})

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=program)
        for name, torrent, goal in (("far", far, FAR), ("brief", brief, SeedingGoal(ratio=5.0, time=timedelta(0)))):
            seeder.give(torrent)
            await client.add(an_order(name, torrent.content, program, goal))
            await followed.until(torrent, is_complete)

        await followed.until(brief, lambda item: item is not None and item.phase is Phase.COMPLETE)

        assert (program.downloads / "brief" / "brief.mkv").stat().st_size == 40_000
        item = followed.item(far)
        assert item is not None and item.phase is Phase.SEEDING

    with_client(program.spec(), follow)


@pytest.mark.full
@pytest.mark.parametrize("program", ["qbittorrent", *NEWER], indirect=True)
def test_where_the_program_removes_what_has_reached_a_limit_a_download_of_ours_stays(
    program: QBittorrentNox, seeder: Seeder
) -> None:
    removing = {"max_ratio_enabled": True, "max_ratio": 0, "max_seeding_time_enabled": True, "max_seeding_time": 0}
    program.ask("app/setPreferences", {"json": json.dumps({**removing, "max_ratio_act": 3})})
    ours = made("ours.mkv", {"ours.mkv": noise(40_000, "ours")})
    theirs = made("theirs.mkv", {"theirs.mkv": noise(40_000, "theirs")})

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=program)
        seeder.give(ours)
        await client.add(an_order("ours", ours.content, program, SeedingGoal(ratio=0.0, time=timedelta(0))))
        await followed.until(ours, is_complete)
        seeder.give(theirs)
        program.add(theirs)
        await followed.poll()

        await followed.until(theirs, lambda item: item is None)  # its limit was reached

        item = followed.item(ours)
        assert item is not None and item.complete
        assert (program.downloads / "ours" / "ours.mkv").stat().st_size == 40_000

    with_client(program.spec(), follow)


# Its own word on what is private is there from 5.0 on.
@pytest.mark.parametrize("program", ["qbittorrent", *NEWER], indirect=True)
def test_further_trackers_are_told_of_a_public_torrent_and_of_no_private_one(
    program: QBittorrentNox, seeder: Seeder
) -> None:
    public = made("public", {"a": noise(40_000, "public"), "b": noise(40_000, 1)})
    private = made("private", {"a": noise(40_000, "private"), "b": noise(40_000, 2)}, private=True)
    further = ("http://127.0.0.1:9/announce", "udp://127.0.0.1:9/announce")

    def trackers(torrent: Torrent) -> set[str]:
        listed = json.loads(program.ask(f"torrents/trackers?hash={torrent.infohash}"))
        return {each["url"] for each in listed if not each["url"].startswith("** ")}

    async def follow(client: Downloader) -> None:
        followed = Followed(client, seeder=seeder, program=program)
        for torrent in (private, public):
            seeder.give(torrent)
            program.add(torrent)
            item = await followed.until(torrent, lambda item: item is not None)
            assert item is not None
            for _ in range(2):
                await client.announce(item.id, further)
        eventually_sync(lambda: trackers(public) == set(further), within=60, what="that it has them")
        assert trackers(private) == set()

    with_client(program.spec(), follow)
