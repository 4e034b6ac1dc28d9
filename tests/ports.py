"""Ports that the kernel gives to nobody who does not ask for them by their number."""

import contextlib
import random
import socket


def bind(to: socket.socket) -> int:
    """Bind the socket to one that nobody has, at 127.0.0.1.

    Of those that are given to whoever asks for any, the kernel gives one that is bound a second time: to a server that
    sets SO_REUSEADDR, as long as nobody listens there.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        lowest = int(file.read().split()[0])
    while True:
        with contextlib.suppress(OSError):
            to.bind(("127.0.0.1", random.SystemRandom().randrange(10_000, max(lowest, 30_000))))
            return int(to.getsockname()[1])
