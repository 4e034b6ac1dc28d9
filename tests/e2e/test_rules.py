"""Rules, filters, what was there before, and verify, each on a real target."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from e2e.running import Running
from waiting import eventually_sync

LONG_AGO = 1_000_000_000


def by_hand(tmp_path: Path, task: str, *, standing: dict[str, bytes] | None = None) -> Running:
    """A daemon whose only task runs when it is told to; `standing` is at the target already."""
    base = tmp_path / "target" / "films"
    base.mkdir(parents=True)
    for name, content in (standing or {}).items():
        (base / name).write_bytes(content)
    return Running(tmp_path, root=tmp_path / "target", kind="directory", task=f"watch = false\n{task}")


def run(running: Running) -> None:
    """One run of the task, to its end."""
    running.cgctl("task", "run", "film", "--wait")


def at(path: bytes, mtime: float) -> bytes:
    """The same path, last modified then."""
    os.utime(path, (mtime, mtime))
    return path


# ---- rules -----------------------------------------------------------------------------------------------------------


def test_missing_sends_what_the_target_does_not_have(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'rules = ["missing"]', standing={"same.mkv": b"1234", "other.mkv": b"12"}) as running:
        for name in ("same.mkv", "other.mkv", "new.mkv"):
            running.write(name, b"abcd")
        run(running)

        assert running.sent() == {b"same.mkv": b"1234", b"other.mkv": b"12", b"new.mkv": b"abcd"}
        assert running.codes("new.mkv") == {"skip.sent"}
        assert running.codes("same.mkv") == {"skip.adopted"}
        assert running.codes("other.mkv") == {"skip.differs"}


def test_changed_sends_again_what_is_not_what_was_sent(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'rules = ["missing", "changed"]') as running:
        running.write("a.mkv", b"first")
        running.write("b.mkv", b"first")
        run(running)
        running.write("a.mkv", b"second")
        at(running.path("b.mkv"), LONG_AGO)  # same bytes, another version
        run(running)

        assert running.sent() == {b"a.mkv": b"second", b"b.mkv": b"first"}
        reasons = {each["path"]: each["plan_reason"]["code"] for each in reversed(running.transfers())}
        assert reasons == {b"a.mkv": "go.changed", b"b.mkv": "go.changed"}


def test_without_changed_what_was_sent_stays(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'rules = ["missing"]') as running:
        running.write("a.mkv", b"first")
        run(running)
        running.write("a.mkv", b"second!")
        run(running)

        assert running.sent() == {b"a.mkv": b"first"}
        assert "skip.differs" in running.codes("a.mkv")


def test_size_replaces_what_has_another_size(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'rules = ["size"]', standing={"same.mkv": b"1234", "other.mkv": b"12"}) as running:
        for name in ("same.mkv", "other.mkv", "new.mkv"):
            running.write(name, b"abcd")
        run(running)

        assert running.sent() == {b"same.mkv": b"1234", b"other.mkv": b"abcd"}
        (sent,) = running.transfers()
        assert sent["plan_reason"] == {"code": "go.size", "size": 4, "target_size": 2}


def test_newer_replaces_what_is_older(tmp_path: Path) -> None:
    standing = {"older.mkv": b"1234", "newer.mkv": b"1234", "within.mkv": b"1234"}
    with by_hand(tmp_path, 'rules = ["newer"]', standing=standing) as running:
        for name, mtime in (("older.mkv", -60), ("newer.mkv", 60), ("within.mkv", 1)):
            at(running.write(name, b"abcd"), LONG_AGO)
            at(os.path.join(running.base, os.fsencode(name)), LONG_AGO + mtime)  # coarse file systems: 2 s are nothing
        run(running)

        assert running.sent() == {b"older.mkv": b"abcd", b"newer.mkv": b"1234", b"within.mkv": b"1234"}
        (sent,) = running.transfers()
        assert sent["plan_reason"]["code"] == "go.newer"
        assert os.stat(running.base + b"/older.mkv").st_mtime == LONG_AGO


# ---- filters ---------------------------------------------------------------------------------------------------------


def test_filters_pass_over_what_is_not_wanted_and_tell_why(tmp_path: Path) -> None:
    filters = (
        '[filter]\npreset = "video+subtitles"\nextensions = ["rar"]\nmin_size = "1KiB"\nexclude = ["*sample*"]\n'
        'exclude_dirs = ["Extras"]'
    )
    large = b"x" * 2000
    files = {
        "film.mkv": (large, None),
        "film.zh.srt": (b"small, spared", None),
        "pack.rar": (large, None),
        "short.mkv": (b"small", "skip.filter.small"),
        "notes.txt": (large, "skip.filter.extension"),
        "film-sample.mkv": (large, "skip.filter.exclude"),
        "show/Extras/cut.mkv": (large, "skip.filter.directory"),
        "BD/BDMV/STREAM/00001.m2ts": (b"small, part of a disc", None),
        "BD/BDMV/index.bdmv": (b"small, part of a disc", None),
        "@eaDir/film.mkv": (large, "skip.junk"),
        "Thumbs.db": (large, "skip.junk"),
    }
    with by_hand(tmp_path, filters) as running:
        for name, (content, _) in files.items():
            running.write(name, content)
        run(running)

        wanted = {os.fsencode(name): content for name, (content, code) in files.items() if code is None}
        assert running.sent() == wanted
        for name, (_, code) in files.items():
            assert (code or "skip.sent") in running.codes(name), name


# ---- what was there before -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initial", "sent", "codes"),
    [
        ("send", {b"same", b"new"}, {"same": "skip.adopted", "other": "skip.differs", "new": "skip.sent"}),
        ("adopt", {b"same", b"new"}, {"same": "skip.adopted", "other": "skip.differs", "new": "skip.sent"}),
        ("ignore", {b"same"}, {"same": "skip.ignored", "other": "skip.ignored", "new": "skip.ignored"}),
    ],
)
def test_what_was_there_before_the_task(tmp_path: Path, initial: str, sent: set[bytes], codes: dict[str, str]) -> None:
    standing = {"same": b"1234", "other": b"12"}
    with by_hand(tmp_path, f'initial = "{initial}"', standing=standing) as running:
        for name in ("same", "other", "new"):
            running.write(name, b"abcd")
        run(running)

        found = running.sent()
        assert found.pop(b"other") == b"12"
        assert set(found) == sent
        assert found[b"same"] == b"1234"
        assert {name: next(iter(running.codes(name))) for name in codes} == codes

        running.write("later", b"later")
        run(running)
        assert running.sent()[b"later"] == b"later"


def test_a_folder_goes_when_all_of_it_is_ready(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with Running(tmp_path, root=tmp_path / "target", kind="directory", task='send = "folder"') as running:
        with running.writing("Season 1/2.mkv") as file:
            running.write("Season 1/1.mkv", b"one")
            running.write("alone.mkv", b"alone")
            os.write(file, b"two")
            running.until("alone.mkv", "done")
            eventually_sync(
                lambda: blockers(running, "Season 1/1.mkv") == [b"Season 1/2.mkv"], what="what it waits for"
            )
            assert running.sent() == {b"alone.mkv": b"alone"}
        running.until_idle(3)

        assert running.sent() == {b"alone.mkv": b"alone", b"Season 1/1.mkv": b"one", b"Season 1/2.mkv": b"two"}


def blockers(running: Running, name: str) -> list[bytes]:
    """What the rest of the file's folder waits for."""
    return [each["blocker"] for each in running.why(name)["reasons"] if each["code"] == "wait.unit"]


