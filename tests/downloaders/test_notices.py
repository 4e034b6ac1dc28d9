"""What aria2 tells by itself is heard, without its secret, and the end of the conversation is noticed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudgather.ports.downloader import Downloader
from cloudgather.ports.uploads import CannotAsk
from downloaders.aria2 import Aria2c
from downloaders.following import with_client
from downloaders.requesting import web_server
from downloaders.seeder import noise
from waiting import eventually

pytestmark = pytest.mark.skipif(not Aria2c.is_there(), reason="aria2c is not installed")


@pytest.fixture
def aria2(tmp_path: Path) -> Iterator[Aria2c]:
    with Aria2c(tmp_path / "aria2") as found:
        yield found


def test_the_beginning_and_the_end_of_a_download_are_heard_and_the_end_of_aria2_too(
    tmp_path: Path, aria2: Aria2c
) -> None:
    web = tmp_path / "web"
    web.mkdir()
    (web / "film.mkv").write_bytes(noise(1000, "film"))
    heard: list[bool] = []

    async def listen(client: Downloader) -> None:
        listening = asyncio.create_task(client.listen(lambda: heard.append(True)))
        try:
            await eventually(lambda: len(heard) == 1, within=60, what="the connection")
            await asyncio.to_thread(aria2.ask, "addUri", [f"{address}/film.mkv"], {})
            await eventually(lambda: len(heard) == 3, within=60, what="beginning and end")
            assert not listening.done()

            aria2.kill()
            await asyncio.wait({listening}, timeout=60)
            assert listening.done()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        with pytest.raises(CannotAsk):
            await client.listen(lambda: None)

    with web_server(web) as address:
        with_client(aria2.spec(secret_file=None), listen)
