"""How a test talks to the process that serves a file system of ours: a line of JSON each way, a connection each."""

import json
import socket
import threading
from collections.abc import Callable
from typing import Any


def listen(control: str, obey: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer commands on a Unix socket, in a thread of their own, as long as the process lives."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(control)
    server.listen()

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rw") as stream:
                stream.write(json.dumps(obey(json.loads(stream.readline()))) + "\n")

    threading.Thread(target=serve, daemon=True, name="control").start()


def tell(control: str, command: str, **facts: Any) -> dict[str, Any]:
    """One command and its answer; blocks for as long as a local socket takes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(control)
        connection.sendall(json.dumps({"command": command, **facts}).encode() + b"\n")
        with connection.makefile() as stream:
            return dict(json.loads(stream.readline()))
