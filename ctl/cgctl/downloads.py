"""How a download is put into lines, and following one until it has ended."""

import time
from collections.abc import Mapping
from typing import Any, Final

from cgctl.session import Session
from cgctl.table import bar
from cgctl.transfers import print_reasons
from cgctl.trouble import Exit
from cgwire.download import Show
from cgwire.text.values import escaped, rate, size

_MARKS: Final = {
    "done": "ok",
    "failed": "bad",
    "removed": "off",
    "stalled": "warn",
    "queued": "wait",
    "choosing": "wait",
}
_TICK: Final = 1.0


def mark(session: Session, download: Mapping[str, Any]) -> str:
    """The mark of its state."""
    return session.mark(_MARKS.get(download["state"], "now"))


def state(session: Session, download: Mapping[str, Any]) -> str:
    """Its state in a word."""
    word = session.word(download["state"])
    return f"{word} ({session.say('paused')})" if download["paused"] else word


def progress(session: Session, download: Mapping[str, Any], *, cells: int = 10) -> str:
    """A bar, bytes and rate; empty where nothing is known."""
    total, done = download.get("size"), download.get("done")
    if not total or done is None:
        return size(total) if total else ""
    parts = [bar(done, total, cells, unicode=session.unicode), f"{min(100, done * 100 // total):3d} %", size(total)]
    if download.get("speed"):
        parts.append(rate(download["speed"]))
    return "  ".join(parts)


def why(session: Session, download: Mapping[str, Any]) -> str:
    """What it waits for, or else how it got there."""
    return session.sentence(download.get("held") or download.get("reason"))


def follow(session: Session, id: int) -> int:
    """A line for each step until it has ended; FAILED if it failed."""
    told = None
    while True:
        download = session.call(Show(id=id))["download"]
        said = (download["state"], (download.get("held") or {}).get("code"))
        if said != told:
            because = why(session, download)
            line = f"{mark(session, download)} {escaped(download['name'])} - {state(session, download)}"
            session.print(f"{line}: {because}" if because else line)
            told = said
        if download["state"] in ("done", "failed", "removed"):
            if download["state"] == "failed" and download.get("reason"):
                print_reasons(session, (download["reason"],), mark="bad", indent=2)
            return Exit.OK if download["state"] == "done" else Exit.FAILED
        time.sleep(_TICK)
