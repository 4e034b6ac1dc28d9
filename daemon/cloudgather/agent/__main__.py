"""Entry of `python -m cloudgather.agent FD`: the process that alone touches one target, or one source that may hang."""

import gc
import os
import signal
import socket
import struct
import sys
from typing import NoReturn

from cloudgather.agent.child import Agent
from cloudgather.agent.system import die_with_parent


def main() -> NoReturn:
    """Serve the inherited socket FD; ends with the daemon that made the socket, at the latest."""
    os.set_inheritable(fd := int(sys.argv[1]), False)
    connection = socket.socket(fileno=fd)
    connection.setblocking(True)
    # The daemon decides when an agent leaves, also where a signal goes to all processes of its group or unit.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
    # It may have ended before that: a socketpair's peer is the process that made it.
    daemon = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    if os.getppid() != daemon:
        os._exit(1)
    gc.freeze()  # what is there now stays
    # A batch makes objects by the thousand, which hardly ever form a cycle.
    gc.set_threshold(10_000, 10, 10)
    Agent(connection).serve()


if __name__ == "__main__":
    main()
