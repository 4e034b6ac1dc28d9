"""What a downloader is told with a new download, against answers made up here."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from cgwire.codes import Code
from cloudgather.core.downloader import DownloadOrder, SeedingGoal
from cloudgather.ports.downloader import DownloadRefused
from cloudgather.ports.uploads import CannotAsk
from fakes.web import Answered
from unit.outside.talking import aria2, qbittorrent, talking

GOAL = SeedingGoal(ratio=1.5, time=timedelta(seconds=90))
NONE_AT_ALL = SeedingGoal(ratio=1.5, time=timedelta(0))
LIMITS = ("ratioLimit", "seedingTimeLimit", "inactiveSeedingTimeLimit", "shareLimitAction")


def an_order(**changes: Any) -> DownloadOrder:
    given = {"uri": "magnet:?xt=urn:btih:" + "a" * 40, "folder": b"/d", "mark": "0123456789abcdef", **changes}
    return DownloadOrder(**given)


def told_to_qbittorrent(order: DownloadOrder, *, action: int) -> Mapping[str, str]:
    """The form that comes with this order where that is what it does at a limit."""
    forms: list[dict[str, list[str]]] = []

    def answer(path: str, body: bytes) -> bytes:
        if "preferences" in path:
            return json.dumps({"max_ratio_act": action}).encode()
        if "torrents/add" in path:
            forms.append(parse_qs(body.decode()))
            return b"Ok."
        return b"2.8.18"

    talking(qbittorrent, answer, lambda client: client.add(order))
    (form,) = forms
    return {name: values[0] for name, values in form.items()}


def told_to_aria2(order: DownloadOrder, *, limit: int = 2 << 20) -> Mapping[str, str]:
    """The options that come with this order where that is the largest request that it takes."""
    calls: list[dict[str, Any]] = []

    def answer(path: str, body: bytes) -> bytes:
        call = json.loads(body)
        result: Any = {"rpc-max-request-size": str(limit)}
        if call["method"] != "aria2.getGlobalOption":
            assert len(body) <= limit
            calls.append(call)
            result = order.mark
        return json.dumps({"jsonrpc": "2.0", "id": "1", "result": result}).encode()

    talking(aria2, answer, lambda client: client.add(order))
    (call,) = calls
    options: Mapping[str, str] = call["params"][-1]
    return options


@pytest.mark.parametrize(
    ("goal", "options", "told"),
    [
        (None, {}, {}),
        (GOAL, {}, {"seed-ratio": "1.5", "seed-time": "1.5"}),
        (NONE_AT_ALL, {}, {"seed-time": "0"}),
        (SeedingGoal(ratio=0.0, time=timedelta(days=1)), {}, {"seed-time": "0"}),  # as ratio, 0 is no end to it
        (GOAL, {"seed-ratio": "9"}, {"seed-ratio": "9", "seed-time": "1.5"}),
    ],
)
def test_aria2_is_told_until_when_to_seed(
    goal: SeedingGoal | None, options: Mapping[str, str], told: Mapping[str, str]
) -> None:
    found = told_to_aria2(an_order(goal=goal, options=options))

    assert {name: value for name, value in found.items() if name.startswith("seed-")} == told


def test_aria2_is_told_further_trackers_beside_those_that_were_asked_for() -> None:
    order = an_order(trackers=("udp://b:1", "http://c/announce"))

    assert told_to_aria2(order)["bt-tracker"] == "udp://b:1,http://c/announce"
    asked = an_order(trackers=("udp://b:1",), options={"bt-tracker": "udp://a:1"})
    assert told_to_aria2(asked)["bt-tracker"] == "udp://a:1,udp://b:1"
    assert "bt-tracker" not in told_to_aria2(an_order())


def test_aria2_begins_a_file_anew_only_where_it_is_told_to() -> None:
    assert told_to_aria2(an_order(afresh=True))["remove-control-file"] == "true"
    assert "remove-control-file" not in told_to_aria2(an_order())


def test_aria2_is_told_nothing_that_makes_a_larger_request_than_it_takes() -> None:
    small = an_order(uri=None, torrent=b"t" * 20_000)
    many = [f"udp://tracker{number}.example.org:1337/announce" for number in range(500)]

    assert told_to_aria2(small, limit=30_000)
    for larger in (replace(small, torrent=b"t" * 23_000), replace(small, trackers=many)):
        with pytest.raises(DownloadRefused) as refused:
            told_to_aria2(larger, limit=30_000)
        assert refused.value.reason.code == Code.DOWNLOADER_REQUEST
        assert refused.value.reason.facts["limit"] == 30_000


@pytest.mark.parametrize(
    ("goal", "options", "told"),
    [
        (None, {}, {}),
        (GOAL, {}, {"ratioLimit": "1.5", "seedingTimeLimit": "2"}),
        (NONE_AT_ALL, {}, {"ratioLimit": "1.5", "seedingTimeLimit": "0"}),
        (GOAL, {"ratioLimit": "9"}, {"ratioLimit": "9", "seedingTimeLimit": "2"}),
    ],
)
def test_qbittorrent_is_told_until_when_to_seed_and_that_it_is_to_stop_then(
    goal: SeedingGoal | None, options: Mapping[str, str], told: Mapping[str, str]
) -> None:
    found = told_to_qbittorrent(an_order(goal=goal, options=options), action=0)

    assert {name: found[name] for name in LIMITS if name in found} == {**told, "shareLimitAction": "Stop"}


@pytest.mark.parametrize("action", [1, 3, 4711])
def test_where_qbittorrent_removes_at_a_limit_it_is_given_none(action: int) -> None:
    found = told_to_qbittorrent(an_order(goal=GOAL, options={"ratioLimit": "9", "upLimit": "7"}), action=action)

    assert {name: found[name] for name in LIMITS} == {
        **dict.fromkeys(LIMITS[:3], "-1"),
        "shareLimitAction": "Stop",
    }
    assert found["upLimit"] == "7"


def test_a_proxy_that_cannot_reach_qbittorrent_refuses_nothing_for_good() -> None:
    def answer(path: str, body: bytes) -> bytes | Answered:
        if "torrents/add" in path:
            return Answered(status=502)
        return b'{"max_ratio_act": 0}' if "preferences" in path else b"2.8.18"

    with pytest.raises(CannotAsk) as cannot:
        talking(qbittorrent, answer, lambda client: client.add(an_order()))
    assert "502" in repr(cannot.value.reason)
