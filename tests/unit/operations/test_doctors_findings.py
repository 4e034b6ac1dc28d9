"""What the daemon adds to the doctor's findings: its downloaders."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cgwire import daemon as wire
from cgwire.codes import Code
from cgwire.reasons import Reason, because
from cloudgather.core.caller import Caller
from cloudgather.operations.daemon import DaemonOperations
from cloudgather.operations.world import World


@pytest.mark.parametrize(
    ("silent", "ok", "code"),
    [
        (None, "ok", "downloader.answers"),
        (because(Code.DOWNLOADER_STARTING, downloader="qb"), "warn", "downloader.starting"),
        (because(Code.DOWNLOADER_PASSWORD, downloader="qb", user="admin"), "bad", "downloader.password"),
    ],
)
def test_a_downloader_is_a_finding_of_the_doctor(silent: Reason | None, ok: str, code: str) -> None:
    async def examined() -> Mapping[str, Any]:
        return {"checks": [{"name": "clock", "ok": "ok"}]}

    following = SimpleNamespace(silent=silent, spec=SimpleNamespace(name="qb"))
    intake = SimpleNamespace(claims=SimpleNamespace(following={"qb": following}))
    world = cast(World, SimpleNamespace(doctor=examined, intake=intake))

    clock, found = asyncio.run(DaemonOperations(world).daemon_doctor(wire.Doctor(), cast(Caller, None)))["checks"]

    assert clock["name"] == "clock"
    assert (found["name"], found["subject"], found["ok"], found["code"]) == ("downloader", "qb", ok, code)
