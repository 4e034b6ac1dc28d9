"""cgctl target: the places files go to."""

from collections.abc import Mapping
from typing import Any

import click

from cgctl.completing import target_argument
from cgctl.language import later
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.settings import print_settings
from cgctl.transfers import amount, bandwidth, daily, print_reasons, print_transfers
from cgctl.trouble import Exit, Trouble
from cgwire.target import Accept, Limit, List, Pause, Resume, Show, Test
from cgwire.text.values import escaped, rate


@command("list")
@as_json
def list_(session: Session, as_json: bool) -> None:
    """List the targets.

    \b
    Examples:
      cgctl target list
    """
    reply = session.call(List())
    if as_json:
        session.print_json(reply)
        return
    rows = []
    for target in reply["targets"]:
        mark = session.mark("off" if target["paused"] else "warn" if target["state"] == "held" else "ok")
        state = session.say("paused") if target["paused"] else session.word(target["state"])
        if target["state"] == "held" and target["held"]:
            state = session.sentence(target["held"][0])
        rows.append(
            [
                f"{mark} {escaped(target['name'])}",
                session.joined((session.word(target["kind"]), session.word(target["profile"]))),
                amount(session, target["queued"]),
                bandwidth(session, target),
                session.word(target.get("confirm") or "-"),
                escaped(target["root"]),
                state,
            ]
        )
    if rows:
        session.print_table(("NAME", "KIND", "QUEUED", "LIMIT", "CONFIRMATION", "ROOT", "STATE"), rows, flexible=5)
    else:
        session.print(session.say("no targets; a task brings its own"))


