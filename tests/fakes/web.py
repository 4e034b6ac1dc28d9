"""A web server whose answers a test gives."""

import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answered:
    """A body, a status that may be another than 200, and further headers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def answering(
    answer: Callable[[str, bytes], bytes | Answered], *, cookies: Callable[[str], None] = lambda _: None
) -> Iterator[str]:
    """Its address; `answer` is given the path with its query, and the body, and answers with a body.

    Before, `cookies` is given what it was sent of those.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cookies(self.headers.get("Cookie") or "")
            given = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            answered = given if isinstance(given, Answered) else Answered(given)
            self.send_response(answered.status)
            self.send_header("Content-Length", str(len(answered.body)))
            for name, value in answered.headers.items():
                self.send_header(name, value)
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
