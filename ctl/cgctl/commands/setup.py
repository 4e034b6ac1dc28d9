"""cgctl setup: as whom the daemon runs, where files go, the service started and tried, a first task."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Any, Final

import click

from cgctl.asking import Asking
from cgctl.commands.doctor import tell
from cgctl.commands.target import has_failed, tell_steps
from cgctl.commands.task_add import default_name, make, survey
from cgctl.language import later
from cgctl.offline import DEFAULT_CONFIG, ask_program
from cgctl.options import as_json as json_option
from cgctl.options import command
from cgctl.session import Session
from cgctl.settings import problem_lines
from cgctl.setup import service
from cgctl.setup.answers import Answers, Flags, answers
from cgctl.setup.choosing import Choice, Why
from cgctl.setup.machine import memberships, read_mounts
from cgctl.setup.plan import Change, Present, Wanted, apply, changes, read_present, with_target
from cgctl.setup.trying import chosen_for
from cgctl.trouble import Exit, Trouble
from cgwire.daemon import Doctor, Reload
from cgwire.downloader import Detect
from cgwire.target import Test
from cgwire.task import Compose
from cgwire.text.values import escaped

_WHY: Final = {
    Why.ASKED: later("as you say"),
    Why.AS_NOW: later("as it does now"),
    Why.MOUNT: later("the drive is mounted without allow_other, and lets in nobody else"),
    Why.SERVICE: later("it may read the downloads and write to the drive"),
    Why.GROUP: later("with these groups it may read the downloads and write to the drive"),
    Why.DOWNLOADS: later("the downloads belong to it"),
    Why.DRIVE: later("the drive belongs to it"),
}
_HELP: Final = """Set up the service: who runs it, where files go, a first task.

\b
Finds out as whom the daemon can read your downloads and write to your cloud
drive, writes that down for systemd, adds the target, starts the service, runs
the doctor and a test of the target as the daemon's user, and makes a task.
Asks for what is not given; says what it is going to change before it does.
Run again, it changes only what has changed. It needs root: sudo cgctl setup.

\b
Examples:
  cgctl setup
  cgctl setup --downloads /vol1/downloads --drive /CloudDrive/115 --yes
  cgctl setup --dry-run
