"""An FTP server on loopback, as small as a downloader lets it be."""

import socket
import socketserver
import threading
from collections.abc import Mapping
from types import TracebackType

_PATIENCE = 60.0


class FtpServer:
    """As a context it serves `files`, by name, to anybody."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                _talk(self, files)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.address = f"ftp://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FtpServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _talk(session: socketserver.StreamRequestHandler, files: Mapping[str, bytes]) -> None:
    def say(line: str) -> None:
        session.wfile.write(f"{line}\r\n".encode())

    passive: socket.socket | None = None
    begin = 0
    say("220 ready")
    while line := session.rfile.readline().decode().strip():
        word, _, given = line.partition(" ")
        name = given.rsplit("/", 1)[-1]
        match word.upper():
            case "USER":
                say("331 password?")
            case "PASS":
                say("230 welcome")
            case "TYPE":
                say("200 yes")
            case "CWD":
                say("250 there")
            case "PWD":
                say('257 "/"')
            case "SIZE" if name in files:
                say(f"213 {len(files[name])}")
            case "PASV":
                passive = socket.create_server(("127.0.0.1", 0))
                high, low = divmod(passive.getsockname()[1], 256)
                say(f"227 there (127,0,0,1,{high},{low})")
            case "REST":
                begin = int(given)
                say("350 from there")
            case "RETR" if name in files and passive is not None:
                say("150 it comes")
                passive.settimeout(_PATIENCE)
                with passive, passive.accept()[0] as data:
                    data.sendall(files[name][begin:])
                say("226 done")
            case "QUIT":
                say("221 bye")
                return
            case _:
                say("550 no")
