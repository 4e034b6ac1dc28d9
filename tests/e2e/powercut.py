"""Stage: a daemon whose state and target are on a disk that loses its power, and what must be true afterwards."""

import os
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from accounts import told
from cgctl.connection import Connection, Refusal, Unreachable
from cgwire import queue as queue_wire
from e2e.running import ENDED, Running
from fuse.ext4 import Ext4Power
from fuse.powermount import PowerMount
from waiting import eventually_sync


@dataclass(frozen=True, slots=True)
class Book:
    """What the database of a state directory says."""

    transfers: list[tuple[int, bytes, str]]  # id, path, state
    moves: list[tuple[int, str]]  # transfer, event: in their order
    temporaries: set[bytes]  # that may be there: debris, and those of tries under way

    def newest(self) -> dict[bytes, str]:
        """path -> state of its newest transfer."""
        return {path: state for _, path, state in self.transfers}

    def events(self) -> dict[int, list[str]]:
        """By transfer."""
        found: dict[int, list[str]] = defaultdict(list)
        for transfer, event in self.moves:
            found[transfer].append(event)
        return found


_OWNED = "SELECT destination, temporary FROM transfer WHERE temporary IS NOT NULL"
_WAL_HEADER = 32  # bytes, with salts that are others each time when the log begins anew
_LOOK_EVERY = 0.05  # seconds; a cut is heard of at once

EMPTY = Book([], [], set())


