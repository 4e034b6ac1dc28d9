"""How a download is put into lines, and following one until it has ended."""

import time
from collections.abc import Mapping, Sequence
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
    return session.named(download.get("held") or download.get("reason"))


def print_overview(session: Session, status: Mapping[str, Any], *, most: int) -> None:
    """The sections of `status` on downloaders and what they download; at most so many downloads."""
    if status["downloaders"]:
        session.print()
        session.print(session.bold(session.say("Downloaders")))
        rows = [_standing(session, each) for each in status["downloaders"]]
        session.print_table((), rows, indent=2)
        for each in status["downloaders"]:
            if each["silent"]:
                session.print(f"  {session.mark('warn')} {escaped(each['name'])}: {session.sentence(each['silent'])}")
                _advise(session, each["silent"])
    shown, total = status["downloads"][:most], status["downloads_total"]
    if not total:
        return
    session.print()
    session.print(session.bold(f"{session.say('Downloads')} ({total})"))
    for each in shown:
        before = f"  {mark(session, each)} {each['id']}  "
        told = (progress(session, each), state(session, each), why(session, each))
        after = "".join(f"  {part}" for part in told if part)
        session.print(before + session.fitted(escaped(each["name"]), beside=before + after) + after)
        if each["state"] in ("stalled", "failed"):
            _advise(session, each.get("held") or each.get("reason"))
    if total > len(shown):
        session.print("  " + session.say("and {n} more: cgctl download list", n=total - len(shown)))


def _advise(session: Session, reason: Mapping[str, Any] | None) -> None:
    if advice := session.hint(reason):
        session.print(f"    {session.arrow} {advice}")


def _standing(session: Session, downloader: Mapping[str, Any]) -> list[str]:
    """A downloader as a row: its name, what it has left to do, its rate."""
    work = session.say("{n} unfinished", n=downloader["unfinished"])
    if downloader["stalled"]:
        work = session.joined((work, session.say("{n} stalled", n=downloader["stalled"])))
    speed = rate(downloader["speed"]) if downloader["speed"] else session.say("idle")
    return [
        f"{session.mark('warn' if downloader['silent'] else 'ok')} {escaped(downloader['name'])}",
        session.word(downloader["kind"]),
        work,
        "-" if downloader["silent"] else speed,
    ]


def shown(session: Session, id: int) -> Any:
    """A download as it is now."""
    return session.call(Show(id=id))["download"]


def follow(session: Session, ids: Sequence[int], *, quiet: bool = False) -> Exit:
    """A line for each step until all of these have ended, or with `quiet` none; FAILED if one was not done."""
    told: dict[int, tuple[str, str | None]] = {}
    left, code = [*dict.fromkeys(ids)], Exit.OK
    while left:
        for download in [shown(session, id) for id in left]:
            said = (download["state"], (download.get("held") or {}).get("code"))
            if said != told.get(download["id"]) and not quiet:
                _print_step(session, download)
            told[download["id"]] = said
            if download["state"] in ("done", "failed", "removed"):
                left.remove(download["id"])
                code = code if download["state"] == "done" else Exit.FAILED
        if left:
            time.sleep(_TICK)
    return code


def _print_step(session: Session, download: Mapping[str, Any]) -> None:
    because = why(session, download)
    line = f"{mark(session, download)} {escaped(download['name'])} - {state(session, download)}"
    session.print(f"{line}: {because}" if because else line)
    if download["state"] == "failed" and download.get("reason"):
        print_reasons(session, (download["reason"],), mark="bad", indent=2)
