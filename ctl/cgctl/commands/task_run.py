"""cgctl task run and verify: what starts a scan of a task."""

from collections.abc import Mapping
from typing import Any

import click

from cgctl.completing import task_argument
from cgctl.following import subscribe, wait
from cgctl.language import later
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.trouble import Exit
from cgwire.task import Run, Verify
from cgwire.text.values import argument, escaped, size


@command()
@task_argument
@click.option("--overwrite", is_flag=True, help="Send everything again, also what was sent.")
@click.option("--dry-run", is_flag=True, help="Only list what would go, and why.")
@click.option("--wait", "waits", is_flag=True, help="Wait until it has ended; exit 1 if anything failed.")
@click.option(
    "--limit", type=click.IntRange(1, 10**6), default=1000, show_default=True, help="How many --dry-run lists."
)
@as_json
def run(session: Session, name: str, overwrite: bool, dry_run: bool, waits: bool, limit: int, as_json: bool) -> int:
    """Scan a task's source now, and send what should go.

    \b
    Examples:
      cgctl task run films
      cgctl task run films --dry-run
      cgctl task run films --wait
    """
    order = Run(name=name, overwrite=overwrite, dry_run=dry_run, limit=limit)
    if dry_run:
        reply = session.call(order, patience=None)
        if as_json:
            session.print_json(reply)
        else:
            _dry(session, reply)
        return Exit.OK
    if not waits:
        reply = session.call(order)
        if as_json:
            session.print_json(reply)
        else:
            session.print(session.say("run {id} has begun; follow it with cgctl run show {id}", id=reply["run"]))
        return Exit.OK
    with subscribe(session, task=name) as connection:
        reply = session.call(order)
        return wait(session, connection, [reply["run"]], as_json=as_json)


def _dry(session: Session, reply: Mapping[str, Any]) -> None:
    rows = [[escaped(path), size(count), session.sentence(reason)] for path, count, reason in reply["go"]]
    if rows:
        session.print_table(("FILE", "SIZE", "WHY"), rows, right=(1,), flexible=0)
    if reply.get("truncated"):
        session.print(session.say("and more: see --limit"))
    go = session.count(reply["files"], "1 file", "{n} files")
    session.print(session.say("would go: {files}, {size}", files=go, size=size(reply["bytes"])))
    for code, number in sorted((reply.get("skip") or {}).items()):
        session.print(
            "  " + session.say("passed over: {n}, {reason}", n=number, reason=session.sentence({"code": code}))
        )


@command()
@task_argument
@click.option("--wait/--no-wait", "waits", default=True, help="Wait for the result.")
@as_json
def verify(session: Session, name: str, waits: bool, as_json: bool) -> int:
    """Compare the records with the source and the target for real.

    This lists the target's folders, once each. Exits with 1 if something is
    missing or differs there.

    \b
    Examples:
      cgctl task verify films
    """
    reply = session.call(Verify(name=name), patience=None)
    if as_json:
        session.print_json(reply)
        return Exit.FAILED if reply.get("gone") or reply.get("differs") else Exit.OK
    if "run" in reply:
        if not waits:
            session.print(session.say("run {id} has begun; follow it with cgctl run show {id}", id=reply["run"]))
            return Exit.OK
        with subscribe(session, task=name) as connection:
            return wait(session, connection, [reply["run"]])
    session.print(session.say("compared: {n}, intact: {intact}", n=reply["checked"], intact=reply["intact"]))
    if reply.get("resent"):
        session.print(session.say("queued again, as the task's if_gone says: {n}", n=reply["resent"]))
    if reply.get("given_up"):
        session.print(session.say("gone once more after it was sent again, and left so: {n}", n=reply["given_up"]))
    for key, mark, text in (
        ("gone", "bad", later("no longer at the target")),
        ("differs", "bad", later("differs at the target")),
        ("unsent", "wait", later("not sent yet")),
    ):
        for path in reply.get(key) or ():
            session.print(f"{session.mark(mark)} {escaped(path)}: {session.say(text)}")
    if reply.get("truncated"):
        session.print(session.say("and more"))
    if reply.get("withheld"):
        session.print(
            f"{session.mark('warn')} "
            + session.say("not queued again, because so many are gone at once: {n}", n=reply["withheld"])
        )
        session.print(
            f"  {session.arrow} "
            + session.say(
                "log in to the cloud account again, or put the folder back; or, to send everything again: {command}",
                command=f"cgctl task run {argument(name)} --overwrite",
            )
        )
    elif (reply.get("gone") or reply.get("differs")) and not reply.get("resent"):
        session.print(
            f"{session.arrow} "
            + session.say("to send everything again: {command}", command=f"cgctl task run {argument(name)} --overwrite")
        )
    return Exit.FAILED if reply.get("gone") or reply.get("differs") else Exit.OK
