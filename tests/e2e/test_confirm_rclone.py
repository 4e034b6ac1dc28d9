"""Confirmation by real rclone mounts with a write-back cache: nothing is done that the cloud does not hold."""

import errno
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import ports
from e2e.running import Running
from fuse.rclone import RcloneMount, rclones
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

CONTENT = os.urandom(300_000)
pytestmark = pytest.mark.timeout(300)
with_each_rclone = pytest.mark.parametrize("program", rclones())
PENDING = {"confirm.uploading", "confirm.busy"}
# So that a temporary has its final name before rclone begins to upload it, also on a busy machine: what it uploads it
# does not rename before that has ended.
IN_TIME = ("--vfs-write-back", "4s")


def a_port() -> str:
    """An address that nobody listens at, and that the kernel gives to nobody who does not ask for it."""
    with socket.socket() as free:
        return f"http://127.0.0.1:{ports.bind(free)}"


@contextmanager
def a_silent_port() -> Iterator[str]:
    """An address that nobody can listen at until the block ends."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def an_rc(program: str, folder: Path) -> str:
    """The newest listens at a Unix socket, too, whose path is at most 107 bytes long."""
    return f"unix:{folder}/rc" if _is_newest(program) and len(str(folder)) < 100 else a_port()


def _is_newest(program: str) -> bool:
    return program.startswith(sys.prefix)


class Cloud:
    """A mount, its rclone, the sick disk that is its cloud, and a daemon that sends there."""

    def __init__(
        self,
        folder: Path,
        program: str,
        stack: ExitStack,
        *,
        rc: str | None,
        more: str,
        task: str,
        options: tuple[str, ...],
    ) -> None:
        self.disk = stack.enter_context(SickMount(folder, name="disk", source="disk:"))
        os.makedirs(self.disk.backing + b"/films")
        self.rc = an_rc(program, folder)
        self.mount = RcloneMount(
            folder,
            name="cloud",
            vfs_cache="writes",
            source="",
            program=program,
            backing=self.disk.root,
            rc=self.rc,
            options=options,
        )
        stack.enter_context(self.mount)
        self.running = stack.enter_context(
            Running(folder, root=self.mount.root, target=self._confirm(rc or self.rc, more), task=task)
        )
        self.sent: dict[str, bytes] = {}

    def _confirm(self, rc: str, more: str) -> str:
        lines = f'confirm = "rclone"\nrclone_rc = "{rc}"\nrclone_rc_user = "rc"\n'
        return f'{lines}rclone_rc_password_file = "{self.mount.password_file}"\n{more}\n'

    def put(self, name: str, content: bytes = CONTENT) -> None:
        """Put a file into the source."""
        self.sent[name] = content
        self.running.write(name, content)

    def send(self, name: str, content: bytes = CONTENT) -> None:
        """Put a file into the source and wait until it is written."""
        self.put(name, content)
        self.until(name, lambda state: state in ("written", "done"))

    def until_upload_hangs(self, op: str) -> None:
        """Until rclone waits for this operation of its disk."""
        eventually_sync(lambda: self.disk.hanging(op), within=60.0, what=f"an upload that hangs: {op}")

    def arrived(self) -> int:
        """How many files are at least written."""
        return sum(state in ("written", "done") for state in self.running.states().values())

    def kill_rclone(self) -> None:
        """kill -9, in the midst of an upload that hangs; it ends once its disk lets it go."""
        os.kill(self.mount.pid, signal.SIGKILL)
        self.disk.heal()
        self.mount.kill()

    def until(self, name: str, condition: Callable[[str], bool], *, within: float = 150.0) -> None:
        """Until its state is so; all the while, what is done is in the cloud, byte for byte.

        rclone is asked ever more rarely, once a minute in the end, and twice before anything is done.
        """

        def reached() -> bool:
            states = self.running.states()
            for path, state in states.items():
                if state == "done":
                    with open(self.disk.backing + b"/films/" + path, "rb") as file:
                        assert file.read() == self.sent[os.fsdecode(path)]
            return condition(states.get(os.fsencode(name), ""))

        eventually_sync(reached, within=within, what=lambda: f"{name}: {self.running.transfers()}")

    def until_told(self, name: str, *codes: str) -> dict[str, object]:
        """Until the written file waits for one of these reasons, which is the answer."""
        found: list[dict[str, object]] = []

        def told() -> bool:
            each = next(each for each in self.running.transfers() if each["path"] == name.encode())
            assert each["state"] == "written", each
            found[:] = [reason for reason in each["held"] if reason["code"] in codes]
            return bool(found)

        eventually_sync(told, within=30.0, what=lambda: f"{codes}: {self.running.transfers()}")
        return found[0]


@contextmanager
def a_cloud(
    folder: Path,
    program: str,
    *,
    rc: str | None = None,
    more: str = "",
    task: str = "",
    options: tuple[str, ...] = (),
) -> Iterator[Cloud]:
    """All of it, running; the daemon asks at `rc`, if given, instead of where rclone listens."""
    with ExitStack() as stack:
        yield Cloud(folder, program, stack, rc=rc, more=more, task=task, options=options)


@needs_sick
@with_each_rclone
def test_a_file_is_done_once_a_slow_cloud_holds_it(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, options=IN_TIME) as cloud:
        cloud.disk.hang("create")
        cloud.send("a.mkv")
        cloud.until_upload_hangs("create")
        reason = cloud.until_told("a.mkv", *PENDING)
        assert not os.path.exists(cloud.disk.backing + b"/films/a.mkv")
        cloud.disk.heal()
        cloud.until("a.mkv", lambda state: state == "done")

        assert reason["code"] == ("confirm.uploading" if _is_newest(program) else "confirm.busy")
        assert cloud.running.why("a.mkv")["ledger"]["strength"] == "stored"


@needs_sick
@with_each_rclone
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("op", "number"), [("write", errno.ENOSPC), ("create", errno.EROFS)])
def test_what_a_full_or_read_only_cloud_refuses_is_written_with_its_error(
    tmp_path: Path, program: str, op: str, number: int
) -> None:
    with a_cloud(tmp_path, program) as cloud:
        cloud.disk.fail(op, number)
        cloud.send("a.mkv")
        eventually_sync(lambda: "message" in cloud.until_told("a.mkv", *PENDING), within=100, what="its error")
        reason = cloud.until_told("a.mkv", "confirm.uploading")
        told = cloud.running.cgctl("queue", "show", "1").stdout
        cloud.disk.heal()
        # rclone waits twice as long after each failure, and so about as long again as it has failed for.
        cloud.until("a.mkv", lambda state: state == "done", within=200)

        assert os.strerror(number).lower() in str(reason["message"]).lower()
        assert int(str(reason["tries"])) >= 1
        assert os.strerror(number).lower() in told.lower()


@needs_sick
@with_each_rclone
def test_what_rclone_cannot_upload_for_long_has_failed_with_its_error(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, more='confirm_within = "2s"', options=IN_TIME) as cloud:
        cloud.disk.fail("write", errno.ENOSPC)
        cloud.put("a.mkv")
        cloud.until("a.mkv", lambda state: state == "failed")
        (transfer,) = cloud.running.transfers()

        assert transfer["reason"]["code"] == "fail.rclone"
        assert "no space left on device" in transfer["reason"]["message"].lower()


@needs_sick
@with_each_rclone
def test_what_was_queued_when_rclone_was_killed_is_done_when_the_next_has_uploaded_it(
    tmp_path: Path, program: str
) -> None:
    with a_cloud(tmp_path, program, options=IN_TIME) as cloud:
        cloud.disk.hang("write")
        cloud.send("a.mkv")
        cloud.send("b.mkv", CONTENT[1000:])
        cloud.until_told("a.mkv", *PENDING)
        cloud.until_upload_hangs("write")
        cloud.kill_rclone()
        assert cloud.running.states() == {b"a.mkv": "written", b"b.mkv": "written"}
        cloud.mount.start()
        cloud.until("a.mkv", lambda state: state == "done")
        cloud.until("b.mkv", lambda state: state == "done")


@needs_sick
@with_each_rclone
@pytest.mark.full
@pytest.mark.timeout(400)
def test_what_was_lost_with_rclones_cache_is_sent_again(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, options=IN_TIME) as cloud:
        cloud.disk.hang("write")
        cloud.send("a.mkv")
        cloud.until_told("a.mkv", *PENDING)
        cloud.until_upload_hangs("write")
        cloud.kill_rclone()
        cloud.mount.forget_cache()
        cloud.mount.start()
        cloud.until("a.mkv", lambda state: state == "done", within=300.0)

        history = cloud.running.cgctl("history", "--json").stdout
        assert "retry.lost" in history


@needs_sick
@with_each_rclone
def test_a_new_version_of_the_same_size_is_not_taken_for_the_old_one(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, task='rules = ["missing", "changed"]', options=IN_TIME) as cloud:
        cloud.send("a.mkv")
        cloud.until("a.mkv", lambda state: state == "done")
        cloud.disk.hang("write")
        cloud.put("a.mkv", CONTENT[::-1])
        eventually_sync(lambda: [each["state"] for each in cloud.running.transfers()].count("written") == 1)
        newest = max(each["id"] for each in cloud.running.transfers())
        eventually_sync(lambda: any(each["held"] for each in cloud.running.transfers() if each["id"] == newest))
        cloud.until_upload_hangs("write")
        cloud.disk.heal()
        cloud.until("a.mkv", lambda state: state == "done")

        assert cloud.running.sent(cloud.disk.backing) == {b"a.mkv": CONTENT[::-1]}


@needs_sick
@with_each_rclone
@pytest.mark.full
def test_what_rclone_has_yet_to_upload_keeps_more_from_being_written(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, more='max_unconfirmed = "200KiB"', options=IN_TIME) as cloud:
        cloud.disk.hang("create")
        cloud.send("a.mkv")
        cloud.put("b.mkv", CONTENT[1000:])
        cloud.running.until_code("b.mkv", "held.unconfirmed")
        sentence = "clone has to upload what is written to the target cloud first (293 KiB, at most 200 KiB)"
        for words in (("status",), ("why", cloud.running.path("b.mkv")), ("target", "show", "cloud")):
            assert sentence in cloud.running.cgctl(*words).stdout
        cloud.running.kill()
        cloud.running.start()
        cloud.running.until_code("b.mkv", "held.unconfirmed")

        cloud.disk.heal()
        cloud.until("b.mkv", lambda state: state == "done")


@needs_sick
@with_each_rclone
def test_a_remote_control_that_does_not_answer_is_named(tmp_path: Path, program: str) -> None:
    with a_silent_port() as silent, a_cloud(tmp_path, program, rc=silent) as cloud:
        cloud.send("a.mkv")
        reason = cloud.until_told("a.mkv", "confirm.unreachable")
        assert reason["rc"] == silent
        assert reason["message"] == "Connection refused"
        assert "rclone cannot be asked" in cloud.running.cgctl("target", "show", "cloud").stdout

        config = cloud.running.config
        config.write_text(config.read_text().replace(silent, cloud.rc))
        cloud.running.cgctl("config", "reload")
        cloud.until("a.mkv", lambda state: state == "done")


@needs_sick
@with_each_rclone
def test_the_remote_control_of_another_mount_proves_nothing(tmp_path: Path, program: str) -> None:
    rc = a_port()
    with (
        RcloneMount(tmp_path, name="other", vfs_cache="writes", source="", program=program, rc=rc) as other,
        a_cloud(tmp_path, program, rc=rc) as cloud,
    ):
        cloud.send("a.mkv")
        reason = cloud.until_told("a.mkv", "confirm.other-mount")

        assert reason["expected"] == f":local:{os.fsdecode(cloud.disk.root)}"
        assert reason["found"] == f":local:{os.fsdecode(other.backing)}"


@needs_sick
@with_each_rclone
@pytest.mark.stress
@pytest.mark.full
@pytest.mark.timeout(400)
@pytest.mark.parametrize("delay", ["1s", "5s"])
def test_a_batch_is_done_in_the_end_whatever_is_killed(tmp_path: Path, program: str, delay: str) -> None:
    luck = random.Random(int(os.environ.get("CLOUDGATHER_SEED", "0")))
    with a_cloud(tmp_path, program, options=("--vfs-write-back", delay, "--bwlimit", "2M")) as cloud:
        names = [f"{number % 5}/{number}.mkv" for number in range(40)]
        for name in names:
            cloud.put(name, luck.randbytes(luck.randrange(1, 600_000)))
        for number in (10, 20, 30):
            cloud.until(names[0], lambda _, number=number: cloud.arrived() >= number, within=120.0)  # type: ignore[misc]
            cloud.kill_rclone()
            if luck.random() < 0.5:
                cloud.running.kill()
                cloud.running.start()
            cloud.mount.start()
        cloud.until(names[0], lambda _: set(cloud.running.states().values()) == {"done"}, within=240.0)

        whole = {os.fsencode(name): cloud.sent[name] for name in names}
        eventually_sync(lambda: _without_partials(cloud.running.sent(cloud.disk.backing)) == whole, within=60.0)


@needs_sick
@with_each_rclone
@pytest.mark.stress
@pytest.mark.full
@pytest.mark.timeout(200)
def test_what_rclone_forgets_because_it_was_renamed_too_early_is_never_done(tmp_path: Path, program: str) -> None:
    with a_cloud(tmp_path, program, more="attempts = 1", options=("--vfs-write-back", "0s")) as cloud:
        cloud.disk.slow("write", 1.0)
        cloud.send("a.mkv")
        cloud.until("a.mkv", lambda state: state in ("done", "failed"), within=150.0)
        (transfer,) = cloud.running.transfers()

        assert transfer["state"] == "failed"
        assert "--vfs-write-back 0s" in transfer["reason"]["message"]


def _without_partials(sent: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """A newer rclone that is killed leaves what it was uploading under a name of its own."""
    return {path: content for path, content in sent.items() if not path.endswith(b".partial")}