def read_book(state: Path) -> Book:
    """Of a copy, so that nothing is changed; an AssertionError where it is not sound."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("state.db", "state.db-wal", "state.db-journal"):
            if (state / name).exists():
                shutil.copy(state / name, copy)
        if not os.path.exists(f"{copy}/state.db"):
            return EMPTY
        with closing(sqlite3.connect(f"{copy}/state.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchall():
                return EMPTY
            return Book(
                connection.execute("SELECT id, path, state FROM transfer ORDER BY id").fetchall(),
                [(transfer, event) for transfer, event, *_ in told(connection)],
                {path for (path,) in connection.execute("SELECT path FROM debris")}
                | {os.path.dirname(destination) + b"/" + name for destination, name in connection.execute(_OWNED)},
            )


def _checkpoint(state: Path) -> tuple[int, bytes]:
    """Another one once a checkpoint has begun: files that were copied before and after that do not belong together."""
    log = state / "state.db-wal"
    return os.stat(state / "state.db").st_mtime_ns, log.read_bytes()[:_WAL_HEADER] if log.exists() else b""


class Stage:
    """The source is on another disk. Each play begins with the same `image` of the disk, which is empty at first.

    Entering it mounts the disk; leaving it kills what still runs, and shows its log if the test failed.
    """

    def __init__(
        self, folder: Path, disk: PowerMount | Ext4Power, *, kind: str, profile: str, pace: str = "1000"
    ) -> None:
        self.disk = disk
        self._image = folder / "image"
        (self._image / "cloud").mkdir(parents=True)
        place = Path(os.fsdecode(self.disk.root))
        self.running = Running(
            folder,
            root=place / "cloud",
            kind=kind,
            target=f'metadata_per_second = {pace}\nprofile = "{profile}"',
            state=place / "state",
        )
        self._contents: dict[bytes, bytes] = {}  # what the source has
        self._before: dict[bytes, bytes] = {}  # what the target has in the image
        self._cancel: bytes | None = None
        self._is_cancelled = False  # and the daemon has said so
        self._asking: Connection | None = None
        self._seen = folder / "seen"

    def __enter__(self) -> "Stage":
        self.disk.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(AssertionError):
            self.running.kill()
        self.running.__exit__(kind, error, traceback)
        self.disk.__exit__(kind, error, traceback)

    # ---- what is to be played

    def write(self, contents: Mapping[bytes, bytes]) -> None:
        """Into the source."""
        for name, content in contents.items():
            self.running.write(name, content)
        self._contents |= contents

    def send_all(self) -> None:
        """What the source has now is at the target, and known to be, when plays begin."""
        self._begin()
        with self.running:
            eventually_sync(self._is_idle, what="everything at its end")
        shutil.rmtree(self._image)
        self.disk.save(self._image, safe=True)
        self._before = dict(self._contents)

    def cancels(self, name: bytes) -> None:
        """The operator cancels this file's transfer while its first bytes are on their way."""
        self._cancel = name

    # ---- playing it

    def calls(self) -> list[tuple[str, str]]:
        """What changes the disk when nothing is cut: (operation, path)."""
        self._begin()
        self.running.start(wait=False)
        self._until_over()
        calls = self.disk.calls()
        self._cut_now()
        return calls

    def play(self, *, loss: dict[str, Any], again: int | None = None, **where: Any) -> set[str]:
        """Run until the cut, and demand what must be true of what is left, and after recovery from it.

        Which steps it fell into; none where all was done before. With `again` the recovery is cut, too, at that call.
        """
        self._begin()
        book = None
        shutil.rmtree(self._seen, ignore_errors=True)
        self.disk.cut(loss=loss, seen=str(self._seen), **where)
        self.running.start(wait=False)
        self._until_over()
        is_cut, calls = self.disk.is_cut, self.disk.calls()
        self._cut_now()
        book = self._demand_no_promise_broken()
        steps = self._steps(*calls[-1], book) if is_cut else set()
        if again is not None:
            self.disk.cut(loss=loss, number=again)
            self.running.start(wait=False)
            self._until_over()
            self._cut_now()
            self._demand_no_promise_broken()
        self._recover()
        return steps

    def _begin(self) -> None:
        with suppress(AssertionError):
            self.running.kill()  # of a play that has failed
        self._stop_asking()
        self._is_cancelled = False
        self.disk.begin_with(self._image)
        if self._cancel is not None:
            assert isinstance(self.disk, PowerMount)  # what ext4 is doing cannot be told by path
            self.disk.hold("write", os.fsdecode(os.path.dirname(self._cancel)) + "/.cg-")

    def _until_over(self) -> None:
        eventually_sync(self._is_over, within=60, what="the cut, or all at its end")

    def _cut_now(self) -> None:
        if not self.disk.is_cut:
            self.disk.cut(number=0, loss={})
        self._stop_asking()
        self.running.kill(failing=True)  # whose disk was gone before it was up has ended as soon as it found out
        self.disk.come_back()

    def _recover(self) -> None:
        """A further life brings everything to its end; then the power is cut once more, and all is still there."""
        self.running.start()
        eventually_sync(self._is_idle, within=60, what="everything at its end")
        eventually_sync(lambda: not any(map(_is_temporary, self._sent())), what="no temporary left")
        eventually_sync(self._is_swept, what="no temporary listed")
        self._cut_now()
        self._demand_all()

    def _is_over(self) -> bool:
        is_held = self.disk.wait(_LOOK_EVERY)
        if is_held and self._cancel is not None and self._asking is None:  # once: what was let go may show a while
            self._cancel_it(self._cancel)
        return self.disk.is_cut or (self._is_idle() and self._is_swept())

    def _is_swept(self) -> bool:
        """Temporaries are swept after the last transfer has ended, and a cut may be meant for that."""
        with suppress(OSError, sqlite3.Error, AssertionError):  # the cut has come first, or a checkpoint between
            before = _checkpoint(self.running.state)
            return not read_book(self.running.state).temporaries and _checkpoint(self.running.state) == before
        return False

    def _cancel_it(self, name: bytes) -> None:
        """What is held goes on once the daemon must have heard: what it was asked afterwards has been answered."""
        try:
            ids = tuple(each["id"] for each in self.running.transfers() if each["path"] == name)
            self._asking = Connection(self.running.socket)
            with suppress(Unreachable):  # no answer before the copy has ended
                self._asking.call(queue_wire.Cancel(ids=ids), patience=0.01)
            self.running.ask(queue_wire.First(ids=ids))
            self.running.transfers()
        except (Refusal, Unreachable):
            pass  # the cut has come first
        assert isinstance(self.disk, PowerMount)
        self.disk.let_go()

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    def _is_idle(self) -> bool:
        try:
            transfers = self.running.transfers()
        except (Refusal, Unreachable):
            return False
        if any(each["path"] == self._cancel and each["state"] == "cancelled" for each in transfers):
            self._is_cancelled = True
        return len(transfers) >= len(self._all_paths()) and all(each["state"] in ENDED for each in transfers)

    def _all_paths(self) -> list[bytes]:
        """Of all transfers there will ever be: one for each version of a file."""
        changed = [name for name, content in self._before.items() if content != self._contents[name]]
        return sorted([*self._contents, *changed])

    # ---- what must be true

    def _sent(self) -> dict[bytes, bytes]:
        return self.running.sent()

    def _demand_no_promise_broken(self) -> Book:
        """What is left after the cut, before anybody has put anything right."""
        book = read_book(self.running.state)
        newest, sent = book.newest(), self._sent()
        for name, content in sent.items():
            if _is_temporary(name):
                assert b"films/" + name in book.temporaries, f"nobody knows of {name!r}"
            elif content != self._before.get(name):
                assert content == self._contents[name], f"{name!r} is half a file"
                assert newest.get(name) in ("publishing", "written", "done"), f"{name!r} was renamed too early"
        for transfer, path, state in book.transfers:
            if state in ("written", "done"):
                wanted = (self._contents[path], self._before.get(path))
                assert sent.get(path) in wanted, f"{transfer} ({path!r}) is {state}, and not there"
        return book

    def _demand_all(self) -> None:
        book = read_book(self.running.state)
        newest = book.newest()
        wanted = dict(self._contents)
        if self._cancel is not None and (self._is_cancelled or newest[self._cancel] == "cancelled"):
            assert newest.pop(self._cancel) == "cancelled"
            del wanted[self._cancel]
        assert newest == dict.fromkeys(wanted, "done")
        assert self._sent() == wanted
        assert not book.temporaries
        assert sorted(path for _, path, _ in book.transfers) == self._all_paths(), "something was sent again"
        for transfer, events in book.events().items():
            assert events.count("write") <= 1, f"{transfer} was published again"
            if self.disk.journal:  # else the name of a temporary may be lost, and it is copied anew
                assert "unpublish" not in events, f"{transfer} was not whole after all"

    # ---- where the cut was

    def _steps(self, op: str, path: str, left: Book) -> set[str]:
        """In words: what was under way, by the call that was cut; several where one commit was to record them."""
        name = path.rpartition("/")[2]
        if path.startswith("/cloud"):
            what = "temporary" if name.startswith(".cg-") else "folder" if op in ("fsyncdir", "mkdir") else "file"
            return {f"{op} {what}"}
        if name != "state.db-wal" or op != "fsync":
            return {f"{op} {name}"}
        seen = read_book(self._seen / "state")
        lost = [event for _, event in seen.moves[len(left.moves) :]]
        events = set(lost)
        if len(seen.temporaries) < len(left.temporaries) + lost.count("claim") - lost.count("write"):
            events.add("sweep")
        return {f"commit {event}" for event in events}


def _is_temporary(name: bytes) -> bool:
    return os.path.basename(name).startswith(b".")