"""


@command(help=_HELP)
@click.option("--downloads", metavar="DIR", help="The folder that downloads arrive in.")
@click.option("--drive", metavar="DIR", help="Where the cloud drive is mounted, or a folder in it.")
@click.option("--kind", type=click.Choice(["mount", "directory"]), help="directory: a plain disk instead of a mount.")
@click.option("--target", metavar="NAME", help="What to call the drive (default: after its folder).")
@click.option("--user", metavar="NAME", help="As whom the daemon runs (default: found out).")
@click.option("--group", metavar="NAME", help="With --user: the group (default: the user's own).")
@click.option("--member", metavar="NAME", help="Who may use cgctl (default: who called sudo).")
@click.option("--no-member", is_flag=True, help="Put nobody into the group cloudgather.")
@click.option("--task", metavar="NAME", help="What to call the task (default: after the downloads' folder).")
@click.option("--no-task", is_flag=True, help="Make no task.")
@click.option("--to", metavar="FOLDER", help="The folder on the drive that the task sends to.")
@click.option("--initial", type=click.Choice(["send", "adopt", "ignore"]), help="What is there already.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing; what is not given is found out, or has its default.")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and end.")
@json_option
def setup(
    session: Session,
    downloads: str | None,
    drive: str | None,
    kind: str | None,
    target: str | None,
    user: str | None,
    group: str | None,
    member: str | None,
    no_member: bool,
    task: str | None,
    no_task: bool,
    to: str | None,
    initial: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """See _HELP."""
    service.require(session)
    present = _present(session)
    asks = session.interactive and not yes and not as_json
    flags = Flags(downloads=downloads, drive=drive, kind=kind, target=target)
    mounts = read_mounts()
    given = answers(session, flags, present, mounts, asks=asks)
    choice = chosen_for(session, given.downloads, given.drive, mounts, user=user, group=group)
    member = None if no_member else member or _caller(session)
    wanted = Wanted(account=choice.account, target=given.target, root=given.drive, kind=given.kind, member=member)
    made = changes(
        wanted,
        present,
        now=service.account(),
        is_enabled=service.is_enabled(),
        groups_of_member=frozenset() if member is None else memberships(member),
    )
    known = present.sources.get(given.downloads)
    new = None if no_task or known else (task or default_name(given.downloads))
    plan = _plan(given, choice, made, new)
    if as_json:
        session.print_json({**plan, "applied": yes and not dry_run})
    else:
        _show(session, given, choice, made, None if asks else new)
    if dry_run or (as_json and not yes):
        return Exit.OK
    if made or (new and not asks):
        _confirm(session, asks=asks, yes=yes)
    _carry_out(session, made, wanted, present)
    report = session.call(Test(name=given.target), patience=None)
    if not as_json:
        _tell_test(session, given.target, report)
    if new is not None and not has_failed(report):
        # With --json what stands on stdout is the plan alone.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            _make_task(session, new, given, to, initial, asks=asks)
    checks = session.call(Doctor(), patience=None)["checks"]
    if not as_json:
        session.print()
        session.print(session.bold(session.say("The doctor, as the daemon's user")))
        tell(session, checks, briefly=True)
        _tell_rest(session, made)
    if has_failed(report):
        raise Trouble(
            Exit.FAILED,
            session.say("the target {name} failed the test", name=escaped(given.target)),
            session.say("mend what it names, then run setup again"),
        )
    return Exit.OK


def _present(session: Session) -> Present:
    try:
        return read_present(DEFAULT_CONFIG)
    except (OSError, ValueError) as error:
        raise Trouble(
            Exit.FAILED,
            session.say("cannot read {file}: {cause}", file=DEFAULT_CONFIG, cause=error),
            "cgctl config check",
        ) from error


def _caller(session: Session) -> str | None:
    """Who called sudo."""
    name = session.environ.get("SUDO_USER")
    return name if name and name != "root" else None


def _plan(given: Answers, choice: Choice, made: Sequence[Change], task: str | None) -> dict[str, Any]:
    account = choice.account
    return {
        "downloads": given.downloads,
        "drive": given.drive,
        "kind": given.kind,
        "target": given.target,
        "user": account.user,
        "group": account.group,
        "groups": sorted(account.extra),
        "why": choice.why.value,
        "changes": [{"what": change.what, "about": change.about, "text": change.text} for change in made],
        "task": task,
    }


def _show(session: Session, given: Answers, choice: Choice, made: Sequence[Change], task: str | None) -> None:
    account = choice.account
    session.print(
        session.say(
            "The daemon runs as {user}, group {group}: {why}",
            user=escaped(account.user),
            group=escaped(" ".join([account.group, *sorted(account.extra - {account.group})])),
            why=session.say(_WHY[choice.why]),
        )
    )
    if not made and task is None:
        session.print(session.say("nothing to change"))
        return
    session.print()
    session.print(session.bold(session.say("To be changed")))
    texts = {
        "drop-in": later("write {about}:"),
        "owner": later("give {about} to {to}"),
        "member": later("let {about} use cgctl (group {to})"),
        "target": later("add to {about}:"),
        "enable": later("start {about} with the machine"),
    }
    for change in made:
        text = session.say(texts[change.what], about=escaped(change.about), to=escaped(change.text))
        session.print(f"  {session.mark('now')} {text}")
        if change.what in ("drop-in", "target"):
            for line in change.text.splitlines():
                session.print(f"      {escaped(line)}")
    if task is not None:
        text = session.say("make the task {name}, which sends {source}", name=escaped(task), source=given.downloads)
        session.print(f"  {session.mark('now')} {text}")


def _confirm(session: Session, *, asks: bool, yes: bool) -> None:
    if asks:
        click.confirm(session.say("Do this?"), default=True, abort=True, err=True)
    elif not yes:
        raise Trouble(Exit.USAGE, session.say("not confirmed"), session.say("give --yes"))


def _carry_out(session: Session, made: Sequence[Change], wanted: Wanted, present: Present) -> None:
    for change in made:
        if change.what == "target":
            _check(session, with_target(present, change.text))
    try:
        apply(made, wanted, present)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble(Exit.FAILED, session.say("cannot change it: {cause}", cause=error)) from error
    kinds = {change.what for change in made}
    if kinds & {"drop-in", "owner", "enable"} or not service.is_active():
        service.start(session)
    elif "target" in kinds:
        problems = session.call(Reload())["problems"]
        if problems:
            for line in problem_lines(session, problems):
                session.note(line)
            raise Trouble(Exit.FAILED, session.say("the configuration has errors; what was in effect stays"))


def _check(session: Session, text: str) -> None:
    """Refuse a configuration that the daemon would not take."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        problems = ask_program(session, file.name, "--check").get("problems") or []
    main = [problem for problem in problems if problem.get("file") == file.name]
    if main:
        for line in problem_lines(session, main):
            session.note(line)
        raise Trouble(Exit.FAILED, session.say("the configuration would have errors; nothing was changed"))


def _tell_test(session: Session, target: str, report: Mapping[str, Any]) -> None:
    session.print()
    if has_failed(report):
        session.print(session.bold(session.say("A test of the target {name}", name=escaped(target))))
        tell_steps(session, report)
    else:
        text = session.say("the target {name} was written to, read from and cleaned up", name=escaped(target))
        session.print(f"{session.mark('ok')} {text}")


def _make_task(session: Session, name: str, given: Answers, to: str | None, initial: str | None, *, asks: bool) -> None:
    if asks and not click.confirm(
        session.say("Make a task that sends {source} there?", source=escaped(given.downloads)), default=True, err=True
    ):
        return
    folder = default_name(given.downloads) if to is None else to.strip("/")
    if asks and to is None:
        folder = str(click.prompt(session.say("Folder there"), default=folder, err=True)).strip("/")
    values = {"source": given.downloads, "target": f"{given.target}:{folder}"}
    seen = survey(session, name, values)
    if initial is None and asks and seen is not None and seen["wanted"]:
        initial = Asking(session).initial(seen)
    if initial is not None:
        values["initial"] = initial
    make(session, name, session.call(Compose(name=name, values=values))["text"])


def _tell_rest(session: Session, made: Sequence[Change]) -> None:
    found = session.call(Detect(), patience=None)["found"]
    for each in found:
        if each.get("configured") is None:
            said = session.say(
                "{name} answers at {url}: connected, it tells which files are complete, and nothing is guessed",
                name=session.word(each["kind"]),
                url=escaped(each["url"]),
            )
            session.print(f"{session.mark('ok')} {said}")
            session.print(f"  {session.arrow} cgctl downloader detect")
    for change in made:
        if change.what == "member":
            session.print(session.say("{user} may use cgctl from the next login on", user=escaped(change.about)))