@command()
@target_argument
@as_json
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one target in full: settings, what is mounted there, what `test` found.

    \b
    Examples:
      cgctl target show c115
    """
    target = session.call(Show(name=name))
    if as_json:
        session.print_json(target)
        return
    session.print(f"{session.bold(escaped(target['name']))}  {escaped(target['root'])}")
    rows = [
        [session.say("state"), session.say("paused") if target["paused"] else session.word(target["state"])],
        [session.say("queue"), amount(session, target["queued"])],
        [session.say("to be confirmed"), amount(session, target["written"])],
        [session.say("what is uploaded is"), session.word(target.get("confirm") or "-")],
        [session.say("bandwidth"), bandwidth(session, target)],
    ]
    if target.get("daily_limit") is not None:
        rows.append([session.say("sent within 24 hours"), daily(target)])
    if target.get("identity"):
        seen = target["identity"]
        rows.append(
            [
                session.say("expected mount"),
                f"{escaped(seen['source'])} ({seen['fs_type']}) {escaped(seen['mount_point'])}",
            ]
        )
    if target.get("tasks"):
        rows.append([session.say("tasks"), ", ".join(escaped(task) for task in target["tasks"])])
    session.print_table((), rows, indent=2)
    print_reasons(session, target["held"], mark="warn", indent=2)
    if target.get("unconfirmed"):
        print_reasons(session, (target["unconfirmed"],), mark="warn", indent=2)
    print_transfers(session, later("Put off"), target.get("put_off") or ())
    if target.get("config"):
        session.print()
        session.print(session.bold(session.say("Settings")))
        print_settings(session, target["config"])
    if target.get("facts"):
        session.print()
        session.print(session.bold(session.say("Found by the last test")))
        session.print_table((), findings(session, target["facts"]), indent=2)


@command()
@target_argument
@as_json
def test(session: Session, name: str, as_json: bool) -> int:
    """Write, read, rename and remove a probe file at a target, and measure.

    Names the usual traps with their remedy. Exits with 1 if a step failed.

    \b
    Examples:
      cgctl target test c115
    """
    report = session.call(Test(name=name), patience=None)
    if as_json:
        session.print_json(report)
        return Exit.FAILED if has_failed(report) else Exit.OK
    tell_steps(session, report)
    if rows := findings(session, report):
        session.print()
        session.print_table((), rows, indent=2)
    if has_failed(report):
        raise Trouble(Exit.FAILED, session.say("the target {name} failed the test", name=escaped(name)))
    return Exit.OK


def findings(session: Session, report: Mapping[str, Any]) -> list[list[str]]:
    """What a test has found out about a target, a row each."""
    rows = []
    for key, text in (("write_rate", later("writes")), ("read_rate", later("reads"))):
        if report.get(key):
            rows.append([session.say(text), rate(report[key])])
    for key, text in (
        ("case_sensitive", later("tells upper from lower case")),
        ("keeps_mtime", later("keeps modification times")),
        ("rename_over", later("renames over a file")),
        ("fsync", later("syncs")),
    ):
        if report.get(key) is not None:
            rows.append([session.say(text), session.say("yes" if report[key] else "no")])
    for key, text in (("unicode_form", later("Unicode form of names")), ("name_max", later("longest name (bytes)"))):
        if report.get(key) is not None:
            rows.append([session.say(text), session.word(report[key])])
    if report.get("bad_chars"):
        rows.append([session.say("refused characters"), " ".join(escaped(char) for char in report["bad_chars"])])
    return rows


def has_failed(report: Mapping[str, Any]) -> bool:
    """Whether the reply to a test tells of anything that did not work."""
    return any(not step[1] for step in report["steps"]) or bool(report.get("held"))


def tell_steps(session: Session, report: Mapping[str, Any]) -> None:
    """What holds the target, or each step of its test."""
    print_reasons(session, report.get("held") or (), mark="bad", indent=0)
    rows = [
        [
            f"{session.mark('ok' if ok else 'bad')} {session.word(step)}",
            session.span(seconds or 0),
            escaped(message or ""),
        ]
        for step, ok, seconds, message in report["steps"]
    ]
    session.print_table((), rows, right=(1,))


@command()
@target_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def accept(session: Session, name: str, yes: bool) -> None:
    """Take the file system that is mounted at a target now as the right one.

    Needed when another one is mounted there than was first seen, on purpose.

    \b
    Examples:
      cgctl target accept c115
    """
    if not yes:
        if not session.interactive:
            raise Trouble(Exit.USAGE, session.say("not confirmed"), session.say("give --yes"))
        question = session.say("Send to what is mounted at {name} now, from here on?", name=escaped(name))
        click.confirm(question, abort=True, err=True)
    seen = session.call(Accept(name=name))["identity"] or {}
    session.print(
        session.say(
            "accepted: {source} ({type}) at {place}",
            source=escaped(seen.get("source", b"-")),
            type=seen.get("fs_type", "-"),
            place=escaped(seen.get("mount_point", b"-")),
        )
    )


@command()
@target_argument
def pause(session: Session, name: str) -> None:
    """Send nothing to a target until `target resume`; running transfers are interrupted and go back into the queue.

    \b
    Examples:
      cgctl target pause c115
    """
    session.call(Pause(name=name))
    session.print(session.say("target {name} is paused", name=escaped(name)))


@command()
@target_argument
def resume(session: Session, name: str) -> None:
    """Let a paused target go on, and try one that failed at once.

    \b
    Examples:
      cgctl target resume c115
    """
    session.call(Resume(name=name))
    session.print(session.say("target {name} goes on", name=escaped(name)))


@command()
@target_argument
@click.option("--bandwidth", "figure", metavar="RATE", help="2MiB/s, 10Mbit/s or unlimited.")
@click.option("--for", "span", metavar="SPAN", help="How long: 30m, 2h, 1d.")
@click.option("--clear", is_flag=True, help="Back to what is configured.")
@as_json
def limit(session: Session, name: str, figure: str | None, span: str | None, clear: bool, as_json: bool) -> None:
    """Upload faster or slower than configured for a while.

    \b
    Takes effect at once, on running transfers too, and lasts over a restart.

    \b
    Examples:
      cgctl target limit c115 --bandwidth 2MiB/s --for 2h
      cgctl target limit c115 --bandwidth unlimited --for 30m
      cgctl target limit c115 --clear
    """
    if clear == (figure is not None) or clear == (span is not None):
        raise Trouble(Exit.USAGE, session.say("give either --bandwidth and --for, or --clear"))
    now = session.call(Limit(name=name) if clear else Limit(name=name, bandwidth=figure, span=span or ""))
    if as_json:
        session.print_json(now)
        return
    session.print(session.say("target {name}: {bandwidth}", name=escaped(name), bandwidth=bandwidth(session, now)))
