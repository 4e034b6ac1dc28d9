"""Which downloader answers on a port: told by what each of them says, with and without a password."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cgctl.probing import Downloader, downloaders, probe

Answers = Mapping[tuple[str, str], tuple[int, Mapping[str, str], bytes]]

# As qBittorrent 4.5, aria2 1.36 and Transmission 3.00 answer.
QBITTORRENT_OPEN: Answers = {("GET", "/api/v2/app/version"): (200, {}, b"v4.5.2")}
QBITTORRENT_LOCKED: Answers = {
    ("GET", "/api/v2/app/version"): (403, {}, b"Forbidden"),
    ("GET", "/"): (200, {}, b"<title>qBittorrent Web UI</title>"),
}
ARIA2_OPEN: Answers = {
    ("POST", "/jsonrpc"): (200, {}, b'{"id":"x","jsonrpc":"2.0","result":{"enabledFeatures":[],"version":"1.36.0"}}')
}
ARIA2_LOCKED: Answers = {
    ("POST", "/jsonrpc"): (400, {}, b'{"id":"x","jsonrpc":"2.0","error":{"code":1,"message":"Unauthorized"}}')
}
TRANSMISSION_OPEN: Answers = {("GET", "/transmission/rpc"): (409, {"X-Transmission-Session-Id": "abc"}, b"<h1>409")}
TRANSMISSION_LOCKED: Answers = {
    ("GET", "/transmission/rpc"): (401, {"WWW-Authenticate": 'Basic realm="Transmission"'}, b"401")
}
ALL = {
    "qbittorrent": (QBITTORRENT_OPEN, QBITTORRENT_LOCKED),
    "aria2": (ARIA2_OPEN, ARIA2_LOCKED),
    "transmission": (TRANSMISSION_OPEN, TRANSMISSION_LOCKED),
}


@contextmanager
def answering(answers: Answers) -> Iterator[int]:
    """A server on a free port; what it has no answer for is 404."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, body = answers.get((self.command, self.path), (404, {}, b"no such page"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815  # the names are http.server's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("locked", [False, True])
def test_each_is_known_by_its_answer(kind: str, locked: bool) -> None:
    with answering(ALL[kind][locked]) as port:
        found = probe(kind, "127.0.0.1", port, patience=20)

    assert found == Downloader(kind=kind, host="127.0.0.1", port=port, locked=locked)


@pytest.mark.parametrize("kind", ALL)
def test_no_other_is_taken_for_it(kind: str) -> None:
    others = [answers for other, pair in ALL.items() if other != kind for answers in pair]
    websites: list[Answers] = [{}, {("GET", "/api/v2/app/version"): (200, {}, b"<html>a page for every path</html>")}]
    for answers in others + websites:
        with answering(answers) as port:
            assert probe(kind, "127.0.0.1", port, patience=20) is None


def test_nobody_and_who_does_not_speak_http_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        assert list(downloaders(ports={port: "aria2"}, patience=0.05)) == []  # it listens, and never answers
    assert list(downloaders(ports={port: "aria2"}, patience=20)) == []  # nobody listens any more


def test_the_usual_ports_are_asked_as_the_usual_kinds() -> None:
    with answering(ARIA2_LOCKED) as one, answering(TRANSMISSION_OPEN) as other:
        found = list(downloaders(ports={one: "aria2", other: "transmission"}, patience=20))

    assert [(each.name, each.locked) for each in found] == [("aria2", True), ("Transmission", False)]
