"""Run in a user namespace of its own by test_inotify: follows a root of 21 folders where inotify's limits are low."""

import sys
from datetime import timedelta
from pathlib import Path

from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.triggers.watching import Mode
from unit.triggers.following import Notes, following, run

LIMITS = Path("/proc/sys/user")


def limit(what: str, number: int) -> None:
    """Set this namespace's limit."""
    (LIMITS / f"max_inotify_{what}").write_text(str(number))


def polled_because(notes: Notes) -> Reason:
    """The reason, once it is known that the source is polled."""
    state = notes.watching.state
    assert state.mode is Mode.POLLING, state
    assert state.reason is not None
    return state.reason


async def watches_at_start(root: Path) -> None:
    limit("watches", 10)
    async with following(root, poll_every=timedelta(seconds=1)) as notes:
        reason = polled_because(notes)
        assert reason.code == Code.WATCH_LIMIT, reason
        assert (reason.facts["limit"], reason.facts["directories"]) == (10, 21), reason
        await notes.is_told("rescan", times=2)
        limit("watches", 1000)
        await notes.is_in(Mode.INOTIFY)
        assert notes.watching.state.directories == 21


async def watches_later(root: Path) -> None:
    limit("watches", 21)
    async with following(root) as notes:
        assert notes.watching.state.mode is Mode.INOTIFY, notes.watching.state
        (root / "one more").mkdir()
        await notes.is_in(Mode.POLLING)
        reason = polled_because(notes)
        assert reason.code == Code.WATCH_LIMIT, reason
        assert reason.facts["directories"] == 22, reason
        assert notes.rescans == ["start", "broken"], notes.rescans


async def root_refused(root: Path) -> None:
    limit("watches", 0)
    async with following(root) as notes:
        reason = polled_because(notes)
        assert reason.code == Code.WATCH_LIMIT, reason
        assert reason.facts["directories"] == 21, reason


async def instances(root: Path) -> None:
    limit("instances", 0)
    async with following(root) as notes:
        reason = polled_because(notes)
        assert reason == because(Code.WATCH_INSTANCES, limit=0), reason


if __name__ == "__main__":
    chosen = {
        "watches-at-start": watches_at_start,
        "watches-later": watches_later,
        "root-refused": root_refused,
        "instances": instances,
    }[sys.argv[1]]
    run(lambda: chosen(Path(sys.argv[2])))
    print("as expected")  # noqa: T201  # read by the test