# ---- verify ----------------------------------------------------------------------------------------------------------


def verify(running: Running, code: int) -> Any:
    """The report."""
    done = running.cgctl("task", "verify", "film", "--json", check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def sent_files(running: Running, count: int) -> None:
    """Send `count` files."""
    for number in range(count):
        running.write(f"{number}.mkv", b"film")
    run(running)


def test_verify_tells_intact_gone_and_differing_files(tmp_path: Path) -> None:
    with by_hand(tmp_path, "") as running:
        sent_files(running, 4)
        assert verify(running, 0) == {
            "checked": 4, "intact": 4, "gone": [], "differs": [], "unsent": [], "resent": 0,
            "given_up": 0, "withheld": 0,
            "truncated": False,
        }  # fmt: skip
        os.unlink(running.base + b"/1.mkv")
        with open(running.base + b"/2.mkv", "ab") as file:
            file.write(b"more")
        running.write("unsent.mkv", b"film")

        report = verify(running, 1)

        assert (report["intact"], report["gone"], report["differs"]) == (2, ["1.mkv"], ["2.mkv"])
        assert report["unsent"] == ["unsent.mkv"]
        text = running.cgctl("task", "verify", "film", check=False).stdout
        assert "✗ 1.mkv: no longer at the target" in text
        assert "✗ 2.mkv: differs at the target" in text
        assert "cgctl task run film --overwrite" in text
        run(running)
        assert b"1.mkv" not in running.sent()  # it was removed there on purpose more often than lost


def test_verify_sends_again_what_is_gone_where_the_task_says_so(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'if_gone = "resend"') as running:
        sent_files(running, 4)
        os.unlink(running.base + b"/1.mkv")

        assert verify(running, 1)["resent"] == 1
        eventually_sync(lambda: running.sent().get(b"1.mkv") == b"film", what="it is sent again")
        running.until("1.mkv", "done")
        assert verify(running, 0)["intact"] == 4

        os.unlink(running.base + b"/1.mkv")  # whoever takes it away twice means it
        report = verify(running, 1)
        assert (report["resent"], report["given_up"]) == (0, 1)
        said = running.cgctl("task", "verify", "film", check=False).stdout
        assert "gone once more after it was sent again, and left so: 1" in said
        assert running.states()[b"1.mkv"] == "done"
        running.write("1.mkv", b"another")
        run(running)
        assert running.sent()[b"1.mkv"] == b"another"
        os.unlink(running.base + b"/1.mkv")
        assert verify(running, 1)["resent"] == 1  # another version


def test_all_gone_at_once_is_not_taken_for_lost(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'if_gone = "resend"') as running:
        sent_files(running, 4)
        for name in list(running.sent()):
            os.unlink(running.base + b"/" + name)

        report = verify(running, 1)
        assert (report["resent"], report["withheld"], len(report["gone"])) == (0, 4, 4)
        assert "log in to the cloud account again" in running.cgctl("task", "verify", "film", check=False).stdout
        assert running.sent() == {}


def test_a_missing_destination_folder_is_no_evidence(tmp_path: Path) -> None:
    with by_hand(tmp_path, 'if_gone = "resend"') as running:
        sent_files(running, 2)
        os.rename(running.base, running.root + b"/moved")

        done = running.cgctl("task", "verify", "film", check=False)

        assert done.returncode == 1
        assert "the destination folder was there and is not now" in done.stderr
        running.write("new.mkv", b"new")
        running.cgctl("task", "run", "film")
        eventually_sync(
            lambda: "somebody moved the folder" in running.cgctl("why", running.path("new.mkv")).stdout,
            what="what holds it is told with its remedy",
        )
        assert not os.path.exists(running.base)  # never made a second time
        os.rename(running.root + b"/moved", running.base)
        running.cgctl("queue", "retry", "new.mkv")
        running.until("new.mkv", "done")
