"""A server that answers as rclone's remote control does: recorded from 1.60 and 1.75."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


class Refuse(Exception):
    """An answer with another status."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class FakeRemoteControl:
    """`answers`: method -> what it answers, or a function of the parameters that may raise Refuse."""

    def __init__(self, *, fs: str = "cloud:", queue: list[dict[str, Any]] | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.turns = 0  # that a client took before it asked
        self.password: str | None = None
        self.body: bytes | None = None  # instead of anything sensible
        self.cloud: dict[str, dict[str, Any]] = {}  # remote -> item
        self.answers: dict[str, Answer] = {
            "vfs/list": {"vfses": [fs]},
            "mount/listmounts": {"mountPoints": []},
            "core/transferred": {"transferred": []},
            "vfs/stats": {"fs": fs, "diskCache": {"uploadsInProgress": 0, "uploadsQueued": 0, "erroredFiles": 0}},
            "operations/stat": lambda given: {"item": self.cloud.get(given["remote"])},
            "operations/list": self._list,
        }
        if queue is not None:
            self.answers["vfs/queue"] = {"queue": queue}

    def put(self, remote: str, size: int, when: str = "2026-11-21T23:13:42.161123693Z") -> None:
        """The cloud has it."""
        name = remote.rpartition("/")[2]
        self.cloud[remote] = {"Path": remote, "Name": name, "Size": size, "ModTime": when, "IsDir": False}

    def count(self, method: str) -> int:
        """How often it was called."""
        return sum(name == method for name, _ in self.calls)

    async def turn(self, target: str) -> None:
        """The client's budget."""
        self.turns += 1

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        folder = given["remote"]
        found = [item for remote, item in self.cloud.items() if remote.rpartition("/")[0] == folder]
        if not found:
            raise Refuse(404, "error in ListJSON: directory not found")
        return {"list": found}

    async def answer(self, request: web.Request) -> web.Response:
        """One call."""
        method, given = request.path.strip("/"), await request.json()
        self.calls.append((method, given))
        if self.body is not None:
            return web.Response(body=self.body)
        if self.password is not None:
            said = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic "))
            if said != f"me:{self.password}".encode():
                return web.Response(status=401, text="Unauthorized")
        if method == "rc/list":
            return _reply({"commands": [{"Path": name} for name in self.answers]})
        if method not in self.answers:
            return _reply({"error": f'couldn\'t find method "{method}"', "status": 404}, 404)
        found = self.answers[method]
        try:
            return _reply(found(given) if callable(found) else found)
        except Refuse as refused:
            return _reply({"error": refused.error, "status": refused.status}, refused.status)

    @asynccontextmanager
    async def serving(self, socket: str | None = None) -> AsyncIterator[str]:
        """Its address, as a target's rclone_rc."""
        app = web.Application()
        app.router.add_post("/{method:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            if socket is not None:
                await web.UnixSite(runner, socket).start()
                yield f"unix:{socket}"
            else:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def _reply(answer: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(answer).encode(), content_type="application/json")
