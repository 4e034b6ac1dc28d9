"""`kill -9` of the daemon, of agents, of both, at any moment: every file arrives once, whole, and nothing is left."""

import os
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
import xxhash

from accounts import assert_history_adds_up, copied, times_written
from cgwire import queue as queue_wire
from cgwire import target as target_wire
from cgwire.codes import Code
from cloudgather.core.transfer import State
from e2e.batches import Batch, Stream, may_end
from e2e.killing import Killer
from e2e.meddling import Meddler
from e2e.running import Running, files_below
from e2e.witness import Witness
from fuse.rclone import RcloneMount, needs_rclone
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

SEED = int(os.environ.get("CLOUDGATHER_SEED", "1"))

KIB: Final = 1 << 10
MIB: Final = 1 << 20
# What goes wrong at the mount.
SPOILT: Final = ("create", "write", "flush", "fsync", "rename", "renamed")
# What was written, of which a newer version was sent as well.
OVERTAKEN: Final = (
    "SELECT id FROM transfer AS older WHERE EXISTS "
    "(SELECT 1 FROM move WHERE event = 'write' AND older.id BETWEEN first AND last) AND EXISTS "
    "(SELECT 1 FROM transfer WHERE task = older.task AND path = older.path AND id > older.id AND state = 'done')"
)
CHANGES: Final = 0.3  # of the kills come after files have changed


