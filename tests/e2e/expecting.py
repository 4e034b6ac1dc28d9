"""What tests of targets that go wrong wait for and demand."""

import os
from collections.abc import Mapping
from typing import Any

from cgwire import queue as queue_wire
from e2e.running import Running
from waiting import eventually_sync


def half_way(running: Running) -> None:
    """Until a file is being copied and the target has some of it."""

    def is_met() -> bool:
        return any(0 < (each["done"] or 0) < each["size"] for each in running.status()["active"])

    eventually_sync(is_met, what="a copy half-way")


def until_held(running: Running, name: str, code: str, *, cause: str | None = None) -> None:
    """Until the queue, the status and `why` agree that the file waits because its target is held by this."""
    path = os.fsencode(name)

    def agree() -> bool:
        listed = [each["held"] for each in running.transfers() if each["path"] == path]
        (target,) = [each for each in running.status()["targets"] if each["name"] == "cloud"]
        told = [target["held"], running.why(name)["reasons"], *listed]
        return bool(listed) and target["state"] == "held" and all(_names(reasons, code, cause) for reasons in told)

    eventually_sync(agree, within=40, what=f"{code} for {name}")


def _names(reasons: list[dict[str, Any]], code: str, cause: str | None) -> bool:
    return any(each["code"] == code and (cause is None or each["cause"]["code"] == cause) for each in reasons)


def all_arrive(running: Running, backing: bytes, contents: Mapping[bytes, bytes], *, within: float = 40) -> None:
    """All are uploaded, whole, and nothing else is left behind the mount; the source stands as it did."""
    for name in contents:
        running.until(name, "done", within=within)
    eventually_sync(lambda: set(running.sent(backing)) == set(contents), within=within, what="no temporary left")
    assert running.sent(backing) == contents
    assert os.listdir(backing) == [b"films"]
    for name, content in contents.items():
        with open(running.path(name), "rb") as file:
            assert file.read() == content


def history(running: Running, name: str) -> list[dict[str, Any]]:
    """The moves of the file's only transfer."""
    (transfer,) = [each for each in running.transfers() if each["path"] == os.fsencode(name)]
    moves: list[dict[str, Any]] = running.ask(queue_wire.Show(id=transfer["id"]))["history"]
    return sorted(moves, key=lambda move: move["id"])


def events(running: Running, name: str) -> list[str]:
    """What has happened to the file's only transfer."""
    return [move["event"] for move in history(running, name)]


def put_off(running: Running, name: str) -> list[str]:
    """Why its attempts but the last ended, by code."""
    return [move["reason"]["code"] for move in history(running, name) if move["event"] == "defer"]


def attempts(running: Running) -> set[int]:
    """How many attempts were spent on transfers."""
    return {each["attempts"] for each in running.transfers()}
