"""cgctl downloader: the programs that say whether a download is complete."""

from collections.abc import Mapping, Sequence
from typing import Final

from cgctl.completing import downloader_argument
from cgctl.language import later
from cgctl.options import as_json, command
from cgctl.session import Session
from cgctl.settings import print_settings
from cgctl.trouble import Exit, Trouble
from cgwire.downloader import Detect, List, Show, Test
from cgwire.text.values import escaped, rate

_ADVICE: Final = (
    later("is it running, with its web interface or RPC on (qBittorrent: Options, Web UI; aria2: enable-rpc)?"),
    later("does it run on another machine, or in a container? 127.0.0.1 is where the daemon runs"),
    later(
        "at another address or port: write [downloaders.NAME] with its kind and url into the main file; "
        "then cgctl config reload and cgctl downloader test NAME"
    ),
)


@command("list")
@as_json
def list_(session: Session, as_json: bool) -> None:
    """List the downloaders.

    \b
    Examples:
      cgctl downloader list
    """
    reply = session.call(List())
    if as_json:
        session.print_json(reply)
        return
    rows = []
    for each in reply["downloaders"]:
        silent = each.get("silent")
        mark = session.mark("warn" if silent else "ok")
        state = session.sentence(silent) if silent else session.say("answers")
        rows.append(
            [
                f"{mark} {escaped(each['name'])}",
                session.word(each["kind"]),
                escaped(each["url"]),
                str(each["items"]),
                str(each["unfinished"]),
                rate(each["speed"]),
                state,
            ]
        )
    if rows:
        session.print_table(("NAME", "KIND", "ADDRESS", "ITEMS", "UNFINISHED", "SPEED", "STATE"), rows, right=(3, 4))
    else:
        session.print(session.say("no downloaders; `cgctl downloader detect` looks for some"))


@command()
@downloader_argument
@as_json
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one downloader in full, with what it has not completed.

    \b
    Examples:
      cgctl downloader show qb
    """
    reply = session.call(Show(name=name))
    if as_json:
        session.print_json(reply)
        return
    session.print(f"{session.bold(escaped(reply['name']))}  {session.word(reply['kind'])}  {escaped(reply['url'])}")
    if (silent := reply.get("silent")) is not None:
        session.print(f"  {session.mark('warn')} {session.sentence(silent)}")
        if advice := session.hint(silent):
            session.print(f"  {session.arrow} {advice}")
    for item, phase, progress, speed, folder in reply["unfinished_items"]:
        told = (f"{progress * 100:.0f}%", session.word(phase), rate(speed) if speed else "", escaped(folder))
        session.print(f"  {escaped(item) or session.say('unnamed')}  {session.joined(told)}")
    session.print()
    session.print(session.bold(session.say("Settings")))
    print_settings(session, reply["config"])


@command()
@downloader_argument
@as_json
def test(session: Session, name: str, as_json: bool) -> int:
    """Ask a downloader anew, and look whether its folders are found here.

    \b
    Names what is wrong with address, password, version or paths, and the remedy.
    Exits with 1 if something is.

    \b
    Examples:
      cgctl downloader test qb
    """
    report = session.call(Test(name=name), patience=None)
    if as_json:
        session.print_json(report)
        return Exit.OK if report["ok"] else Exit.FAILED
    if report.get("program"):
        session.print(session.say("version {program}, interface {api}", program=report["program"], api=report["api"]))
    for ok, reason in report["findings"]:
        session.print(f"{session.mark('ok' if ok else 'bad')} {session.sentence(reason)}")
        if not ok and (advice := session.hint(reason)):
            session.print(f"  {session.arrow} {advice}")
    if not report["ok"]:
        raise Trouble(Exit.FAILED, session.say("the downloader {name} failed the test", name=escaped(name)))
    return Exit.OK


@command()
@as_json
def detect(session: Session, as_json: bool) -> None:
    """Look for downloaders at the usual ports of the daemon's machine.

    \b
    Prints what to put into the main file for each. Nobody is shown a password.

    \b
    Examples:
      cgctl downloader detect
    """
    reply = session.call(Detect(), patience=None)
    if as_json:
        session.print_json(reply)
        return
    for found in reply["found"]:
        if found.get("configured"):
            said = session.say("{url}: configured as {name}", url=found["url"], name=escaped(found["configured"]))
            session.print(f"{session.mark('ok')} {said}")
            continue
        session.print(f"{session.mark('ok')} {session.say('{url}: put this into the main file', url=found['url'])}")
        for line in found["lines"]:
            session.print(f"    {line}")
    if not reply["found"]:
        _print_none(session, reply["tried"])


def _print_none(session: Session, tried: Sequence[Mapping[str, str]]) -> None:
    """Where none was found, and what may be the cause."""
    session.print(session.say("none found at the usual ports of the daemon's machine"))
    addresses: dict[str, list[str]] = {}
    for each in tried:
        addresses.setdefault(each["kind"], []).append(each["url"])
    session.print_table((), [(session.word(kind), "  ".join(urls)) for kind, urls in addresses.items()], indent=2)
    for advice in _ADVICE:
        session.print(f"{session.arrow} {session.say(advice)}")