class Ordeal:
    """A disk that takes batches of small files, a mount that takes larger ones, and one daemon for both.

    `spoil` is called now and then: something may go wrong at the mount. With `changes`, sources change on the way.
    """

    def __init__(
        self,
        folder: Path,
        mount: SickMount | RcloneMount,
        *,
        target: str,
        changes: bool = True,
        spoil: Callable[[random.Random], None] = lambda luck: None,
    ) -> None:
        self.luck = luck = random.Random(SEED)
        self.changes = CHANGES if changes else 0
        many, shelf, state = folder / "many", folder / "shelf", folder / "state"
        for each in (shelf, state):
            each.mkdir()
        self.running = Running(
            folder,
            root=mount.root,
            target=f"parallel = 3\nattempts = 3\n{target}\n"
            f'[targets.shelf]\nroot = "{shelf}"\nkind = "directory"\nbandwidth = "1MiB/s"\nretry_first = "1s"\n',
            tasks={
                "film": f'source = "{folder / "source"}"\ntarget = "cloud:films"\nsettle = "1s"\n',
                "many": f'source = "{many}"\ntarget = "shelf:many"\nsettle = "1s"\n',
            },
        )
        self.streams = {
            "film": Stream(
                prefix=b"f",
                source=self.running.source,
                arriving=mount.backing + b"/films",
                sizes=(0, 5, 4 * KIB, 100 * KIB, MIB, 3 * MIB),
                backlog=24,
            ),
            "many": Stream(
                prefix=b"m",
                source=os.fsencode(many),
                arriving=os.fsencode(shelf / "many"),
                sizes=(0, 1, 100, 4 * KIB, 16 * KIB),
                backlog=150,
            ),
        }
        self.batch = Batch([*self.streams.values()], luck)
        self.witness = Witness(self.batch.folders, state_dir=state)
        places = [each.arriving for each in self.streams.values()]
        self.killer = Killer(self.running, self.witness, luck, places=places)
        meddlers = random.Random(luck.random())
        self.meddler = Meddler(self.running, meddlers, may_end=may_end, spoil=lambda: spoil(meddlers))

    def run(self, kills: int, *, heal: Callable[[], None] = lambda: None) -> None:
        """Kill so often, and then let everything come to its end; the promises that were kept are asserted."""
        with self._told():
            with self.witness, self.running:
                self.batch.stock(self.witness, ended=())
                with self.meddler:
                    for whom in self._victims(kills):
                        self.batch.stock(self.witness, ended=self.meddler.cancelled.values())
                        if self.luck.random() < self.changes:
                            self.batch.change(self.witness)
                        in_vain = self.killer.in_vain
                        self.killer.kill(whom)
                        assert self.witness.wrong == []
                        if self.killer.in_vain > in_vain:
                            self._let_it_go_on(heal)
                    self.running.until_it_answers()
                self._let_it_go_on(heal)
                eventually_sync(self._come_to_its_end, within=200, what="all files at their targets")
                eventually_sync(self._is_tidy, within=200, what="no temporaries left")
                self.running.stop()
            self._assert_arrived()
            self._assert_accounts()

    def _victims(self, kills: int) -> Iterator[str]:
        """So many, and then as many daemons as it takes until enough of them were at work: on a busy machine some are
        killed before they have begun, and some while their target rests.
        """
        yield from self.killer.victims(kills)
        for _ in range(kills):
            if self._work_was_hit():
                return
            yield "both"

    def _let_it_go_on(self, heal: Callable[[], None]) -> None:
        """A target that has failed again and again by chance rests for minutes, while what is to go wrong gathers there
        for when it is tried again: left alone it would rest for most of the ordeal.
        """
        heal()
        self.running.until_it_answers()
        self.running.ask(target_wire.Resume(name="cloud"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """If it fails, say with which seed, what was killed when, and what has not arrived."""
        try:
            yield
        except BaseException:
            missing = sorted(self.witness.missing())
            sys.stdout.write("\n".join([f"seed {SEED}", *self.killer.log, f"missing: {missing}", ""]))
            raise

    def _come_to_its_end(self) -> bool:
        """Whether it has; what has failed, or was cancelled by an order that nobody answered, is sent on its way.

        But for a version that was not confirmed before the next one took its place, which nothing can mend.
        """
        assert self.witness.wrong == []
        listed = self.running.ask(queue_wire.List(states=("failed", "cancelled"), limit=10_000))["transfers"]
        again = tuple(
            each["id"]
            for each in listed
            if each["id"] not in self.meddler.cancelled and each["reason"]["code"] != Code.FAIL_UNCONFIRMED
        )
        if again:
            self.running.ask(queue_wire.Retry(ids=again))
        live = self.running.ask(queue_wire.List(states=("queued", "copying", "publishing", "written"), limit=1))
        ended = set(self.meddler.cancelled.values())
        return not again and live["total"] == 0 and all(path.endswith(tuple(ended)) for path in self.witness.missing())

    def _is_tidy(self) -> bool:
        """Whether nothing is left that may have to be removed; what became so with the last move is soon."""
        database = f"file:{self.running.state}/state.db?mode=ro"
        with closing(sqlite3.connect(database, uri=True, timeout=10)) as connection:
            return connection.execute("SELECT path FROM debris").fetchall() == []

    def _assert_arrived(self) -> None:
        """Every file came once, whole, and is where it belongs; nothing else is there."""
        assert self.witness.wrong == []
        ended = set(self.meddler.cancelled.values())
        latest = self.witness.latest()
        for stream in self.streams.values():
            wanted = {stream.path(number) for number in range(stream.made)} - ended
            assert files_below(stream.arriving) == {path: latest[stream.arriving + b"/" + path] for path in wanted}

    def _assert_accounts(self) -> None:
        """History says what has happened, and what was acknowledged is true."""
        with copied(self.running.folder / "state", self.running.folder / "copied") as connection:
            assert_history_adds_up(connection)
            assert connection.execute("SELECT path FROM debris").fetchall() == []
            arrivals = {
                (task, path): self.witness.arrivals(stream.arriving + b"/" + path)
                for task, stream in self.streams.items()
                for path in map(stream.path, range(stream.made))
            }
            assert times_written(connection) == Counter(arrivals)
            rows = connection.execute("SELECT id, state, priority, generation FROM transfer").fetchall()
            assert {state for _, state, _, _ in rows} <= {"done", "cancelled", "failed"}
            failed = {id for id, state, _, _ in rows if state == "failed"}
            assert failed <= {id for (id,) in connection.execute(OVERTAKEN)}
            assert {id for id, state, _, _ in rows if state == "cancelled"} == set(self.meddler.cancelled)
            ahead = {id for id, _, priority, generation in rows if priority > 0 or generation > 1}
            assert self.meddler.first <= ahead
            latest = self.witness.latest()
            for task, path, digest in connection.execute("SELECT task, path, digest FROM ledger"):
                assert digest == xxhash.xxh3_128_digest(latest[self.streams[task].arriving + b"/" + path])

    def assert_work_was_hit(self) -> None:
        """Kills that hit nothing show nothing."""
        assert self._work_was_hit()
        assert self.meddler.acknowledged.total() > 0

    def _work_was_hit(self) -> bool:
        under_way = self.killer.hit[State.COPYING] + self.killer.hit[State.PUBLISHING]
        return under_way > 0 and under_way >= self.killer.daemons // 2

    def copies_lost(self) -> int:
        """How many copies history says were lost with their agents."""
        with copied(self.running.folder / "state", self.running.folder / "copied") as connection:
            moves = "SELECT sum(last - first + 1) FROM move WHERE before = 'copying' AND instr(reason, ?)"
            return int(connection.execute(moves, (Code.FAIL_AGENT.encode(),)).fetchone()[0] or 0)


def on_a_sick_mount(folder: Path, kills: int) -> Ordeal:
    """The ordeal, where operations of the mount fail, are slow, or lose a byte, once each time."""
    with SickMount(folder) as sick:

        def spoil(luck: random.Random) -> None:
            op, skip = luck.choice(SPOILT), luck.randrange(30)
            match luck.choice(["fail", "slow", "shorten"]):
                case "fail":
                    sick.fail(op, times=1, skip=skip)
                case "slow":
                    sick.slow(op, luck.uniform(0, 1), times=1)
                case _:
                    sick.wrong_length(times=1)

        ordeal = Ordeal(folder, sick, target='profile = "lan"\nbandwidth = "8MiB/s"', spoil=spoil)
        ordeal.run(kills, heal=sick.heal)
    return ordeal


@needs_sick
@pytest.mark.timeout(600)
def test_every_file_arrives_once_whoever_is_killed(tmp_path: Path) -> None:
    ordeal = on_a_sick_mount(tmp_path, 10)

    ordeal.assert_work_was_hit()


@needs_sick
@pytest.mark.full
@pytest.mark.timeout(1800)
def test_every_file_arrives_once_whoever_is_killed_200_times(tmp_path: Path) -> None:
    ordeal = on_a_sick_mount(tmp_path, 200)

    ordeal.assert_work_was_hit()
    assert ordeal.killer.hit[State.COPYING] > 40
    assert ordeal.killer.hit[State.PUBLISHING] > 10
    assert ordeal.killer.hit[State.WRITTEN] > 0
    assert ordeal.killer.agents > 50
    assert ordeal.copies_lost() > 10
    assert 200 - ordeal.killer.in_vain > 60  # how many there are says more of the machine than of the daemon
    assert ordeal.meddler.acknowledged.keys() == {"cancel", "retry", "first", "pause", "resume"}


@needs_rclone
@pytest.mark.timeout(600)
def test_every_file_arrives_once_on_an_rclone_mount(tmp_path: Path) -> None:
    with RcloneMount(tmp_path) as mount:
        target = 'profile = "cloud"\nbandwidth = "8MiB/s"\nmetadata_per_second = 20'
        ordeal = Ordeal(
            tmp_path, mount, target=target, changes=False
        )  # rclone removes a file before it renames over it
        ordeal.run(5)

    ordeal.assert_work_was_hit()
