"""cgctl version: its own and the daemon's."""

from typing import Any

from cgctl.connection import Connection, Refusal, Unreachable
from cgctl.options import as_json, command
from cgctl.session import Session
from cgwire.daemon import Ping
from cgwire.version import VERSION


@command()
@as_json
def version(session: Session, as_json: bool) -> None:
    """Show the versions of cgctl and of the daemon, which may be down.

    \b
    Examples:
      cgctl version
    """
    daemon: dict[str, Any] | None
    try:
        with Connection(session.address) as connection:
            daemon = connection.call(Ping(), patience=5)
    except (Refusal, Unreachable):
        daemon = None
    if as_json:
        session.print_json({"cgctl": VERSION, "cloudgatherd": daemon})
        return
    session.print(f"cgctl {VERSION}")
    if daemon is None:
        session.print("cloudgatherd: " + session.say("does not answer"))
    else:
        session.print(f"cloudgatherd {daemon['version']} (pid {daemon['pid']})")
