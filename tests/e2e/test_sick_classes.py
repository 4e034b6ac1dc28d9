"""Every operation of a mounted cloud drive fails with every error: what follows is what its class says, and no more."""

import os
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES, EAGAIN, EDQUOT, EEXIST, EIO, ENAMETOOLONG, ENOSPC, ENOTCONN, EROFS, ETIMEDOUT, errorcode
from pathlib import Path
from typing import Final

import pytest

from e2e.expecting import history
from e2e.patience import PATIENCE, wait_for_status
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

pytestmark = needs_sick

SEED: Final = int(os.environ.get("CLOUDGATHER_SEED", "0"))
CONTENT: Final = os.urandom(200_000)
HEALTHY: Final = b"healthy"

TRANSIENT: Final = {EIO: "fail.io", EACCES: "fail.denied", ETIMEDOUT: "fail.io", EAGAIN: "fail.io"}
TARGET_WIDE: Final = {ENOSPC: "fail.full", EDQUOT: "fail.full", EROFS: "fail.read-only", ENOTCONN: "fail.mount"}
PERMANENT: Final = {ENAMETOOLONG: "fail.name", EEXIST: "fail.occupied"}  # of a rename
# Operations whose error reaches the copy, those whose error is made good without another copy, and those that
# nobody hears of: a close does not wait for the file system's release.
COPIES: Final = ("getattr", "create", "write", "fsync", "flush", "open")
QUIET: Final = ("rename", "release", "unlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One operation that fails once, for a file in a folder of its own."""

    op: str
    errno: int

    @property
    def folder(self) -> str:
        """Where its file is, in the source as at the target."""
        return f"{self.op}-{errorcode[self.errno]}"

    @property
    def path(self) -> bytes:
        """Its file, below the source."""
        return os.fsencode(f"{self.folder}/a.mkv")

    @property
    def code(self) -> str | None:
        """What its attempt ends with; None where it is not to be noticed."""
        if self.op in QUIET:
            return "fail.io" if self.op == "unlink" else None
        if self.errno == EEXIST:
            return "fail.io"  # of a temporary, and the next try has another name
        return {**TRANSIENT, **TARGET_WIDE, **PERMANENT}[self.errno]

    @property
    def fails(self) -> bool:
        """Whether no retry of ours mends it."""
        return self.code in PERMANENT.values()

    @property
    def attempts(self) -> int:
        """How many it costs."""
        return 0 if self.code is None or self.code in TARGET_WIDE.values() else 1

    def strike(self, sick: SickMount) -> None:
        """Have it fail, once."""
        if self.op == "unlink":  # what is written first has to fail: only then anything is removed
            sick.fail("write", EIO, times=1, path=f"{self.folder}/")
        sick.fail(self.op, self.errno, times=1, path=f"{self.folder}/")


CELLS: Final = [Cell(op=op, errno=errno) for errno in TRANSIENT | TARGET_WIDE | PERMANENT for op in COPIES + QUIET]


@contextmanager
def answering_in_time(running: Running) -> Iterator[None]:
    """All the while, `status` is answered within a second."""
    ended = threading.Event()
    slowest = 0.0

    def ask() -> None:
        nonlocal slowest
        while not ended.wait(0.2):
            slowest = max(slowest, wait_for_status(running))

    asking = threading.Thread(target=ask, name="asks for the status")
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
    assert slowest < PATIENCE, f"status took {slowest} s"


def go_through(tmp_path: Path, cells: Sequence[Cell], profile: str, *, within: float) -> None:
    """All of them with one daemon, a healthy file after each, to the same target."""
    with SickMount(tmp_path) as sick:
        paced = "metadata_per_second = 1000"  # so that "lan" goes file by file
        target = f'profile = "{profile}"\nconfirm = "seen"\nverify = "checksum"\nparallel = 1\nattempts = 2\n{paced}'
        with Running(tmp_path, root=sick.root, target=target, retry="1s") as running, answering_in_time(running):
            running.cgctl("queue", "pause")
            for number, cell in enumerate(cells):
                cell.strike(sick)
                running.write(cell.path, CONTENT)
                running.write(b"%s/%d.mkv" % (HEALTHY, number), HEALTHY)
            eventually_sync(lambda: len(running.transfers()) == 2 * len(cells), within=within, what="all are queued")
            running.cgctl("queue", "resume")
            running.until_idle(2 * len(cells), within=within)
            # The kernel waits for no release: the last may come later than all that follows it.
            faults = len(cells) + sum(cell.op == "unlink" for cell in cells)
            eventually_sync(lambda: sum(map(sick.struck, (*COPIES, *QUIET))) >= faults, what="all have gone wrong")
            assert sum(map(sick.struck, (*COPIES, *QUIET))) == faults
            if profile != "disk":  # in a batch what one finds out about the target is true for those behind it
                for cell in cells:
                    demand_its_class(running, cell)
            failed = {path for path, state in running.states().items() if state == "failed"}
            assert failed <= {cell.path for cell in cells if cell.fails}
            if failed:
                running.cgctl("queue", "retry", "--state", "failed")
            eventually_sync(
                lambda: set(running.states().values()) == {"done"}, within=within, what="what failed goes when it can"
            )
            sent = {cell.path: CONTENT for cell in cells}
            sent |= {b"%s/%d.mkv" % (HEALTHY, number): HEALTHY for number in range(len(cells))}
            eventually_sync(lambda: set(running.sent(sick.backing)) == set(sent), what="no temporary is left")
            assert running.sent(sick.backing) == sent
            assert all(running.times_written(path) == 1 for path in sent)


def demand_its_class(running: Running, cell: Cell) -> None:
    """What its history says, and what people read in both languages where it has failed."""
    (transfer,) = [each for each in running.transfers() if each["path"] == cell.path]
    codes = [move["reason"]["code"] for move in history(running, os.fsdecode(cell.path)) if move["reason"]]
    failures = [code for code in codes if code.startswith("fail.")]
    assert transfer["attempts"] == cell.attempts, (cell, codes)
    assert transfer["state"] == ("failed" if cell.fails else "done"), (cell, codes)
    if cell.code is None:
        assert failures == [], cell
        return
    assert cell.code in failures, (cell, codes)
    if cell.fails:
        assert transfer["reason"]["errno"] == errorcode[cell.errno]
        assert "he target cannot take this name" in running.cgctl("--lang", "en", "why", running.path(cell.path)).stdout
        assert "目标不接受这个文件名" in running.cgctl("--lang", "zh-CN", "why", running.path(cell.path)).stdout


@pytest.mark.timeout(500)
@pytest.mark.parametrize("profile", ["lan", "disk"])
def test_some_failures_of_each_class(tmp_path: Path, profile: str) -> None:
    draw = random.Random(SEED)
    for_one = [
        draw.choice([cell for cell in CELLS if cell.errno in those]) for those in (TRANSIENT, TARGET_WIDE, PERMANENT)
    ]
    cells = {*for_one, *draw.sample(CELLS, 2)} - {cell for cell in CELLS if (cell.op, profile) == ("fsync", "disk")}

    go_through(tmp_path, sorted(cells, key=lambda cell: cell.folder), profile, within=150)


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize("profile", ["lan", "disk"])
def test_every_operation_fails_with_every_error(tmp_path: Path, profile: str) -> None:
    # What goes in a batch is made durable by one syncfs, which FUSE does not hand on.
    cells = [cell for cell in CELLS if profile == "lan" or cell.op != "fsync"]

    go_through(tmp_path, cells, profile, within=400)


@pytest.mark.parametrize(
    "number", [ENAMETOOLONG, *(pytest.param(each, marks=pytest.mark.full) for each in (EIO, EEXIST))]
)
def test_a_rename_that_is_always_refused_fails_and_loses_nothing(tmp_path: Path, number: int) -> None:
    code = {**TRANSIENT, **PERMANENT}[number]
    with SickMount(tmp_path) as sick:
        sick.fail("rename", number)
        target = 'profile = "lan"\nparallel = 1\nattempts = 2'
        with Running(tmp_path, root=sick.root, target=target, retry="1s") as running:
            running.write("a.mkv", CONTENT)
            running.until("a.mkv", "failed")
            (transfer,) = running.transfers()

            assert (transfer["reason"]["code"], transfer["reason"]["errno"]) == (code, errorcode[number])
            assert transfer["attempts"] == (1 if number in PERMANENT else 2)
            eventually_sync(lambda: running.sent(sick.backing) == {}, what="no temporary is left")
            sick.heal()
            running.cgctl("queue", "retry", "--all")
            running.until("a.mkv", "done")
            assert running.sent(sick.backing) == {b"a.mkv": CONTENT}


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [ENOSPC, ENOTCONN])
def test_a_rename_that_the_whole_target_refuses_waits_for_it(tmp_path: Path, number: int) -> None:
    with SickMount(tmp_path) as sick:
        sick.fail("rename", number)
        target = 'profile = "lan"\nparallel = 1\nattempts = 1'
        with Running(tmp_path, root=sick.root, target=target, retry="1s") as running:
            running.write("a.mkv", CONTENT)
            running.until("a.mkv", "publishing")
            running.write("b.mkv", HEALTHY)
            running.until_code("b.mkv", "held.breaker")
            running.until_code("a.mkv", "held.breaker")
            eventually_sync(lambda: sick.struck("rename") >= 2, what="it is tried again")
            assert not {"failed", "written", "done"} & set(running.states().values())

            sick.heal()
            running.until_idle(2, within=100)  # it rests for about as long as it has gone wrong
            assert running.sent(sick.backing) == {b"a.mkv": CONTENT, b"b.mkv": HEALTHY}
            assert {each["attempts"] for each in running.transfers()} == {0}
