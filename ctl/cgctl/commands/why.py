"""cgctl why: one path explained, for somebody who is not a programmer."""

import time
from collections.abc import Mapping
from typing import Any, Final

import click

from cgctl.language import later
from cgctl.options import absolute, as_json, command
from cgctl.session import Session
from cgctl.transfers import progress, state_word
from cgctl.trouble import Exit
from cgwire.path import Why
from cgwire.text.values import escaped, place, size

# A verdict, its mark, and the sentence that answers the question.
VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "uploaded": ("ok", later("It is uploaded.")),
    "queued": ("wait", later("It is complete and waits in the queue.")),
    "copying": ("now", later("It is being uploaded now.")),
    "publishing": ("now", later("It is uploaded and gets its final name now.")),
    "waiting": ("wait", later("It is not uploaded yet: it may not be complete.")),
    "held": ("wait", later("It is complete, but something holds it.")),
    "folder": ("off", later("It is a folder: its files are uploaded one by one.")),
    "skipped": ("off", later("It will not be uploaded.")),
    "failed": ("bad", later("The upload failed.")),
    "cancelled": ("off", later("The upload was cancelled.")),
    "vanished": ("off", later("It is not there, and was not uploaded.")),
    "downloading": ("wait", later("It belongs to a download, and is uploaded once that is complete.")),
    "unclaimed": ("off", later("No task covers it.")),
    "unknown": ("off", later("Nothing is known about it.")),
}
# The reason that says no more than the verdict above it.
_SAID: Final = {"unclaimed": "skip.no-task", "folder": "skip.directory", "vanished": "skip.gone"}


@command()
@click.argument("path")
@as_json
def why(session: Session, path: str, as_json: bool) -> int:
    """Explain why a file is where it is: uploaded, waiting, skipped or failed.

    \b
    Shows which task it belongs to, each condition for being complete, its place
    in the queue and what holds it, and what would help.

    \b
    Examples:
      cgctl why /downloads/film.mkv
      cgctl why --json film.mkv
    """
    reply = session.call(Why(path=absolute(path)))
    if as_json:
        session.print_json(reply)
    else:
        show(session, reply, now=time.time())
    return Exit.OK


def show(session: Session, reply: Mapping[str, Any], *, now: float) -> None:
    """The verdict first, then the grounds for it."""
    mark, verdict = VERDICTS.get(reply["verdict"], ("off", str(reply["verdict"])))
    session.print(escaped(reply["path"]))
    session.print(f"{session.mark(mark)} {session.bold(session.say(verdict))}")
    conditions = (reply.get("settle") or {}).get("conditions") or ()
    for reason in reply.get("reasons") or ():
        if reason in conditions:  # shown below, with its mark
            continue
        if reason.get("code") != _SAID.get(reply["verdict"]):
            session.print(f"  {_as_sentence(session, reason)}")
        if advice := session.hint(reason):
            session.print(f"  {session.arrow} {advice}")
    if reply["verdict"] not in ("unclaimed", "downloading"):
        session.print()
        _task(session, reply)
    _settle(session, reply)
    _transfer(session, reply, now)
    _ledger(session, reply, now)


def _as_sentence(session: Session, reason: Mapping[str, Any]) -> str:
    text = session.sentence(reason)
    return text[:1].upper() + text[1:] if session.knows(reason.get("code")) else text


def _task(session: Session, reply: Mapping[str, Any]) -> None:
    if reply.get("task") is None:
        session.print(session.say("Task: none covers this path"))
        return
    session.print(session.say("Task: {task}", task=escaped(reply["task"])))
    if reply.get("also"):
        others = ", ".join(escaped(name) for name in reply["also"])
        session.print(session.say("Also covered by: {tasks}", tasks=others))


def _settle(session: Session, reply: Mapping[str, Any]) -> None:
    settle = reply.get("settle")
    if not settle:
        return
    session.print()
    guessed = session.say("Is it complete? (a guess from these signs)")
    session.print(guessed if settle.get("guessed") else session.say("Is it complete?"))
    for condition in settle.get("conditions") or ():
        code = str(condition.get("code"))
        unknown = code in ("met.writer-unknown", "met.no-downloader")
        mark = "off" if unknown else "ok" if code.startswith("met.") else "wait" if code.startswith("wait.") else "bad"
        session.print(f"  {session.mark(mark)} {session.sentence(condition)}")
        if not code.startswith("met.") and (advice := session.hint(condition)):
            session.print(f"    {session.arrow} {advice}")


def _transfer(session: Session, reply: Mapping[str, Any], now: float) -> None:
    transfer = reply.get("transfer")
    if not transfer:
        return
    session.print()
    number = session.say(
        "Transfer {id}: {state}",
        id=transfer["id"],
        state=state_word(session, transfer["state"], transfer.get("reason")),
    )
    since = session.say("since {clock}", clock=session.clock(transfer["updated"], now=now))
    session.print(session.joined((number, size(transfer["size"]), since)))
    session.print("  " + session.say("to {place}", place=place(transfer["target"], transfer["destination"])))
    if transfer.get("plan_reason"):
        session.print("  " + session.say("because {reason}", reason=session.sentence(transfer["plan_reason"])))
    if transfer["state"] in ("copying", "publishing"):
        session.print("  " + progress(session, transfer))
    told = reply.get("reasons") or []
    if transfer.get("attempts"):
        session.print(
            "  " + session.say("attempts: {n} of {limit}", n=transfer["attempts"], limit=transfer.get("limit") or "?")
        )
    for held in transfer.get("held") or ():
        if held not in told:
            session.print(f"  {session.mark('wait')} {session.sentence(held)}")
            if advice := session.hint(held):
                session.print(f"    {session.arrow} {advice}")
    reason = transfer.get("reason")
    if reason and reason not in told and reason != transfer.get("plan_reason"):
        session.print("  " + session.say("last: {outcome}", outcome=session.sentence(reason)))


def _ledger(session: Session, reply: Mapping[str, Any], now: float) -> None:
    ledger = reply.get("ledger")
    if not ledger:
        return
    session.print()
    heading = {
        "sent": later("Uploaded {clock}, {size}"),
        "adopted": later("Was at the target already, found {clock}, {size}"),
        "ignored": later("Was there before the task, noted {clock}, {size}"),
    }.get(str(ledger.get("origin")), "Uploaded {clock}, {size}")
    session.print(session.say(heading, clock=session.clock(ledger["at"], now=now), size=size(ledger["size"])))
    session.print("  " + session.say("to {place}", place=place(ledger["target"], ledger["destination"])))
    if ledger.get("strength"):
        session.print("  " + session.say("confirmation: {strength}", strength=session.word(ledger["strength"])))
