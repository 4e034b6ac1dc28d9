"""A web server on loopback whose files stop, go missing and come back when a test says so."""

import http.server
import threading
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import unquote

_STEP = 16 << 10
_PATIENCE = 300.0


class Website:
    """As a context it serves `files`, by name; `ranges`: it can begin in the middle of one."""

    def __init__(self, files: Mapping[str, bytes], *, ranges: bool = True) -> None:
        self.files = dict(files)
        self.ranges = ranges
        self.missing: set[str] = set()  # names that it says it does not have
        self.asked: list[tuple[str, str | None]] = []  # (name, the range that was asked for)
        self._stops_at: int | None = None
        self._on = threading.Event()
        self._on.set()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site._serve(self)

            def do_HEAD(self) -> None:
                site._serve(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Website":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stop_at(self, count: int) -> None:
        """Of each file only so many bytes are sent until it may go on; of 0, not even the answer's head."""
        self._stops_at = count
        self._on.clear()

    def go_on(self) -> None:
        """Whatever has stopped goes on, and nothing stops any more."""
        self._on.set()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        name = unquote(handler.path.lstrip("/"))
        wanted = handler.headers.get("Range")
        self.asked.append((name, wanted))
        if self._stops_at == 0:
            self._on.wait(_PATIENCE)
        if name in self.missing or name not in self.files:
            handler.send_error(HTTPStatus.NOT_FOUND)
            return
        content = self.files[name]
        begin, end = 0, len(content)
        if wanted is not None and self.ranges:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), int(last) + 1 if last else end
            handler.send_response(HTTPStatus.PARTIAL_CONTENT)
            handler.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        else:
            handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Length", str(end - begin))
        handler.end_headers()
        if handler.command == "HEAD":
            return
        try:
            for at in range(begin, end, _STEP):
                if self._stops_at is not None and at + _STEP > self._stops_at:
                    self._on.wait(_PATIENCE)
                handler.wfile.write(content[at : min(at + _STEP, end)])
        except OSError:
            handler.close_connection = True  # whoever asked has gone
