"""Entry of `python -m cloudgather.agent FD PARENT`: what alone touches one target, or one source that may hang."""

import gc
import os
import signal
import sys
from typing import NoReturn

from cloudgather.agent import leases
from cloudgather.agent.child import Agent
from cloudgather.agent.system import die_with_parent


def main() -> NoReturn:
    """Serve the inherited socket FD; ends with the daemon, whose pid PARENT is, at the latest."""
    connection, daemon = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(connection, False)
    os.set_blocking(connection, True)
    # The daemon decides when an agent leaves, also where a signal goes to all processes of its group or unit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    leases.ignore_writers_signals()
    die_with_parent(signal.SIGKILL)
    if os.getppid() != daemon:  # it had ended before that
        os._exit(1)
    gc.freeze()  # what is there now stays
    # A batch makes objects by the thousand, which hardly ever form a cycle.
    gc.set_threshold(10_000, 10, 10)
    Agent(connection).serve()


if __name__ == "__main__":
    main()
