"""Options of single downloads: converted to what the downloader takes, or refused with the reason."""

from typing import Any

import pytest

from cgwire.codes import Code
from cgwire.reasons import because
from cgwire.text import EN, ZH_CN, sentence
from cloudgather.core.downloader import Kind
from cloudgather.core.options import BadOption, checked, of_group


def test_what_users_of_cloudreve_write_for_aria2_becomes_strings() -> None:
    given = {"bt-tracker": ["udp://a:1/announce", "http://b/announce"], "seed-ratio": 1.0, "seed-time": 1000}

    assert checked(Kind.ARIA2, given) == {
        "bt-tracker": "udp://a:1/announce,http://b/announce",
        "seed-ratio": "1.0",
        "seed-time": "1000",
    }


def test_what_users_of_cloudreve_write_for_qbittorrent() -> None:
    given = {"dlLimit": 102400, "ratioLimit": 1.0, "seedingTimeLimit": 1000}

    assert checked(Kind.QBITTORRENT, given) == {"dlLimit": "102400", "ratioLimit": "1.0", "seedingTimeLimit": "1000"}


@pytest.mark.parametrize(
    ("name", "value", "converted"),
    [
        ("max-download-limit", "2M", "2097152"),
        ("max-download-limit", "100k", "102400"),
        ("max-upload-limit", 0, "0"),
        ("check-certificate", False, "false"),
        ("check-certificate", "true", "true"),
        ("split", "4", "4"),
        ("file-allocation", "none", "none"),
        ("user-agent", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
    ],
)
def test_a_value_is_converted(name: str, value: Any, converted: str) -> None:
    assert checked(Kind.ARIA2, {name: value}) == {name: converted}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max-concurrent-downloads", 3, "as a whole"),
        ("dir", "/etc", "by itself"),
        ("gid", "1", "by itself"),
        ("on-download-complete", "/bin/sh", "no such option"),
        ("save-cookies", "/etc/passwd", "no such option"),
        ("max-download-limits", 1, "did you mean"),
        ("max-download-limit", "fast", "bytes a second"),
        ("max-download-limit", True, "bytes a second"),
        ("max-download-limit", [1], "bytes a second"),
        ("seed-ratio", "nan", "a number"),
        ("seed-ratio", -1, "a number"),
        ("split", 1.5, "a whole number"),
        ("split", {}, "a whole number"),
        ("check-certificate", 1, "must be true or false"),
        ("bt-tracker", [1], "a list"),
        ("bt-tracker", "tracker", "a list"),
        ("user-agent", "a\r\nHost: b", "one line"),
        ("file-allocation", "all", "one of"),
    ],
)
def test_what_would_be_ignored_or_do_harm_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(BadOption) as caught:
        checked(Kind.ARIA2, {name: value})

    reason = caught.value.reason.to_wire()
    assert sentence(reason, EN).startswith(name) and said in sentence(reason, EN)
    assert name in sentence(reason, ZH_CN) and said not in sentence(reason, ZH_CN)


def test_a_group_has_no_option_that_no_kind_of_downloader_has() -> None:
    assert of_group(Kind.ARIA2, {"dlLimit": "1M", "split": 4}) == {"split": "4"}

    with pytest.raises(BadOption) as caught:
        of_group(Kind.ARIA2, {"dlLimits": "1M"})

    assert caught.value.reason == because(Code.OPTION_NOBODYS, option="dlLimits")
