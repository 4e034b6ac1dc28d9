"""A download on request whose task cannot be read as the daemon starts waits for the task's filter and limits."""

import os
from pathlib import Path

import pytest

from cgwire import download as wire
from cloudgather.core.download import Asked, Event, State
from cloudgather.ports.downloads import NewDownload
from e2e.running import Running
from queueing import NOW, running_store
from waiting import eventually_sync

pytestmark = pytest.mark.full


def test_it_is_neither_uploaded_without_its_filter_nor_given_up(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    only = 'watch = false\n[filter]\ninclude = ["*.mkv"]\n'
    running = Running(tmp_path, root=tmp_path / "target", kind="directory", task=only)
    id = uploading(tmp_path, running)
    file = running.tasks_dir / "film.toml"
    text = file.read_text()
    file.write_text("source = 1\n")

    def held() -> str | None:
        hold = running.ask(wire.Show(id=id))["download"]["held"]
        return None if hold is None else str(hold["code"])

    with running:
        eventually_sync(lambda: held() == "held.task-broken", what="the reason why it waits")
        assert os.listdir(tmp_path / "target") == []
        assert running.ask(wire.Show(id=id))["download"]["state"] == "uploading"

        file.write_text(text)
        running.cgctl("config", "reload")
        films = tmp_path / "target" / "films"
        eventually_sync((films / "a.mkv").exists, what="the file that the filter wants")
        eventually_sync(
            lambda: running.ask(wire.Show(id=id))["download"]["state"] == "seeding", what="the end of the upload"
        )
        assert os.listdir(films) == ["a.mkv"]


def uploading(folder: Path, running: Running) -> int:
    """One that was complete, and handed to the queue, when the daemon was down."""
    asked = Asked(
        uri="https://example.org/a.mkv",
        downloader="dl",
        task="film",
        target="cloud",
        base=b"films",
        choose=False,
        reuse=True,
        options={},
        max_size=None,
        max_active=None,
        uid=os.getuid(),
        user="somebody",
    )
    running.state.mkdir(mode=0o700)
    with running_store(str(running.state)) as (store, do):
        download = do(
            store.add_download(
                NewDownload(
                    asked=asked,
                    infohash=None,
                    name=b"a.mkv",
                    parent=os.fsencode(folder / "downloads"),
                    wanted=None,
                    size=None,
                    paused=False,
                    torrent=None,
                ),
                now=NOW,
            )
        )
        files = {"a.mkv": b"film", "a.nfo": b"what it is about"}
        os.makedirs(download.folder)
        for name, content in files.items():
            Path(os.fsdecode(download.folder), name).write_bytes(content)
        recorded = tuple((os.fsencode(name), len(content)) for name, content in files.items())
        changes = {"files": recorded}
        do(store.move_download(download.id, State.QUEUED, Event.COMPLETE, changes=changes, now=NOW))
        do(store.move_download(download.id, State.DOWNLOADED, Event.UPLOAD, now=NOW))
    return int(download.id)
