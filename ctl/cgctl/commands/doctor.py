"""cgctl doctor: what commonly goes wrong, looked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cgctl.connection import Connection, Refusal, Unreachable
from cgctl.offline import DEFAULT_CONFIG, ask_program
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.trouble import Exit
from cgwire.daemon import Doctor
from cgwire.text.values import escaped


@command()
@click.option("--config", "file", metavar="FILE", type=click.Path(), help="The configuration, where no daemon answers.")
@as_json
def doctor(session: Session, file: str | None, as_json: bool) -> int:
    """Look for what commonly goes wrong, each with its remedy.

    \b
    inotify limits, mounts, permissions, free space, leases, clock, database,
    downloaders and configuration. Asks the daemon; while it is down, looks from
    outside, and not at downloaders.
    Exits with 1 if something is bad.

    \b
    Examples:
      cgctl doctor
      cgctl doctor --json
    """
    checks = _checks(session, file)
    bad = any(check.get("ok") == "bad" for check in checks)
    if as_json:
        session.print_json({"checks": checks})
        return Exit.FAILED if bad else Exit.OK
    tell(session, checks)
    return Exit.FAILED if bad else Exit.OK


def tell(session: Session, checks: Sequence[Mapping[str, Any]], *, briefly: bool = False) -> None:
    """All findings and how many are not well; `briefly` without those that are."""
    for check in checks:
        if not briefly or check.get("ok") != "ok":
            _print(session, check)
    if not briefly:
        session.print()
    worst = [sum(check.get("ok") == kind for check in checks) for kind in ("bad", "warn")]
    if any(worst):
        session.print(session.say("bad: {bad}, to look at: {warn}", bad=worst[0], warn=worst[1]))
    else:
        session.print(session.say("all is well"))


def _checks(session: Session, file: str | None) -> Sequence[Mapping[str, Any]]:
    try:
        with Connection(session.address) as connection:
            checks: list[Mapping[str, Any]] = connection.call(Doctor(), patience=None)["checks"]
            return checks
    except Refusal as error:
        raise session.refused(error.reason) from error
    except Unreachable as error:
        down = session.unreachable(error)
    away = {"name": "daemon", "ok": "bad", "text": down.text, "hint": down.hint}
    return [away, *(ask_program(session, file or DEFAULT_CONFIG, "--doctor").get("checks") or ())]


def _print(session: Session, check: Mapping[str, Any]) -> None:
    mark = {"ok": "ok", "warn": "warn", "bad": "bad"}.get(str(check.get("ok")), "off")
    told = session.sentence(check) if session.knows(check.get("code")) else escaped(check.get("text") or "")
    name = " ".join(escaped(check[key]) for key in ("name", "subject") if check.get(key))
    session.print(f"{session.mark(mark)} {name}: {told}" if told else f"{session.mark(mark)} {name}")
    advice = check.get("hint") or check.get("remedy") or session.hint(check)
    if advice and check.get("ok") != "ok":
        session.print(f"  {session.arrow} {escaped(advice)}")
