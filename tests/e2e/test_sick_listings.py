"""A mounted cloud drive whose listings fail, or show less than there is: that is no evidence of anything."""

import json
import os
import time
from collections.abc import Iterator
from errno import EACCES, EAGAIN, EDQUOT, EIO, ENAMETOOLONG, ENOSPC, ENOTCONN, EROFS, ETIMEDOUT, errorcode
from pathlib import Path

import pytest

from e2e.expecting import all_arrive
from e2e.running import Running
from fuse.sickmount import SickMount, needs_sick
from waiting import eventually_sync

pytestmark = needs_sick

ERRORS = (EIO, EACCES, ETIMEDOUT, EAGAIN, ENOSPC, EDQUOT, EROFS, ENOTCONN, ENAMETOOLONG)


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[SickMount]:
    """The cloud: a mount that is well until it is told otherwise."""
    with SickMount(tmp_path) as mount:
        yield mount


def a_daemon(tmp_path: Path, sick: SickMount, task: str, *, target: str = "") -> Running:
    return Running(tmp_path, root=sick.root, target=f'profile = "lan"\nparallel = 1\n{target}', task=task)


def stand(sick: SickMount, names: list[bytes]) -> dict[bytes, bytes]:
    """Files of 1000 bytes that somebody else has put at the target; name -> content."""
    standing = {name: os.urandom(1000) for name in names}
    for name, content in standing.items():
        path = sick.backing + b"/films/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    return standing


def test_a_listing_that_comes_back_empty_makes_nothing_go_over_what_stands_there(
    tmp_path: Path, sick: SickMount
) -> None:
    names = [b"%d.mkv" % index for index in range(6)]
    standing = stand(sick, names)
    sick.empty_listing()
    daemon = a_daemon(tmp_path, sick, 'initial = "adopt"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        for name in names:
            running.until(name, "cancelled")

        assert sick.struck("readdir") >= 1
        assert {each["reason"]["code"] for each in running.transfers()} == {"cancelled.standing"}
        assert running.sent(sick.backing) == standing
        assert running.why("0.mkv")["ledger"]["origin"] == "adopted"


def test_batches_that_believe_an_empty_listing_go_over_nothing_that_stands_there(
    tmp_path: Path, sick: SickMount
) -> None:
    """Each name is asked for right before the rename: what was copied in vain is taken away, once."""
    names = [b"%02d.nfo" % index for index in range(40)]
    standing = stand(sick, names)
    sick.empty_listing()
    daemon = a_daemon(tmp_path, sick, 'initial = "adopt"\n', target='metadata_per_second = "unlimited"')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        for name in names:
            running.until(name, "cancelled")

        assert sick.struck("readdir") >= 1
        assert sick.counts().get("rename", 0) == 0
        assert len(names) // 2 < sick.counts()["create"] <= len(names)
        assert {each["reason"]["code"] for each in running.transfers()} == {"cancelled.standing"}
        assert running.sent(sick.backing) == standing


def test_what_the_target_has_already_is_adopted_once_it_is_mounted(tmp_path: Path, sick: SickMount) -> None:
    names = [b"%d.mkv" % index for index in range(6)]
    standing = stand(sick, names)
    sick.detach()
    daemon = a_daemon(tmp_path, sick, 'initial = "adopt"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        eventually_sync(lambda: "cannot take in film at first" in running.said(), what="the first scan")

        sick.start()

        eventually_sync(
            lambda: all((running.why(name)["ledger"] or {}).get("origin") == "adopted" for name in names),
            what="all adopted",
        )
        assert running.transfers() == []
        assert sick.counts()["readdir"] >= 1
        assert running.sent(sick.backing) == standing


def test_a_listing_that_comes_back_empty_sends_nothing_again(tmp_path: Path, sick: SickMount) -> None:
    contents = {b"%d.mkv" % index: os.urandom(1000) for index in range(3)}
    with a_daemon(tmp_path, sick, 'if_gone = "resend"\n') as running:
        for name, content in contents.items():
            running.write(name, content)
        all_arrive(running, sick.backing, contents)
        sick.empty_listing()

        running.cgctl("task", "verify", "film", "--wait", check=False)
        running.cgctl("task", "run", "film", "--wait")

        assert sick.struck("readdir") >= 1
        assert [each["state"] for each in running.transfers()] == ["done"] * 3
        assert running.sent(sick.backing) == contents


def test_a_listing_that_is_cut_short_says_nothing_about_what_it_lacks(tmp_path: Path, sick: SickMount) -> None:
    names = [b"%02d.mkv" % index for index in range(30)]
    standing = stand(sick, names)
    sick.cut_listing()
    daemon = a_daemon(tmp_path, sick, 'initial = "adopt"\nif_gone = "resend"\n')
    for name in names:
        daemon.write(name, os.urandom(1000))
    with daemon as running:
        eventually_sync(lambda: all(running.why(name)["ledger"] for name in names), what="all are adopted")
        verified = json.loads(running.cgctl("task", "verify", "film", "--json").stdout)

        assert sick.struck("readdir") >= 2
        assert (verified["checked"], verified["intact"], verified["gone"]) == (30, 30, [])
        assert running.sent(sick.backing) == standing


@pytest.mark.full
@pytest.mark.timeout(400)
def test_a_listing_that_fails_makes_nothing_go_over_what_stands_there_and_keeps_nothing_else(
    tmp_path: Path, sick: SickMount
) -> None:
    """With each error once, in a folder of which the target has a half."""
    names = [b"%s/%d.mkv" % (errorcode[number].encode(), index) for number in ERRORS for index in range(8)]
    standing = stand(sick, names[::2])
    others = {name: os.urandom(1000) for name in names[1::2]}
    for number in ERRORS:
        sick.fail("readdir", number, times=1, path=f"/films/{errorcode[number]}")
    daemon = a_daemon(tmp_path, sick, "")
    for name in names:
        newest = daemon.write(name, others.get(name, b"mine"))
    # Else some of a folder may be settled a moment before the others, and those are judged by the next listing.
    eventually_sync(lambda: time.time() - os.stat(newest).st_ctime > 1.1, what="all are settled when it starts")
    with daemon as running:
        for name in others:
            running.until(name, "done", within=150)
        for name in standing:
            running.until(name, "cancelled", within=150)

        assert sick.struck("readdir") == len(ERRORS)
        reasons = {each["reason"]["code"] for each in running.transfers() if each["state"] == "cancelled"}
        assert reasons == {"cancelled.standing"}
        assert running.sent(sick.backing) == standing | others
        assert {each["attempts"] for each in running.transfers()} == {0}
