"""A web server whose answers a test gives."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """A body, and a status that may be another than 200."""

    body: bytes = b""
    status: int = 200


@contextmanager
def answering(answer: Callable[[str, bytes], bytes | Answered]) -> Iterator[str]:
    """Its address; `answer` is given the path with its query, and the body, and answers with a body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            answered = given if isinstance(given, Answered) else Answered(given)
            self.send_response(answered.status)
            self.send_header("Content-Length", str(len(answered.body)))
            self.end_headers()
            self.wfile.write(answered.body)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
