"""cgctl upload: bring over files or folders now."""

import click

from cgctl.following import subscribe, wait, wait_for
from cgctl.options import absolute, as_json, command
from cgctl.session import Session
from cgctl.trouble import Exit, Trouble
from cgwire.path import Upload
from cgwire.text.values import escaped


@command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--skip-settle", is_flag=True, help="I know that they are complete: do not wait until they are quiet.")
@click.option("--wait", "waits", is_flag=True, help="Wait until they are uploaded; exit 1 if anything failed.")
@as_json
def upload(session: Session, paths: tuple[str, ...], skip_settle: bool, waits: bool, as_json: bool) -> int:
    """Upload files or folders now; they must lie in the source of a task.

    \b
    A file that does not look complete still waits until it does, unless you say
    --skip-settle.

    \b
    Examples:
      cgctl upload film.mkv
      cgctl upload --skip-settle --wait /downloads/series/season-1
    """
    order = Upload(paths=tuple(absolute(path) for path in paths), skip_settle=skip_settle)
    if not waits:
        reply = session.call(order)
        return _told(session, reply, as_json)
    with subscribe(session, task=None) as connection:
        reply = session.call(order)
        if as_json:
            code: int = Exit.FAILED if reply["refused"] else Exit.OK
        else:
            code = _told(session, reply, as_json)
        waited = wait(session, connection, reply["runs"], as_json=as_json)
        refused = [path for path, _ in reply["refused"]]
        rest = wait_for(session, connection, [path for path in order.paths if path not in refused], silent=as_json)
        return waited or rest or code


def _told(session: Session, reply: dict[str, object], as_json: bool) -> int:
    refused = reply["refused"]
    assert isinstance(refused, list)
    if as_json:
        session.print_json(reply)
    else:
        session.print(session.say("accepted: {n}", n=reply["accepted"]))
        for path, reason in refused:
            session.note(f"{session.mark('bad')} {escaped(path)}: {session.sentence(reason)}")
    if refused and not reply["accepted"] and not as_json:
        raise Trouble(Exit.FAILED, session.say("nothing was accepted"), session.hint(refused[0][1]))
    return Exit.FAILED if refused else Exit.OK
