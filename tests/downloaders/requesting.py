"""A daemon with a real downloader, and what tests ask of downloads on request."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cgwire import download as wire
from downloaders.program import Program
from downloaders.seeder import Seeder, Torrent
from e2e.running import Running, files_below
from waiting import eventually_sync

RULES = 'min_free = "1MiB"\nkeep_after = "0s"\nseed_ratio = 100.0\nseed_time = "0s"\nallow_private = true\n'
PATIENCE = 90.0
# The downloader has it: a seeder that is turned away a few times comes no more.
_WAITING = frozenset({"metadata", "downloading", "stalled"})


class Requested(Running):
    """One task `film` that watches nothing; a downloader downloads into a folder that no task covers."""

    def __init__(
        self,
        folder: Path,
        program: Program,
        *,
        name: str = "dl",
        rules: str = RULES,
        confirm: str = "stored",
        more: str = "",
    ) -> None:
        """`name`: what the downloader is called."""
        self.program = program
        (folder / "target").mkdir(exist_ok=True)
        table = program.table(name, f'dir = "{program.downloads}"\n')
        super().__init__(
            folder,
            root=folder / "target",
            kind="directory",
            target=f'confirm = "{confirm}"\n{table}[downloads]\n{rules}{more}',
            task="watch = false",
        )

    def __enter__(self) -> "Requested":
        self.start()
        return self

    def download(self, *words: str, check: bool = True) -> int:
        """Ask for one with the client, as a person would; its id."""
        self.cgctl("download", "add", "--task", "film", *words, check=check)
        return max(int(each["id"]) for each in self.downloads())

    def downloads(self) -> list[dict[str, Any]]:
        """All that are listed."""
        return list(self.ask(wire.List())["downloads"])

    def shown(self, id: int) -> dict[str, Any]:
        """download.show."""
        reply: dict[str, Any] = self.ask(wire.Show(id=id))
        return reply

    def past(self, id: int) -> list[str]:
        """The states it has been in, oldest first."""
        history = self.shown(id)["history"]
        return [move["before"] for move in reversed(history)] + [move["after"] for move in history[:1]]

    def until_state(
        self,
        id: int,
        *states: str,
        seeder: Seeder | None = None,
        torrent: Torrent | None = None,
        program: Program | None = None,
    ) -> None:
        """Until it is in one of them; meanwhile the seeder calls the downloader (`program`) again and again."""

        def there(download: dict[str, Any]) -> bool:
            found = download["state"]
            assert found in states or found not in ("failed", "removed"), self.shown(id)
            return found in states

        self.until_it(id, there, seeder=seeder, torrent=torrent, program=program)

    def until_it(
        self,
        id: int,
        condition: Callable[[dict[str, Any]], bool],
        *,
        seeder: Seeder | None = None,
        torrent: Torrent | None = None,
        program: Program | None = None,
    ) -> None:
        """The same for any condition on the download as it is listed."""

        def met() -> bool:
            download = self.shown(id)["download"]
            if seeder is not None and torrent is not None and download["state"] in _WAITING:
                seeder.connect(torrent, (program or self.program).peers)
            return condition(download)

        try:
            eventually_sync(met, within=PATIENCE, what=f"download {id}")
        except AssertionError as error:
            error.add_note(repr(self.shown(id)))
            raise

    def arrived(self) -> dict[bytes, bytes]:
        """What the target has."""
        return files_below(self.base)

    def left(self) -> list[str]:
        """What lies in the downloader's folder."""
        below = os.walk(self.program.downloads)  # passes over what goes while it looks
        return sorted(
            os.path.relpath(os.path.join(where, name), self.program.downloads)
            for where, folders, files in below
            for name in [*folders, *files]
        )


@contextmanager
def web_server(folder: Path, *, gate: threading.Event | None = None) -> Iterator[str]:
    """The address of a server of the files in there; behind a closed gate whoever asks for one waits."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if gate is not None:
                gate.wait(PATIENCE)
            super().do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def expected(torrent: Torrent, numbers: Sequence[int] = ()) -> dict[bytes, bytes]:
    """The files with these numbers (from 1; none: all) as the target shall have them."""
    return {
        path.encode(): content
        for number, (path, content) in enumerate(torrent.files.items(), 1)
        if not numbers or number in numbers
    }
