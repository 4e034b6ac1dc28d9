"""cgctl config: the configuration checked, shown, read again."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click

from cgctl.language import later
from cgctl.offline import ask_program, config_in_use
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.settings import print_settings, problem_lines
from cgctl.trouble import Exit, Trouble
from cgwire.daemon import Config, Reload
from cgwire.text.values import escaped


@command()
@click.argument("file", required=False, type=click.Path())
@as_json
def check(session: Session, file: str | None, as_json: bool) -> int:
    """Check a configuration file and the tasks that belong to it.

    Every error is named with its file, line, table and key. The daemon need not
    run. Exits with 1 if there are errors.

    \b
    Examples:
      cgctl config check
      cgctl config check ./cloudgather.toml
    """
    checked = os.path.abspath(file) if file is not None else config_in_use(session)
    answer = ask_program(session, checked, "--check")
    problems = answer.get("problems") or []
    if as_json:
        session.print_json(answer)
    elif problems:
        for line in problem_lines(session, problems):
            session.print(line)
    else:
        session.print(f"{session.mark('ok')} " + session.say("{file} is right", file=escaped(checked)))
    return Exit.FAILED if problems else Exit.OK


@command()
@as_json
def show(session: Session, as_json: bool) -> None:
    """Show the configuration in effect, every default filled in.

    \b
    Examples:
      cgctl config show
      cgctl config show --json
    """
    reply = session.call(Config())
    if as_json:
        session.print_json(reply)
        return
    session.print(session.say("file: {file}", file=escaped(reply.get("file") or "-")))
    for title, settings in _tables(reply):
        session.print()
        session.print(session.bold(f"[{title}]"))
        print_settings(session, settings)


def _tables(reply: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables by the names that they have in the file, tasks at the end as [tasks.NAME]."""
    daemon = {key: value for key, value in (reply.get("daemon") or {}).items() if key not in ("file", "allowances")}
    yield "daemon", {key: value for key, value in daemon.items() if key != "socket" and not isinstance(value, Mapping)}
    yield "control", {"socket": daemon.get("socket")}
    groups, allowances = daemon.pop("groups", None) or {}, (reply.get("daemon") or {}).get("allowances") or {}
    for name, access in groups.items():
        yield f"groups.{escaped(name)}", {"access": access, **(allowances.get(name) or {})}
    if downloads := daemon.get("downloads"):
        yield "downloads", downloads
    for noun, of_that in (("downloaders", daemon), ("targets", reply), ("tasks", reply)):
        for name, settings in (of_that.get(noun) or {}).items():
            yield f"{noun}.{escaped(name)}", settings


@command()
@as_json
def reload(session: Session, as_json: bool) -> int:
    """Make the daemon read its configuration again.

    An invalid file changes nothing: the old configuration runs on.

    \b
    Examples:
      cgctl config reload
    """
    reply = session.call(Reload())
    problems = reply.get("problems") or []
    if as_json:
        session.print_json(reply)
        return Exit.FAILED if problems else Exit.OK
    for line in problem_lines(session, problems):
        session.print(line)
    changes = [
        (later("added: {names}"), reply.get("added") or ()),
        (later("removed: {names}"), reply.get("removed") or ()),
        (later("changed: {names}"), reply.get("changed") or ()),
        (later("changed in the main file: {names}"), reply.get("main") or ()),
    ]
    for text, names in changes:
        if names:
            session.print(session.say(text, names=", ".join(escaped(name) for name in names)))
    if problems:
        raise Trouble(Exit.FAILED, session.say("the configuration has errors; what was in effect stays"))
    if not any(names for _, names in changes):
        session.print(session.say("reloaded; nothing has changed"))
    if at_restart := reply.get("at_restart"):
        names = ", ".join(escaped(name) for name in at_restart)
        session.note(f"{session.mark('warn')} " + session.say("in effect from the next start on: {names}", names=names))
        session.note(f"  {session.arrow} systemctl restart cloudgather")
    return Exit.OK
