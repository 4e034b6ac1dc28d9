"""How one transfer, one run, one verdict of the daemon is put into a line."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cgctl.session import Session
from cgctl.table import bar
from cgwire.text.values import escaped, rate, size

_STATE_MARKS: Final = {
    "queued": "wait",
    "copying": "now",
    "publishing": "now",
    "written": "ok",
    "done": "ok",
    "failed": "bad",
    "cancelled": "off",
    "vanished": "off",
}


def place(transfer: Mapping[str, Any]) -> str:
    """Task and path, as one name."""
    return f"{escaped(transfer.get('task') or '-')}: {escaped(transfer.get('path') or b'')}"


def state_mark(session: Session, state: str) -> str:
    """The mark of a transfer's state."""
    return session.mark(_STATE_MARKS.get(state, "off"))


def state_word(session: Session, state: str, reason: Mapping[str, Any] | None) -> str:
    """The state as people are told it: what only the mount has shown is not called done."""
    return session.word("seen" if reason and reason.get("code") == "done.seen" else state)


def standing(session: Session, transfer: Mapping[str, Any]) -> str:
    """Why it is where it is: what holds it, or else what is recorded; of several holds the first, with their number."""
    held: Sequence[Mapping[str, Any]] = transfer.get("held") or ()
    if held:
        more = f" (+{len(held) - 1})" if len(held) > 1 else ""
        return session.sentence(held[0]) + more
    return session.sentence(transfer.get("reason"))


def progress(session: Session, transfer: Mapping[str, Any], *, cells: int = 20) -> str:
    """A bar, bytes, rate and what is left."""
    total, done = transfer.get("size") or 0, transfer.get("done") or 0
    share = 100 if total <= 0 else min(100, int(done * 100 / total))
    parts = [bar(done, total, cells, unicode=session.unicode), f"{share:3d} %", f"{size(done)} / {size(total)}"]
    if transfer.get("rate"):
        parts.append(rate(transfer["rate"]))
    if transfer.get("eta") is not None:
        parts.append(session.say("{span} left", span=session.span(transfer["eta"])))
    return "  ".join(parts)


def amount(session: Session, pair: Sequence[int] | None) -> str:
    """[n, bytes] as `12 (3.40 GiB)`."""
    number, total = pair or (0, 0)
    return f"{number} ({size(total)})" if number else "0"


def bandwidth(session: Session, target: Mapping[str, Any]) -> str:
    """The figure in effect at a target, until when, and whether somebody has ordered it."""
    figure = target.get("bandwidth")
    text = session.say("unlimited") if figure is None else rate(figure)
    if (until := target.get("bandwidth_until")) is not None:
        text = session.say("{rate} until {clock}", rate=text, clock=session.clock(until, now=time.time()))
    return session.say("{rate} (by order)", rate=text) if target.get("bandwidth_ordered") else text


def daily(target: Mapping[str, Any]) -> str:
    """What is spent of a limit a day: `120 GiB / 700 GiB`."""
    return f"{size(target.get('daily_spent') or 0)} / {size(target['daily_limit'])}"


def outcome(session: Session, run: Mapping[str, Any] | None) -> str:
    """What a run has done, in few words."""
    if run is None:
        return session.say("never ran")
    parts = []
    if run.get("uploaded"):
        parts.append(session.say("{n} uploaded", n=run["uploaded"]) + f" ({size(run.get('bytes') or 0)})")
    if run.get("failed"):
        parts.append(session.say("{n} failed", n=run["failed"]))
    if run.get("ended") is None:
        if run.get("scanned") is None:
            parts.append(session.say("scanning"))
        if run.get("left"):
            parts.append(session.say("{n} to go", n=run["left"]))
        if run.get("settling"):
            parts.append(session.say("{n} settling", n=run["settling"]))
    if run.get("problem"):
        parts.append(session.sentence(run["problem"]))
    return session.joined(parts) or session.say("nothing to do")


def print_reasons(session: Session, reasons: Iterable[Mapping[str, Any]], *, mark: str, indent: int) -> None:
    """Each reason in a line with its mark, and what would help below it."""
    for reason in reasons:
        session.print(" " * indent + f"{session.mark(mark)} {session.named(reason)}")
        if advice := session.hint(reason):
            session.print(" " * (indent + 2) + session.arrow + " " + advice)


def print_transfers(
    session: Session, title: str, transfers: Sequence[Mapping[str, Any]], total: int | None = None
) -> None:
    """Under this title the first of so many, if that is known, and why each waits; nothing where there are none."""
    if not transfers and not total:
        return
    session.print()
    session.print(session.bold(session.say(title) if total is None else f"{session.say(title)} ({total})"))
    rows = [[str(item["id"]), place(item), size(item["size"]), standing(session, item)] for item in transfers]
    session.print_table((), rows, right=(0, 2), flexible=1, indent=2)
    if total is not None and total > len(transfers):
        session.print("  " + session.say("and {n} more: cgctl queue list", n=total - len(transfers)))
